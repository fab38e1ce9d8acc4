package wire

import (
	"fmt"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

const (
	// headersOnly is how much of a packet is kept where payload is not: link
	// header with two tags, the longest chain of headers that is worth reading.
	headersOnly = 512
	// wholePacket is more than any packet has.
	wholePacket = 1 << 18

	// networkOffset makes an offset count from the network header (SKF_NET_OFF of
	// linux/filter.h), which is where the IP header is on devices that have no
	// link header, or one that only they know.
	networkOffset = 0xfff00000

	etherTypeIPv4 = 0x0800
	etherTypeIPv6 = 0x86dd
	protocolTCP   = 6
	flagRST       = 0x04
)

// vlanTypes are the EtherTypes that announce a VLAN tag inside the frame. The
// kernel takes the outermost tag out of received frames; more are left where
// tags are stacked, and sent ones where the device cannot insert them.
var vlanTypes = [...]uint32{0x8100, 0x88a8, 0x9100}

// buildFilter makes the classic BPF program that passes TCP RST and returns how
// many bytes of it to keep.
//
//	                 ┌ IPv4, no tag ── protocol, fragment, flags at fixed offsets ── the usual case
//	Ethernet, lo ────┼ IPv6, no tag ──┐
//	                 └ 1 or 2 tags ───┼── X = offset of the IP header ── version ── flags
//	other devices ── X = SKF_NET_OFF ─┘
//
// IPv6 extension headers are walked: multicast reports and fragments of UDP,
// which have them and are many, must not fill the ring.
func buildFilter(keep uint32) ([]unix.SockFilter, error) {
	p := &program{labels: map[string]int{}}
	p.add(bpf.LoadExtension{Num: bpf.ExtLinkLayerType})
	p.jumpIf(unix.ARPHRD_ETHER, "ethernet")
	p.jumpIf(unix.ARPHRD_LOOPBACK, "ethernet")
	p.add(bpf.LoadConstant{Dst: bpf.RegX, Val: networkOffset})
	p.jump("ip")
	p.ethernet()
	p.ipv4NoTag()
	p.label("ip")
	p.add(bpf.LoadIndirect{Off: 0, Size: 1}, bpf.ALUOpConstant{Op: bpf.ALUOpShiftRight, Val: 4})
	p.jumpIf(4, "ipv4")
	p.jumpIf(6, "ipv6")
	p.jump("drop")
	p.ipv4()
	p.ipv6()
	p.label("drop")
	p.add(bpf.RetConstant{Val: 0})
	p.label("keep")
	p.add(bpf.RetConstant{Val: keep})
	return p.assemble()
}

// ethernet leads to ip with X at the IP header, behind up to two tags.
func (p *program) ethernet() {
	p.label("ethernet")
	p.add(bpf.LoadAbsolute{Off: 12, Size: 2})
	p.jumpIf(etherTypeIPv4, "ipv4-no-tag")
	for _, at := range []uint32{14, 18, 22} {
		here, found := fmt.Sprint("type-", at), fmt.Sprint("found-", at)
		p.label(here)
		p.jumpIf(etherTypeIPv4, found)
		p.jumpIf(etherTypeIPv6, found)
		if at < 22 {
			for _, tag := range vlanTypes {
				p.jumpIf(tag, fmt.Sprint("tag-", at))
			}
		}
		p.jump("drop")
		p.label(found)
		p.add(bpf.LoadConstant{Dst: bpf.RegX, Val: at})
		p.jump("ip")
		if at < 22 {
			p.label(fmt.Sprint("tag-", at))
			p.add(bpf.LoadAbsolute{Off: at + 2, Size: 2})
		}
	}
}

// ipv4NoTag is ipv4 with constant offsets, which the kernel compiles to plain
// loads.
func (p *program) ipv4NoTag() {
	p.label("ipv4-no-tag")
	p.add(bpf.LoadAbsolute{Off: 14 + 9, Size: 1})
	p.unless(protocolTCP, "drop")
	p.add(bpf.LoadAbsolute{Off: 14 + 6, Size: 2}, bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0x1fff})
	p.unless(0, "drop")
	p.add(bpf.LoadMemShift{Off: 14}, bpf.LoadIndirect{Off: 14 + 13, Size: 1})
	p.keepIfReset()
}

func (p *program) ipv4() {
	p.label("ipv4")
	p.add(bpf.LoadIndirect{Off: 9, Size: 1})
	p.unless(protocolTCP, "drop")
	p.add(bpf.LoadIndirect{Off: 6, Size: 2}, bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0x1fff})
	p.unless(0, "drop") // a later fragment
	p.add(bpf.LoadIndirect{Off: 0, Size: 1},
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0xf}, bpf.ALUOpConstant{Op: bpf.ALUOpShiftLeft, Val: 2},
		bpf.ALUOpX{Op: bpf.ALUOpAdd}, bpf.TAX{}, bpf.LoadIndirect{Off: 13, Size: 1})
	p.keepIfReset()
}

// ipv6 walks the extension headers: in round i, A is the type of the header
// that is at X+40.
func (p *program) ipv6() {
	p.label("ipv6")
	p.add(bpf.LoadIndirect{Off: 6, Size: 1})
	for i := range maxExtensions {
		p.extension(i)
	}
	p.unless(protocolTCP, "not-tcp")
	p.add(bpf.LoadIndirect{Off: 40 + 13, Size: 1})
	p.keepIfReset()
	p.label("not-tcp")
	p.jumpIf(unix.IPPROTO_FRAGMENT, "keep")
	p.jumpIf(unix.IPPROTO_AH, "keep")
	for _, next := range extensions {
		p.jumpIf(next, "keep")
	}
	p.jump("drop")
}

// maxExtensions is how many extension headers the filter walks. A packet with
// more is passed whatever it is, and looked at in user space.
const maxExtensions = 3

// extensions are the headers whose second byte counts units of 8 bytes after
// the first (RFC 8200, 4; RFC 6275 for mobility, RFC 7401 for HIP, RFC 5533 for
// Shim6).
var extensions = [...]uint32{
	unix.IPPROTO_HOPOPTS, unix.IPPROTO_ROUTING, unix.IPPROTO_DSTOPTS, unix.IPPROTO_MH, 139, 140,
}

// extension is one round: it ends the program, or leads to the next round.
func (p *program) extension(i int) {
	name := func(part string) string { return fmt.Sprint(part, "-", i) }
	p.unless(protocolTCP, name("extension"))
	p.add(bpf.LoadIndirect{Off: 40 + 13, Size: 1})
	p.keepIfReset()
	p.label(name("extension"))
	for _, kind := range extensions {
		p.jumpIf(kind, name("options"))
	}
	p.jumpIf(unix.IPPROTO_FRAGMENT, name("fragment"))
	p.jumpIf(unix.IPPROTO_AH, name("authentication"))
	p.add(bpf.RetConstant{Val: 0})

	p.label(name("fragment"))
	p.add(bpf.LoadIndirect{Off: 42, Size: 2}, bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0xfff8})
	p.jumpIf(0, name("first"))
	p.add(bpf.RetConstant{Val: 0}) // a later fragment
	p.label(name("first"))
	p.add(bpf.LoadConstant{Dst: bpf.RegA, Val: 8})
	p.jump(name("step"))

	p.label(name("authentication")) // RFC 4302, 2.2: units of 4 bytes, less 2
	p.add(bpf.LoadIndirect{Off: 41, Size: 1},
		bpf.ALUOpConstant{Op: bpf.ALUOpAdd, Val: 2}, bpf.ALUOpConstant{Op: bpf.ALUOpShiftLeft, Val: 2})
	p.jump(name("step"))

	p.label(name("options"))
	p.add(bpf.LoadIndirect{Off: 41, Size: 1},
		bpf.ALUOpConstant{Op: bpf.ALUOpAdd, Val: 1}, bpf.ALUOpConstant{Op: bpf.ALUOpShiftLeft, Val: 3})

	p.label(name("step")) // A is the length of this header
	p.add(bpf.StoreScratch{Src: bpf.RegA, N: 0}, bpf.LoadIndirect{Off: 40, Size: 1},
		bpf.StoreScratch{Src: bpf.RegA, N: 1}, bpf.LoadScratch{Dst: bpf.RegA, N: 0},
		bpf.ALUOpX{Op: bpf.ALUOpAdd}, bpf.TAX{}, bpf.LoadScratch{Dst: bpf.RegA, N: 1})
}

// keepIfReset ends the program: A holds the byte of TCP's flags.
func (p *program) keepIfReset() {
	p.add(bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: flagRST})
	p.unless(0, "keep")
	p.jump("drop")
}
