package attribute

import (
	"bytes"
	"strconv"

	"github.com/rstwatch/rstwatch/internal/reset"
)

func ofMany(n, of int) string { return strconv.Itoa(n) + " of " + strconv.Itoa(of) }

// distance is how many hops a packet has come, if its sender began with one of
// the usual values.
func distance(ttl uint8) int {
	for _, first := range [...]int{32, 64, 128, 255} {
		if int(ttl) <= first {
			return first - int(ttl)
		}
	}
	return 0
}

// usualTTL is that of other packets of the address that the RST bears, the
// nearest to the RST's where they vary.
func (c *Case) usualTTL() (uint8, bool) {
	if f := c.flow(); f.Known && f.Packets > 0 && f.TTLMax > 0 {
		ttl := c.packet().TTL.V
		usual := max(f.TTLMin, min(f.TTLMax, ttl))
		// A SYN that nothing followed may be a scanner's, who writes it past TCP
		// and with any TTL; the RST that answers what came of it is the kernel's.
		onlySYN := f.Stage == reset.AfterSYNACK && f.Originator == reset.Some(true)
		return usual, usual == ttl || !onlySYN
	}
	switch c.Reset.Direction {
	case reset.Out:
		return 0, false
	case reset.Forward:
		p, ok := c.passed()
		return p.TTL, ok
	}
	if c.past().Known && c.past().HandshakeTTL.OK {
		return c.past().HandshakeTTL.V, true
	}
	if p := &c.context().Peer; p.Known && p.TTL > 0 {
		return p.TTL, true
	}
	return 0, false
}

// passed is the handshake's packet of the RST's source, as it passed this host. A
// SYN in somebody else's name is answered with a SYN with ACK, and that by the
// host of that address with a RST, which bears the SYN's next number: there
// nothing says that the two had one sender.
func (c *Case) passed() (*reset.Passed, bool) {
	p := &c.context().Passed
	if c.Reset.Direction != reset.Forward || c.flow().Known || !p.Known || p.TTL == 0 {
		return p, false
	}
	return p, !p.SYN || c.packet().Seq.OK && c.packet().Seq.V-p.Seq > 1
}

// ownHops is how far a neighbour seems to be: of what only passed, this host's own
// hop is counted.
func (c *Case) ownHops() int { return int(c.context().Passed.Hops) }

// gap is how many hops further than its usual distance the RST came from;
// negative: nearer. same says that the TTL is the usual one.
func (c *Case) gap() (hops int, same, ok bool) {
	usual, known := c.usualTTL()
	ttl := c.packet().TTL
	if !known || !ttl.OK {
		return 0, false, false
	}
	return distance(ttl.V) - distance(usual), ttl.V == usual, true
}

func ttlClue(says string, test func(hops int, same, neighbour bool) bool) clue {
	return clue{
		fact: factTTL, says: says,
		value: func(c *Case) string {
			usual, _ := c.usualTTL()
			ttl := strconv.Itoa(int(c.packet().TTL.V))
			if c.packet().TTL.V == usual {
				return ttl + ", as other packets of that address"
			}
			return ttl + ", other packets of that address " + strconv.Itoa(int(usual))
		},
		holds: func(c *Case) bool {
			hops, same, ok := c.gap()
			return ok && test(hops, same, distance(c.packet().TTL.V) == c.ownHops())
		},
	}
}

var (
	ttlSame = ttlClue("as other packets of that address", func(_ int, same, _ bool) bool { return same })
	// ttlNearer: two hops or more; or one that makes it a neighbour.
	ttlNearer  = ttlClue("two hops nearer or more than that address, or a neighbour's where it is none", func(hops int, _, neighbour bool) bool { return hops <= -2 || hops < 0 && neighbour })
	ttlFarther = ttlClue("two hops further or more than that address", func(hops int, _, _ bool) bool { return hops >= 2 })
	// ttlShifted: by one hop, or from another first value: routes change, and
	// some systems send RSTs with a TTL of their own.
	ttlShifted = ttlClue("one hop off that address, or of another first value", func(hops int, same, neighbour bool) bool {
		return !same && hops > -2 && hops < 2 && (hops >= 0 || !neighbour)
	})
	hopsAway = clue{
		fact: factHops, says: "how far away",
		value: func(c *Case) string {
			hops := distance(c.packet().TTL.V)
			text := count(uint64(hops), "hop", "hops") + " away"
			if usual, ok := c.usualTTL(); ok {
				text += "; the host of that address " + strconv.Itoa(distance(usual))
			}
			return text
		},
		holds: func(c *Case) bool { return c.packet().TTL.OK && c.packet().TTL.V > 0 && c.Reset.Direction != reset.Out },
	}
	neighbour = clue{
		fact: factNeighbour, says: "who delivered it",
		value: func(c *Case) string { return "delivered by " + c.packet().MACSrc.String() },
		holds: func(c *Case) bool { return c.Reset.Direction == reset.In && realMAC(c.packet().MACSrc) },
	}
	onLoopback = clue{fact: factNeighbour, says: "the loopback device: it came from this host itself", holds: func(c *Case) bool {
		return c.Reset.Direction == reset.In && c.Reset.Interface.In == "lo"
	}}
	noBaseline = clue{fact: factBaseline, says: "nothing is known of other packets of that address", holds: func(c *Case) bool {
		_, ok := c.usualTTL()
		return !ok
	}}
)

func realMAC(mac reset.MAC) bool {
	for _, b := range mac {
		if b != 0 {
			return true
		}
	}
	return false
}

func (c *Case) usualMAC() reset.MAC {
	switch passed, ok := c.passed(); {
	case ok:
		return passed.MAC
	case c.Reset.Direction == reset.Forward && !c.flow().Known:
		return nil
	case c.flow().Known:
		return c.flow().MAC
	case c.past().Known && realMAC(c.past().HandshakeMAC):
		return c.past().HandshakeMAC
	}
	return c.context().Peer.MAC
}

func macDiffers(c *Case) bool {
	usual, mac := c.usualMAC(), c.packet().MACSrc
	return realMAC(usual) && realMAC(mac) && !bytes.Equal(usual, mac)
}

// isNeighbour holds where the address's host itself is on the same link.
func isNeighbour(c *Case) bool {
	usual, ok := c.usualTTL()
	return ok && distance(usual) == c.ownHops()
}

// asThePeer and notThePeer say what speaks for the host of that address and
// what against it. Without a baseline the peer is never more than possible.
var (
	asThePeer  = []sign{who(strong, ttlSame)}
	notThePeer = append([]sign{who(strong, noBaseline), who(strong, spoke)}, signsOf(who)...)
)

// Scans.
var scanning = clue{
	// Without the number: a scan is a storm, and its evidence is to be the same.
	fact: factScan, says: "that address has tried five ports or more of late",
	holds: func(c *Case) bool { return c.After.ScansBySource >= 5 },
}

// manyDied holds where the same process's end reset others too.
var manyDied = clue{
	fact: factDeath, says: "the same process's end reset others too",
	value: func(c *Case) string {
		return count(uint64(c.After.Siblings), "more connection", "more connections") + " of the same process"
	},
	holds: func(c *Case) bool { return c.After.Death != nil && c.After.Siblings > 0 },
}
