package classic

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// What a line can be that is no reset. A *ParseError wraps ErrTorn.
var (
	// ErrNotLog means that the line holds nothing that the LOG target wrote.
	ErrNotLog = errors.New("no line of the kernel's LOG target")
	// ErrNotReset means a whole line about a packet without the RST flag.
	ErrNotReset = errors.New("not a TCP reset")
	// ErrTorn means that the line was cut short, or that another writer's
	// bytes stand within it.
	ErrTorn = errors.New("torn line")
)

// ParseError says where a line stopped to make sense.
type ParseError struct {
	Want   string // the tag that should have stood there
	Offset int    // in bytes from the start of the line
}

// Error names the tag and the place.
func (e *ParseError) Error() string {
	return fmt.Sprintf("%v: no valid %s at byte %d", ErrTorn, e.Want, e.Offset)
}

// Unwrap returns ErrTorn.
func (e *ParseError) Unwrap() error { return ErrTorn }

// ParseLine reads one line of the LOG target into s and returns the prefix:
// what stands between the heads of syslog, /dev/kmsg or printk and "IN=".
// Fields that the line does not say are left as they are.
//
// A line can hold several texts that look like a start: a prefix may contain
// one, and two messages may be glued where a newline was lost. The last place
// where "IN=" and " OUT=" stand with device names, followed by what the kernel
// writes next, is taken, since only text from there on can be whole. (A place
// within another one's device name does not count: names may contain "IN=".)
// From there the kernel's order is insisted on, so that fields of two lines
// never mix. What follows a complete line is ignored.
//
// The errors are ErrNotLog, ErrNotReset (also for ICMP, fragments and headers
// that the kernel calls INCOMPLETE) and *ParseError. s is written only if the
// error is nil.
func ParseLine(line []byte, s *reset.Sighting) (prefix string, err error) {
	if len(line) > maxLine {
		line = line[:maxLine]
	}
	start := findStart(line)
	if start < 0 {
		return "", ErrNotLog
	}
	prefix = string(appendClean(nil, string(line[skipHead(line[:start]):start])))
	_, err = ParseAt(line, start, s)
	return prefix, err
}

// Find returns where the text of the LOG target begins that ParseLine would
// take, or -1. It is for those who read the head of a line themselves.
func Find(line []byte) int { return findStart(line[:min(len(line), maxLine)]) }

// ParseAt is ParseLine for a text that begins at a place that Find returned. It
// returns where what was understood ends.
func ParseAt(line []byte, at int, s *reset.Sighting) (end int, err error) {
	p := parser{cursor: cursor{line: line[:min(len(line), maxLine)], at: at}, s: *s}
	if err := p.parse(); err != nil {
		return p.at, err
	}
	*s = p.s
	return p.at, nil
}

// maxLine bounds the work on a hostile line: the kernel's own, with the head
// of any syslog daemon, are far shorter.
const maxLine = 8192

// parser fills a copy of the sighting, so that an error leaves no trace.
type parser struct {
	cursor
	s        reset.Sighting
	src, dst netip.Addr
}

func (p *parser) parse() error {
	p.common()
	p.linkHeader()
	p.address()
	v6 := p.src.Is6()
	if v6 {
		p.headerIPv6()
	} else {
		p.headerIPv4()
	}
	if p.failed != nil {
		return p.failed
	}
	if !p.word("PROTO=TCP") {
		return p.other()
	}
	if err := p.tcp(); err != nil {
		return err
	}
	p.owner()
	return p.failed
}

// other tells a whole line about something else from a torn one.
func (p *parser) other() error {
	if p.has("PROTO=") || p.has("TRUNCATED") {
		return ErrNotReset
	}
	p.fail("PROTO=")
	return p.failed
}

// common is nf_log_dump_packet_common; findStart has checked its first half.
func (p *parser) common() {
	p.s.Source = reset.KLog
	i := &p.s.Interface
	i.In, i.Out = p.name("IN="), p.name("OUT=")
	if p.has("PHYSIN=") {
		i.PhysIn = p.name("PHYSIN=")
	}
	if p.has("PHYSOUT=") {
		i.PhysOut = p.name("PHYSOUT=")
	}
	switch {
	case i.In != "" && i.Out != "":
		p.s.Hook = reset.HookForward
	case i.In != "":
		p.s.Hook = reset.HookLocalIn
	case i.Out != "":
		p.s.Hook = reset.HookLocalOut
	}
}

// linkHeader reads MAC= or its decoded form back into the bytes they print.
func (p *parser) linkHeader() {
	k := &p.s.Packet
	switch {
	case p.has("MAC="):
		header := p.macBytes("MAC=")
		if p.has("TUNNEL=") { // of a sit device
			p.token("TUNNEL=")
		}
		if len(header) == 0 {
			return
		}
		k.LinkHeader = header
	case p.has("MACSRC="):
		src, dst := p.macBytes("MACSRC="), p.macBytes("MACDST=")
		var tag []byte
		if p.has("VPROTO=") {
			proto := p.hex("VPROTO=", 16)
			tci := p.decimal("VID=", 16)
			tag = []byte{byte(proto >> 8), byte(proto), byte(tci >> 8), byte(tci)}
			k.VLAN = reset.Some(uint16(tci & 0xfff))
		}
		kind := p.hex("MACPROTO=", 16)
		if p.failed == nil && (len(src) != 6 || len(dst) != 6) {
			p.fail("MACSRC= and MACDST=")
		}
		k.LinkHeader = append(append(append(dst, src...), tag...), byte(kind>>8), byte(kind))
	default:
		return
	}
	if h := k.LinkHeader; len(h) == etherHeader || len(h) == etherHeader+4 && isVLAN(be16(h[12:])) {
		k.MACDst, k.MACSrc = reset.MAC(k.LinkHeader[0:6]), reset.MAC(k.LinkHeader[6:12])
	}
}

func (p *parser) address() {
	p.src, p.dst = p.ip("SRC="), p.ip("DST=")
	if p.failed == nil && p.src.Is4() != p.dst.Is4() {
		p.fail("DST= of SRC='s family")
	}
	p.s.Packet.Family = reset.IPv4
	if p.src.Is6() {
		p.s.Packet.Family = reset.IPv6
	}
}

// owner reads the tags after the TCP header; all are optional.
func (p *parser) owner() {
	if p.has("UID=") {
		uid, gid := p.decimal("UID=", 32), p.decimal("GID=", 32)
		if p.failed != nil {
			return
		}
		p.s.Process = &reset.Process{UID: reset.Some(uint32(uid)), GID: reset.Some(uint32(gid))}
	}
	if p.has("MARK=") {
		p.s.Packet.Mark = reset.Some(uint32(p.hex("MARK=0x", 32)))
	}
}
