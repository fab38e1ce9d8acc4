package recall

import (
	"github.com/rstwatch/rstwatch/internal/attribute"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// findAddress asks, of a RST that answers a packet of a connection under way of
// which nobody here knows, whether its address came here of late.
func (m *Memory) findAddress(s *subject, a *attribute.After) {
	if m.cfg.AddressCame == nil || s.Packet.Flags != reset.RST || s.Trigger == nil || s.Trigger.Flags&(reset.SYN|reset.ACK) != reset.ACK {
		return
	}
	if s.context != nil && s.context.Past.Known || s.Process != nil {
		return
	}
	if ago, ok := m.cfg.AddressCame(s.Reset); ok {
		a.AddressNS = reset.Some(ago)
	}
}
