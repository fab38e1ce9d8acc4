package capture

import (
	"encoding/binary"
	"slices"

	"github.com/rstwatch/rstwatch/internal/flow"
	"github.com/rstwatch/rstwatch/internal/packet"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// fill sets what a frame says of a RST, as slices of data, which holds the
// headers of the frame and may hold the payload.
func (r *Reader) fill(into *reset.Sighting, data []byte, f *frame, at spot) {
	ip, p := data[at.ip:], &into.Packet
	into.Src, into.Dst, _ = packet.Decode(ip, p)
	if payload := packet.PayloadOf(ip); len(payload) > 0 {
		p.Payload = payload
	}
	p.Raw = ip
	p.Captured = reset.Some(uint32(len(ip)))
	link := readLink(f.device.link, data, at.link)
	p.LinkHeader, p.MACSrc, p.MACDst, p.VLAN = link.header, link.src, link.dst, link.vlan
	way := link.direction
	if way == reset.DirectionUnknown {
		way = f.direction()
	}
	// The device that was captured on is the one by which the observer got the
	// packet, unless the file says that it was leaving.
	if way == reset.Out {
		into.Interface.Out = f.device.name
	} else {
		into.Interface.In = f.device.name
	}
	into.Hook = r.hook(into)
}

// hook is what the vantage says of the way: a host sees what it sends leave by
// a device, and what it is sent come in by one.
func (r *Reader) hook(s *reset.Sighting) reset.Hook {
	switch {
	case slices.Contains(r.cfg.Vantage, s.Src.Addr().Unmap()):
		return reset.HookWireOut
	case slices.Contains(r.cfg.Vantage, s.Dst.Addr().Unmap()):
		return reset.HookWireIn
	}
	return reset.HookTransit
}

// kept returns how many bytes of a frame a record keeps.
func (r *Reader) kept(f *frame, at int) int {
	ip := f.data[at:]
	n := packet.HeaderLength(ip)
	if r.cfg.KeepPayload {
		n += len(packet.PayloadOf(ip))
	}
	return at + min(n, maxKept, len(ip))
}

// maxKept bounds what is kept of a RST from its IP header on.
const maxKept = 1024

// identify makes the id of a frame from its headers and its time, so that it
// does not depend on the file that the frame is in. Of frames that are alike in
// both, nth counts those before.
func identify(at int64, p *reset.Packet, nth uint64) reset.ID {
	name := make([]byte, 0, 192)
	name = append(append(append(name, "pcap"...), p.LinkHeader...), p.Raw[:min(packet.HeaderLength(p.Raw), 128)]...)
	return reset.NewOrigin(string(name)).NewID(at, uint64(at)+nth<<32)
}

// place says where the frame was captured.
func (f *frame) place(header int) flow.Place {
	l := flow.Place{Interface: f.device.place << 8, Header: hash(f.data[:header])}
	if len(f.options) > 0 {
		l.Interface |= uint32(f.direction())
	}
	switch f.device.link {
	case linkEthernet:
		l.MAC = f.data[6:12]
	case linkWLAN, linkRadiotap, linkPrism, linkAVS:
		l.Header = l.Interface // its numbers and signal differ in each frame
	case linkCooked:
		l.Interface ^= uint32(f.data[1]) << 4 // the packet's type
		if f.data[5] == 6 {
			l.MAC = f.data[6:12]
		}
	case linkCooked2:
		l.Interface ^= uint32(f.data[10])<<4 ^ binary.BigEndian.Uint32(f.data[4:8])*0x9e3779b1
		if f.data[11] == 6 {
			l.MAC = f.data[12:18]
		}
	}
	return l
}

// placeOf numbers an interface by what the file says of it.
func placeOf(name string, link uint32, number int) uint32 {
	return hash([]byte(name)) ^ link<<16 ^ uint32(number)
}

func hash(head []byte) uint32 {
	const prime = 0x9e3779b97f4a7c15
	sum := uint64(prime)
	for len(head) >= 8 {
		sum = (sum ^ binary.LittleEndian.Uint64(head)) * prime
		sum ^= sum >> 32
		head = head[8:]
	}
	for _, b := range head {
		sum = (sum ^ uint64(b)) * prime
	}
	return uint32(sum >> 32)
}
