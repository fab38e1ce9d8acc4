package capture

import (
	"slices"

	"github.com/rstwatch/rstwatch/internal/packet"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// fill sets what a frame says of a RST, as slices of data, which holds the
// headers of the frame and may hold the payload.
func (r *Reader) fill(into *reset.Sighting, data []byte, f *frame, header int) {
	ip, p := data[header:], &into.Packet
	into.Src, into.Dst, _ = packet.Decode(ip, p)
	if payload := packet.PayloadOf(ip); len(payload) > 0 {
		p.Payload = payload
	}
	p.Raw = ip
	p.Captured = reset.Some(uint32(len(ip)))
	link := readLink(f.device.link, data, header)
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
func (r *Reader) kept(f *frame, header int) int {
	ip := f.data[header:]
	n := packet.HeaderLength(ip)
	if r.cfg.KeepPayload {
		n += len(packet.PayloadOf(ip))
	}
	return header + min(n, maxKept, len(ip))
}

// maxKept bounds what is kept of a RST from its IP header on.
const maxKept = 1024

// identify makes the id of a frame from its headers and its time, so that it
// does not depend on the file that the frame is in.
func identify(f *frame, p *reset.Packet) reset.ID {
	name := make([]byte, 0, 192)
	name = append(append(append(name, "pcap"...), p.LinkHeader...), p.Raw[:min(packet.HeaderLength(p.Raw), 128)]...)
	return reset.NewOrigin(string(name)).NewID(f.at, uint64(f.at))
}

// place tells one point of capture from another: the interface, and what the
// link layer's header says besides.
func place(f *frame, header int) uint32 {
	const prime = 16777619
	hash := (uint32(2166136261) ^ f.device.index) * prime
	hash = (hash ^ uint32(f.direction())) * prime
	for _, b := range f.data[:header] {
		hash = (hash ^ uint32(b)) * prime
	}
	return hash
}

// source48 is the link-layer address of a frame's sender, where there is one.
func source48(link uint32, data []byte) []byte {
	switch link {
	case linkEthernet:
		return data[6:12]
	case linkCooked:
		if data[5] == 6 {
			return data[6:12]
		}
	case linkCooked2:
		if data[11] == 6 {
			return data[12:18]
		}
	}
	return nil
}
