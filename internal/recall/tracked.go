package recall

import (
	"github.com/rstwatch/rstwatch/internal/attribute"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// findTracked asks, of a RST that answers a packet of a connection, whether this
// host translates that connection and the packet came by untranslated. Then the
// RST bears the address that translation hides: what is translated as it should
// be has, as it comes, the addresses of before. Only of what a device had is that
// known, and of what left here that conntrack had called the packet INVALID.
func (m *Memory) findTracked(s *subject, a *attribute.After) {
	if m.cfg.Tracked == nil || s.Packet.Flags != reset.RST || !s.Sources.Has(reset.Wire) && !s.Sources.Has(reset.AFPacket) {
		return
	}
	if s.Direction == reset.Out && (s.Trigger == nil || s.Trigger.Conntrack != "INVALID") {
		return
	}
	nat := m.cfg.Tracked(s.Reset)
	if nat == nil {
		return
	}
	rst := reset.Tuple{Src: s.Src, Dst: s.Dst}
	if nat.Reply == (reset.Tuple{Src: s.Dst, Dst: s.Src}) && nat.Original != rst {
		a.Tracked = nat
	}
}
