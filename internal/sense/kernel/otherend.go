package kernel

import (
	"github.com/rstwatch/rstwatch/internal/reset"
)

// Knows reports whether the table of connections has a line of this connection
// in the namespace, open or closed: then the local end is there, and the programs
// have watched it at least since its handshake or its close. It says no where it
// cannot tell: without packet hooks or while the sensor does not run. Safe for
// concurrent use.
func (s *Sensor) Knows(netns reset.Netns, local, remote reset.Endpoint) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.probe == nil || s.cfg.Light {
		return false
	}
	key := probeTuple{
		Netns: uint32(netns.Cookie), Lport: local.Port(), Rport: remote.Port(),
		Laddr: local.Addr().As16(), Raddr: remote.Addr().As16(),
	}
	if netns.Cookie == 0 {
		key.Netns = uint32(netns.ID)
	}
	var line probeConnection
	return s.probe.objects.Maps["connections"].Lookup(&key, &line) == nil
}
