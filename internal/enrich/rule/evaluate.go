package rule

import (
	"bytes"
	"encoding/binary"
	"net/netip"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// match is whether a packet matches a rule.
type match uint8

const (
	no match = iota
	maybe
	yes
)

func matchOf(ok bool) match {
	if ok {
		return yes
	}
	return no
}

// Packet is what is known of a packet that was rejected, and of the way it
// took.
type Packet struct {
	Src, Dst  netip.AddrPort
	Trigger   *reset.Trigger // its headers; may be nil
	Interface string         // on which the RST left; "" is not known
}

// machine leads a packet through a rule.
type machine struct {
	packet    Packet
	family    uint8
	network   []byte // its header, as far as it is known
	known     []bool // of each byte of it
	transport []byte
	sure      []bool
	registers [registers][]byte // nil: not known
}

func newMachine(p Packet) *machine {
	m := &machine{packet: p, family: familyIPv4, network: make([]byte, 20), transport: make([]byte, 20)}
	src, dst := 12, 16
	if !p.Src.Addr().Is4() {
		m.family, m.network = familyIPv6, make([]byte, 40)
		src, dst = 8, 24
	}
	m.known, m.sure = make([]bool, len(m.network)), make([]bool, 20)
	if m.family == familyIPv4 {
		put(m.network, m.known, 9, []byte{6})
	}
	put(m.network, m.known, src, p.Src.Addr().AsSlice())
	put(m.network, m.known, dst, p.Dst.Addr().AsSlice())
	put(m.transport, m.sure, 0, binary.BigEndian.AppendUint16(nil, p.Src.Port()))
	put(m.transport, m.sure, 2, binary.BigEndian.AppendUint16(nil, p.Dst.Port()))
	if t := p.Trigger; t != nil {
		m.headers(t)
	}
	return m
}

// headers fills in what the record says of the trigger.
func (m *machine) headers(t *reset.Trigger) {
	put(m.transport, m.sure, 13, []byte{byte(t.Flags)})
	if t.Seq.OK {
		put(m.transport, m.sure, 4, binary.BigEndian.AppendUint32(nil, t.Seq.V))
	}
	if t.Ack.OK {
		put(m.transport, m.sure, 8, binary.BigEndian.AppendUint32(nil, t.Ack.V))
	}
	if t.Window.OK {
		put(m.transport, m.sure, 14, binary.BigEndian.AppendUint16(nil, t.Window.V))
	}
	if m.family == familyIPv6 {
		if t.TTL.OK {
			put(m.network, m.known, 7, []byte{t.TTL.V})
		}
		return
	}
	if t.TTL.OK {
		put(m.network, m.known, 8, []byte{t.TTL.V})
	}
	if t.Length.OK {
		put(m.network, m.known, 2, binary.BigEndian.AppendUint16(nil, uint16(t.Length.V)))
	}
}

func put(header []byte, known []bool, at int, value []byte) {
	for i, b := range value {
		if at+i < len(header) {
			header[at+i], known[at+i] = b, true
		}
	}
}

// evaluate tells whether the packet matches a rule that stands in c.
func (m *machine) evaluate(s *ruleset, c *chain, r *rule) match {
	m.registers = [registers][]byte{}
	result := yes
	for i := range r.steps {
		got := m.step(s, c, &r.steps[i])
		if got == no {
			return no
		}
		result = min(result, got)
	}
	return result
}

func (m *machine) step(s *ruleset, c *chain, st *step) match {
	switch st.op {
	case opUnknown:
		m.registers = [registers][]byte{}
		return maybe
	case opForget:
		m.load(st.target, nil)
	case opMeta:
		m.load(st.target, m.meta(st.key))
	case opPayload:
		m.load(st.target, m.bytes(st))
	case opState:
		m.load(st.target, m.state())
	case opMask:
		m.mask(st)
	case opCompare:
		return m.compare(st)
	case opRange:
		return m.within(st)
	case opLookup:
		if _, found := m.lookup(s, c, st); found != maybe {
			return matchOf((found == yes) != st.inverted)
		}
		return maybe
	case opMap:
		_, found := m.lookup(s, c, st)
		return found
	case opPorts:
		return m.ports(st.ports)
	case opAddress:
		return m.address(st.address)
	}
	return yes
}

// load puts a value into a register, and nothing behind it.
func (m *machine) load(at int, value []byte) {
	if at >= 0 && at < registers {
		m.registers[at] = value
	}
}

func (m *machine) register(at int) []byte {
	if at < 0 || at >= registers {
		return nil
	}
	return m.registers[at]
}

func (m *machine) meta(key uint32) []byte {
	switch key {
	case metaL4:
		return []byte{6}
	case metaFamily:
		return []byte{m.family}
	case metaProtocol:
		if m.family == familyIPv6 {
			return []byte{0x86, 0xdd}
		}
		return []byte{0x08, 0x00}
	}
	return nil
}

// bytes are those of the packet that a step loads, if they are all known.
func (m *machine) bytes(st *step) []byte {
	header, known := m.network, m.known
	switch st.base {
	case 1:
	case 2:
		header, known = m.transport, m.sure
	default:
		return nil
	}
	if st.length == 0 || st.length > uint32(len(header)) || st.offset > uint32(len(header))-st.length {
		return nil
	}
	for _, ok := range known[st.offset : st.offset+st.length] {
		if !ok {
			return nil
		}
	}
	return header[st.offset : st.offset+st.length]
}

// The states of conntrack as nftables has them: a bit each (NF_CT_STATE_BIT).
var stateBits = map[string]uint32{"INVALID": 1, "ESTABLISHED": 2, "RELATED": 4, "NEW": 8, "UNTRACKED": 64}

func (m *machine) state() []byte {
	if m.packet.Trigger == nil {
		return nil
	}
	bit, ok := stateBits[m.packet.Trigger.Conntrack]
	if !ok {
		return nil
	}
	return binary.NativeEndian.AppendUint32(nil, bit)
}

func (m *machine) mask(st *step) {
	value := m.register(st.source)
	if value == nil || len(st.data) < len(value) || len(st.other) < len(value) {
		m.load(st.target, nil)
		return
	}
	changed := make([]byte, len(value))
	for i := range value {
		changed[i] = value[i]&st.data[i] ^ st.other[i]
	}
	m.load(st.target, changed)
}

func (m *machine) compare(st *step) match {
	value := m.register(st.source)
	if value == nil || len(value) < len(st.data) || len(st.data) == 0 {
		return maybe
	}
	order := bytes.Compare(value[:len(st.data)], st.data)
	switch st.compare {
	case equal:
		return matchOf(order == 0)
	case notEqual:
		return matchOf(order != 0)
	case less:
		return matchOf(order < 0)
	case lessOrEqual:
		return matchOf(order <= 0)
	case greater:
		return matchOf(order > 0)
	case greaterOrEqual:
		return matchOf(order >= 0)
	}
	return maybe
}

func (m *machine) within(st *step) match {
	value := m.register(st.source)
	if value == nil || len(st.data) != len(value) || len(st.other) != len(value) {
		return maybe
	}
	inside := bytes.Compare(value, st.data) >= 0 && bytes.Compare(value, st.other) <= 0
	return matchOf(inside != st.inverted)
}

// lookup looks for a register in a set. Only values of one length, the
// register's, are understood: no concatenations.
func (m *machine) lookup(s *ruleset, c *chain, st *step) (element, match) {
	elements, ok := s.sets[setName{c.family, c.table, st.name}]
	value := m.register(st.source)
	if !ok || value == nil {
		return element{}, maybe
	}
	for _, e := range elements {
		switch {
		case len(e.from) != len(value):
			return element{}, maybe
		case e.to == nil && bytes.Equal(e.from, value),
			e.to != nil && bytes.Compare(value, e.from) >= 0 && bytes.Compare(value, e.to) <= 0:
			return e, yes
		}
	}
	return element{}, no
}

func (m *machine) ports(p *portMatch) match {
	src, dst := m.packet.Src.Port(), m.packet.Dst.Port()
	if p.source != nil && among(p.source, src) == p.notSource || p.target != nil && among(p.target, dst) == p.notTarget {
		return no
	}
	if p.either != nil && (among(p.either, src) || among(p.either, dst)) == p.notEither {
		return no
	}
	if p.mask != 0 {
		if m.packet.Trigger == nil {
			return maybe
		}
		if (byte(m.packet.Trigger.Flags)&p.mask == p.flags) == p.notFlags {
			return no
		}
	}
	if p.options {
		return maybe
	}
	return yes
}

func among(list []span, port uint16) bool {
	for _, s := range list {
		if port >= s.from && port <= s.to {
			return true
		}
	}
	return false
}

func (m *machine) address(a *addressMatch) match {
	if masked(m.packet.Src.Addr(), a.source, a.sourceMask) == a.notSource ||
		masked(m.packet.Dst.Addr(), a.target, a.targetMask) == a.notTarget {
		return no
	}
	if a.protocol != 0 && (a.protocol == 6) == a.notProtocol {
		return no
	}
	if a.devices {
		return maybe
	}
	return yes
}

// masked tells whether the address is that of a rule in the bits of the mask.
func masked(address, wanted netip.Addr, mask []byte) bool {
	have, want := address.AsSlice(), wanted.AsSlice()
	if len(have) != len(want) || len(mask) != len(want) {
		return false
	}
	for i := range have {
		if (have[i]^want[i])&mask[i] != 0 {
			return false
		}
	}
	return true
}
