package capture

import (
	"slices"

	"github.com/rstwatch/rstwatch/internal/packet"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// fill sets what the frame says of a RST, as slices of it.
func (r *Reader) fill(into *reset.Sighting, s *source, header int) {
	f := &s.head
	ip, p := f.data[header:], &into.Packet
	into.Src, into.Dst, _ = packet.Decode(ip, p)
	headers := packet.HeaderLength(ip)
	if r.cfg.KeepPayload {
		if payload := packet.PayloadOf(ip); len(payload) > 0 {
			p.Payload = payload
			headers += len(payload)
		}
	}
	p.Raw = ip[:headers:headers]
	p.Captured = reset.Some(uint32(headers))
	link := readLink(f.device.link, f.data, header)
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

// identify makes the id of a frame from its bytes and its time, so that it does
// not depend on the file that the frame is in.
func identify(f *frame, s *reset.Sighting) reset.ID {
	p := &s.Packet
	place := make([]byte, 0, 192)
	place = append(append(append(place, "pcap"...), p.LinkHeader...), p.Raw[:min(len(p.Raw), 128)]...)
	return reset.NewOrigin(string(place)).NewID(f.at, uint64(f.at))
}
