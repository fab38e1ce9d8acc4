package attribute

import (
	"net/netip"
	"testing"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// endpoints gives a reset addresses.
func endpoints(r *reset.Reset) *reset.Reset {
	r.Src = reset.EndpointFrom(netip.MustParseAddr("10.0.0.7"), 3306)
	r.Dst = reset.EndpointFrom(netip.MustParseAddr("10.0.0.5"), 51334)
	return r
}

// known is one thing that is known of a case.
type known = func(*Case)

// caseOf makes a case of what is known.
func caseOf(direction reset.Direction, facts ...known) *Case {
	c := &Case{Reset: endpoints(&reset.Reset{Direction: direction}), Context: &reset.Context{}}
	c.Reset.Packet.Family = reset.IPv4
	for _, fact := range facts {
		fact(c)
	}
	return c
}

func seenBy(sources ...reset.Source) known {
	return func(c *Case) {
		for _, s := range sources {
			c.Reset.Sources = c.Reset.Sources.With(s)
		}
	}
}

// saying is TCP's reason.
func saying(reason string) known {
	return func(c *Case) {
		seenBy(reset.TCPSendReset)(c)
		c.Reset.Kernel.Reason = reason
	}
}

func dropping(reason string) known {
	return func(c *Case) { c.Reset.Kernel.DropReason = reason }
}

func socketIn(state string) known {
	return func(c *Case) { withConnection(func(k *reset.Connection) { k.State = state })(c) }
}

func withConnection(set func(*reset.Connection)) known {
	return func(c *Case) {
		if c.Reset.Connection == nil {
			c.Reset.Connection = &reset.Connection{}
		}
		set(c.Reset.Connection)
	}
}

func withSocket(set func(*reset.SocketFacts)) known {
	return func(c *Case) { set(&c.Context.Socket) }
}

func withPast(set func(*reset.Past)) known {
	return func(c *Case) {
		c.Context.Past.Known = true
		set(&c.Context.Past)
	}
}

func calledBy(functions ...string) known { return func(c *Case) { c.Context.Stack = functions } }

func ownedBy(process reset.Process) known { return func(c *Case) { c.Reset.Process = &process } }

// to is the packet that the RST answers.
func to(flags reset.Flags, set ...func(*reset.Trigger)) known {
	return func(c *Case) {
		c.Reset.Trigger = &reset.Trigger{Flags: flags, Length: reset.Some[uint32](52)}
		for _, f := range set {
			f(c.Reset.Trigger)
		}
	}
}

func numbered(seq, ack uint32) func(*reset.Trigger) {
	return func(t *reset.Trigger) { t.Seq, t.Ack = reset.Some(seq), reset.Some(ack) }
}

const toDataFlags = reset.PSH | reset.ACK

// The forms of a RST.
func bareForm(c *Case) {
	p := &c.Reset.Packet
	p.Flags, p.Window, p.Length = reset.RST, reset.Some[uint16](0), reset.Some[uint32](40)
	p.IPID, p.DF, p.Seq, p.TTL = reset.Some[uint16](0), reset.Some(true), reset.Some[uint32](5000), reset.Some[uint8](60)
}

func refusingForm(c *Case) {
	bareForm(c)
	c.Reset.Packet.Flags, c.Reset.Packet.Seq = reset.RST|reset.ACK, reset.Some[uint32](0)
}

func abortingForm(c *Case) {
	bareForm(c)
	c.Reset.Packet.Flags, c.Reset.Packet.Window, c.Reset.Packet.IPID = reset.RST|reset.ACK, reset.Some[uint16](502), reset.Some[uint16](7)
}

func oddlyFormed(c *Case) {
	bareForm(c)
	c.Reset.Packet.Window = reset.Some[uint16](4096)
}

func withTTL(ttl uint8) known { return func(c *Case) { c.Reset.Packet.TTL = reset.Some(ttl) } }

// metAt is the TTL of the handshake.
func metAt(ttl uint8) known {
	return withPast(func(p *reset.Past) {
		p.HandshakeTTL, p.OpenedAgo, p.Originator = reset.Some(ttl), reset.Some[int64](5e9), reset.Some(true)
	})
}

func overIPv6(label uint32) known {
	return func(c *Case) {
		p := &c.Reset.Packet
		p.Family, p.IPID, p.DF, p.Length, p.FlowLabel = reset.IPv6, reset.Opt[uint16]{}, reset.Opt[bool]{}, reset.Some[uint32](60), reset.Some(label)
	}
}

// accepting is a RST that TCP took.
func accepting(state string) known {
	return func(c *Case) {
		seenBy(reset.Wire, reset.TCPReceiveReset)(c)
		socketIn(state)(c)
	}
}

func refusing(drop, state string) known {
	return func(c *Case) {
		seenBy(reset.Wire, reset.KfreeSkb)(c)
		dropping(drop)(c)
		if state != "" {
			socketIn(state)(c)
		}
	}
}

func after(set func(*After)) known { return func(c *Case) { set(&c.After) } }

func inFile(set func(*reset.FlowFacts)) known {
	return func(c *Case) {
		seenBy(reset.Pcap)(c)
		c.Context.Flow.Known = true
		set(&c.Context.Flow)
	}
}

func answered(by reset.Origination) known { return func(c *Case) { c.Origin = by } }

// situation is a case and the verdict that it must have.
type situation struct {
	name   string
	c      *Case
	sender reset.Sender
	who    reset.Level
	cause  reset.Cause
	why    reset.Level
	harm   reset.Harm
}

func checkSituations(t *testing.T, list []situation) {
	t.Helper()
	for _, s := range list {
		t.Run(s.name, func(t *testing.T) {
			Judge(s.c)
			r := s.c.Reset
			if r.Sender != s.sender || r.Confidence.Sender != s.who {
				t.Errorf("sender %s (%s), want %s (%s)", r.Sender, r.Confidence.Sender, s.sender, s.who)
			}
			if r.Cause != s.cause || r.Confidence.Cause != s.why {
				t.Errorf("cause %s (%s), want %s (%s)", r.Cause, r.Confidence.Cause, s.cause, s.why)
			}
			if s.harm != reset.HarmAbsent && r.Harm != s.harm {
				t.Errorf("harm %s, want %s", r.Harm, s.harm)
			}
			if t.Failed() {
				for _, e := range r.Evidence {
					t.Logf("%+v", e)
				}
			}
			checkPromises(t, s.c)
		})
	}
}
