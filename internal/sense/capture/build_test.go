package capture

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"

	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// sample is one packet of a file that a test makes.
type sample struct {
	at   int64 // nanoseconds since 1970
	data []byte
}

const start = int64(1_764_000_000_123_456_000)

var (
	client = netip.MustParseAddrPort("10.0.0.5:51334")
	server = netip.MustParseAddrPort("10.0.0.7:443")
)

// segment is a packet from its IP header on.
func segment(src, dst netip.AddrPort, flags reset.Flags, seq, ack uint32, payload string) []byte {
	return testkit.Segment{Src: src, Dst: dst, Flags: flags, Seq: seq, Ack: ack, Payload: []byte(payload), Window: 501, IPID: 7}.Bytes()
}

// ethernet puts a link header in front, with the tags in between.
func ethernet(ip []byte, tags ...uint16) []byte {
	frame := []byte{2, 0x77, 0, 0, 0, 2, 2, 0x77, 0, 0, 0, 1}
	for _, tag := range tags {
		frame = binary.BigEndian.AppendUint16(append(frame, 0x81, 0), tag)
	}
	kind := uint16(etherIPv4)
	if ip[0]>>4 == 6 {
		kind = etherIPv6
	}
	return append(binary.BigEndian.AppendUint16(frame, kind), ip...)
}

// file is how a test writes a capture.
type file struct {
	order binary.AppendByteOrder
	nano  bool
	link  uint32
	plain bool // pcapng: without the interface's name
}

func (f file) pcap(samples ...sample) []byte {
	if f.order == nil {
		f.order = binary.LittleEndian
	}
	magic, scale := uint32(magicMicro), int64(1000)
	if f.nano {
		magic, scale = magicNano, 1
	}
	b := f.order.AppendUint32(nil, magic)
	b = f.order.AppendUint16(f.order.AppendUint16(b, 2), 4)
	b = f.order.AppendUint32(append(b, 0, 0, 0, 0, 0, 0, 0, 0), 262144)
	b = f.order.AppendUint32(b, f.link)
	for _, s := range samples {
		b = f.order.AppendUint32(b, uint32(s.at/1e9))
		b = f.order.AppendUint32(b, uint32(s.at%1e9/scale))
		b = f.order.AppendUint32(b, uint32(len(s.data)))
		b = append(f.order.AppendUint32(b, uint32(len(s.data))), s.data...)
	}
	return b
}

// pcapng writes one section with one interface.
func (f file) pcapng(samples ...sample) []byte {
	b := f.section()
	b = append(b, f.interfaceBlock("eth0", 9)...)
	for _, s := range samples {
		b = append(b, f.enhanced(0, s.at, s.data, 0)...)
	}
	return b
}

func (f file) section() []byte {
	body := f.order.AppendUint32(nil, sectionOrder)
	body = f.order.AppendUint16(f.order.AppendUint16(body, 1), 0)
	return f.block(blockSection, f.order.AppendUint64(body, ^uint64(0)))
}

func (f file) interfaceBlock(name string, resolution byte) []byte {
	body := f.order.AppendUint16(f.order.AppendUint16(nil, uint16(f.link)), 0)
	body = f.order.AppendUint32(body, 0)
	if !f.plain {
		body = append(body, f.option(optionName, []byte(name))...)
	}
	body = append(body, f.option(optionResolution, []byte{resolution})...)
	return f.block(blockInterface, append(body, 0, 0, 0, 0))
}

// enhanced writes a packet; way is 0, 1 (in) or 2 (out).
func (f file) enhanced(device uint32, stamp int64, data []byte, way uint32) []byte {
	body := f.order.AppendUint32(nil, device)
	body = f.order.AppendUint32(f.order.AppendUint32(body, uint32(stamp>>32)), uint32(stamp))
	body = f.order.AppendUint32(f.order.AppendUint32(body, uint32(len(data))), uint32(len(data)))
	body = padded(append(body, data...))
	if way != 0 {
		body = append(body, f.option(optionFlags, f.order.AppendUint32(nil, way))...)
		body = append(body, 0, 0, 0, 0)
	}
	return f.block(blockEnhanced, body)
}

func (f file) option(code uint16, value []byte) []byte {
	b := f.order.AppendUint16(nil, code)
	return padded(append(f.order.AppendUint16(b, uint16(len(value))), value...))
}

func (f file) block(kind uint32, body []byte) []byte {
	body = padded(body)
	length := uint32(len(body) + blockMinimum)
	b := append(f.order.AppendUint32(f.order.AppendUint32(nil, kind), length), body...)
	return f.order.AppendUint32(b, length)
}

func padded(b []byte) []byte {
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

// result is what a test compares of a reset.
type result struct {
	At       int64
	Frame    uint64
	Hook     reset.Hook
	Src, Dst string
	Seq, Ack uint32
	VLAN     uint16
	MAC      string
	In, Out  string
	Flow     string // what is said of its connection
}

// readAll reads streams as if they were files, in the order given; of the
// connections it says nothing.
func readAll(t testing.TB, cfg Config, streams ...[]byte) ([]result, Counts) {
	t.Helper()
	results, _, counts, err := tryRead(cfg, streams...)
	if err != nil {
		t.Fatal(err)
	}
	for i := range results {
		results[i].Flow = ""
	}
	return results, counts
}

func tryRead(cfg Config, streams ...[]byte) (results []result, ids []reset.ID, counts Counts, err error) {
	r := newReader(cfg)
	r.merge = &merge{problem: r.broken}
	for i, stream := range streams {
		s, err := newSource("test", bytes.NewReader(stream))
		if err != nil {
			return nil, nil, counts, err
		}
		s.rank = i
		if err := s.advance(); err != nil {
			r.broken(s.name, err)
		}
		r.merge.open = append(r.merge.open, s)
	}
	err = r.Run(background(), func(f *Found) error {
		s := f.Sighting
		results = append(results, result{
			At: int64(s.Time), Frame: f.Frame, Hook: s.Hook, Src: s.Src.String(), Dst: s.Dst.String(),
			Seq: s.Packet.Seq.V, Ack: s.Packet.Ack.V, VLAN: s.Packet.VLAN.V, MAC: s.Packet.MACSrc.String(),
			In: s.Interface.In, Out: s.Interface.Out,
		})
		if s.Context != nil && cfg.Flow.MaxFlows == 0 {
			facts := s.Context.Flow
			answers := facts.Answers != nil
			facts.Answers = nil
			results[len(results)-1].Flow = fmt.Sprintf("%+v %v %+v", facts, answers, f.Later)
		}
		ids = append(ids, f.ID)
		return nil
	})
	return results, ids, r.Counts(), err
}
