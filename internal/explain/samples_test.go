package explain

import (
	"context"
	"flag"
	"io"
	"net/netip"
	"time"

	"github.com/rstwatch/rstwatch/internal/attribute"
	"github.com/rstwatch/rstwatch/internal/reset"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// at is when the samples come.
var at = time.Date(2026, 11, 21, 15, 27, 4, 120_000_000, time.UTC)

func end(text string) reset.Endpoint {
	a := netip.MustParseAddrPort(text)
	return reset.EndpointFrom(a.Addr(), a.Port())
}

// base is the n-th sample without a verdict.
func base(n int, direction reset.Direction, src, dst string) reset.Reset {
	t := at.Add(time.Duration(n) * time.Second)
	r := reset.Reset{
		ID: reset.NewOrigin("explain").NewID(t.UnixNano(), uint64(n)+1), Revision: 1, Final: true, Time: reset.TimeOf(t),
		Host: "db7", BootID: "0b7c", Netns: reset.Netns{ID: 4026531833}, Direction: direction, Src: end(src), Dst: end(dst),
	}
	r.Packet.Flags, r.Packet.Seq = reset.RST|reset.ACK, reset.Some(uint32(1000+n))
	switch direction {
	case reset.In:
		r.Interface.In = "eth0"
	case reset.Out:
		r.Interface.Out = "eth0"
	case reset.Forward:
		r.Interface.In, r.Interface.Out = "eth1", "eth0"
	}
	return r
}

func verdict2(r *reset.Reset, sender reset.Sender, who reset.Level, cause reset.Cause, why reset.Level, harm reset.Harm) {
	r.Sender, r.Cause, r.Harm, r.Confidence = sender, cause, harm, reset.Confidence{Sender: who, Cause: why}
}

func proof(fact, value, about string, weight reset.Weight, against bool) reset.Evidence {
	return reset.Evidence{Fact: fact, Value: value, For: about, Weight: weight, Against: against}
}

// scene is one sample with its surroundings.
type scene struct {
	name   string
	reset  reset.Reset
	around *Around
}

func scenes() []scene {
	return []scene{
		idleTimeout(), unreadData(), killed(), untranslated(), rejected(), refusedV6(), hostile(), relayed(), bare(), twin(),
		destroyed(), destroyedThere(),
	}
}

func idleTimeout() scene {
	r := base(0, reset.In, "10.0.0.12:5432", "10.0.0.7:40112")
	verdict2(&r, reset.Path, reset.Likely, reset.IdleTimeout, reset.Likely, reset.LostData)
	r.Revision = 2
	r.Packet.MACSrc = reset.MAC{0x52, 0x54, 0, 0xaa, 1, 0xfe}
	r.Process = &reset.Process{PID: reset.Some[uint32](8812), Comm: "hikari"}
	r.Kernel.Verdict = reset.Accepted
	r.Trigger = &reset.Trigger{Flags: reset.PSH | reset.ACK, Length: reset.Some[uint32](464)}
	r.Connection = &reset.Connection{
		State: "ESTABLISHED", AgeMS: reset.Some[int64](764109), SinceHeardMS: reset.Some[int64](350202),
		SinceSentMS: reset.Some[int64](1), QuietBeforeMS: reset.Some[int64](350201),
		BytesSent: reset.Some[uint64](18204), BytesReceived: reset.Some[uint64](1220411), Unread: reset.Some[uint32](0),
		Unsent: reset.Some[uint32](412), RTTUS: reset.Some[uint32](2100), MinRTTUS: reset.Some[uint32](1900),
		Retransmits: reset.Some[uint32](0), Baseline: reset.BaselineFull,
	}
	r.Evidence = []reset.Evidence{
		proof("reset-shape", "RST,ACK with a correct SEQ, as the peer would send it", "sender=path", reset.Weak, true),
		proof("hop-distance", "TTL 63; the peer's other packets bear 60", "sender=path", reset.Strong, false),
		proof("quiet-before", "silent 350.2 s before our send; 41 of 44 such: 350 s", "cause=idle-timeout", reset.Strong, false),
		proof("answer-time", "0.4 ms after the send that it answers; least RTT is 1.9 ms", "sender=path", reset.Strong, false),
	}
	r.Summary = "A device between here and 10.0.0.12 probably forgot this connection: it had been silent for 350.2 s, " +
		"and the reset came 0.4 ms after our next send."
	first := r
	first.Revision, first.Final = 1, false
	verdict2(&first, reset.Peer, reset.Possible, reset.PeerNoConnection, reset.Possible, reset.LostData)
	return scene{"idle-timeout", r, &Around{Revisions: []reset.Reset{first, r}}}
}

func unreadData() scene {
	r := base(1, reset.Out, "10.0.0.7:3306", "10.0.0.5:51334")
	verdict2(&r, reset.LocalApp, reset.Certain, reset.UnreadData, reset.Likely, reset.LostData)
	r.Final, r.ProvisionalUntil = false, r.Time+reset.Time(5*time.Second)
	r.Netns = reset.Netns{ID: 4026532301, Name: "blue"}
	r.Process = &reset.Process{PID: reset.Some[uint32](2211), Comm: "mysqld"}
	r.Container = &reset.Container{ID: "0123456789abcdef", Pod: "mysql-0", Namespace: "shop"}
	r.Connection = &reset.Connection{State: "CLOSE", Unread: reset.Some[uint32](300), BytesReceived: reset.Some[uint64](300), Baseline: reset.BaselineNone}
	r.Evidence = []reset.Evidence{
		proof("kernel-reason", "TCP_ABORT_ON_CLOSE", "sender=local-app", reset.Decisive, false),
		proof("kernel-reason", "TCP_ABORT_ON_CLOSE", "cause=unread-data", reset.Strong, false),
	}
	r.Summary = "mysqld/2211 reset the connection to 10.0.0.5:51334: it closed the connection with received data unread."
	again := r
	again.ID = reset.NewOrigin("again").NewID(int64(r.Time)+5e6, 1)
	again.Time, again.Packet.Seq = r.Time+5e6, reset.Some[uint32](77)
	return scene{"unread-data", r, &Around{Same: []reset.Reset{again}, SameCount: 6}}
}

func killed() scene {
	first := base(2, reset.Out, "10.0.0.7:3306", "10.0.0.5:51000")
	first.Process = &reset.Process{PID: reset.Some[uint32](2211), Comm: "mysqld", Exit: &reset.Exit{Signal: "SIGKILL", OOM: true}}
	r := base(2, reset.Out, "10.0.0.7:3306", "10.0.0.6:40000")
	r.ID = reset.NewOrigin("killed").NewID(int64(r.Time), 9)
	r.Time += 15e6
	verdict2(&r, reset.LocalApp, reset.Certain, reset.ProcessKilled, reset.Certain, reset.LostData)
	r.Process, r.CausedBy = first.Process, []reset.ID{first.ID}
	r.Connection = &reset.Connection{State: "CLOSE", AgeMS: reset.Some[int64](3 * 86400_000)}
	r.Evidence = []reset.Evidence{proof("process-exit", "SIGKILL by the OOM killer", "cause=process-killed", reset.Decisive, false)}
	r.Summary = "mysqld/2211 was killed for lack of memory, and its connection to 10.0.0.6:40000 with it."
	return scene{"process-killed", r, &Around{Linked: []reset.Reset{first}}}
}

func untranslated() scene {
	r := base(3, reset.Out, "10.244.1.17:43822", "10.0.3.9:443")
	verdict2(&r, reset.LocalKernel, reset.Certain, reset.UntranslatedReply, reset.Possible, reset.FailedConnect)
	r.Packet.Flags = reset.RST
	r.Trigger = &reset.Trigger{Flags: reset.SYN | reset.ACK, Length: reset.Some[uint32](60), Conntrack: "INVALID"}
	r.NAT = &reset.NAT{
		Original: reset.Tuple{Src: end("10.244.1.17:43822"), Dst: end("10.96.0.1:443")},
		Reply:    reset.Tuple{Src: end("10.0.3.9:443"), Dst: end("10.244.1.17:43822")},
	}
	r.Evidence = []reset.Evidence{
		proof("kernel-reason", "NO_SOCKET", "sender=local-kernel", reset.Decisive, false),
		proof("socket-beside", "10.244.1.17:43822 is connected to 10.96.0.1:443, SYN_SENT", "cause=untranslated-reply", reset.Strong, false),
		proof("stray-ack", "it acknowledges what that socket never sent", "cause=no-connection", reset.Weak, false),
	}
	r.Summary = "The kernel here reset a packet of 10.0.3.9:443 that was perhaps an answer to another address."
	return scene{"untranslated-reply", r, nil}
}

func rejected() scene {
	r := base(4, reset.Forward, "192.0.2.9:8080", "10.0.0.5:60000")
	verdict2(&r, reset.LocalFirewall, reset.Certain, reset.FirewallReject, reset.Certain, reset.FailedConnect)
	r.Rule, r.Claim = "ip filter FORWARD, rule 12: tcp dport 8080 reject with tcp reset", "port closed by policy"
	r.Evidence = []reset.Evidence{proof("trigger-drop", "NETFILTER_DROP", "sender=local-firewall", reset.Decisive, false)}
	r.Summary = "The firewall here refused a connection to 192.0.2.9:8080."
	return scene{"firewall-reject", r, nil}
}

func refusedV6() scene {
	r := base(5, reset.In, "[2001:db8:1111:2222:3333:4444:5555:6666]:6379", "[2001:db8::7]:50514")
	verdict2(&r, reset.Peer, reset.Possible, reset.Refused, reset.Likely, reset.FailedConnect)
	r.Kernel.Verdict, r.Kernel.Inferred = reset.Accepted, true
	r.Process = &reset.Process{PID: reset.Some[uint32](4410), Comm: "worker"}
	r.Connection = &reset.Connection{State: "SYN_SENT", Unsent: reset.Some[uint32](1)}
	r.Summary = "The connection to [2001:db8:1111:2222:3333:4444:5555:6666]:6379 was refused."
	return scene{"refused-ipv6", r, nil}
}

// nasty is what a hostile program may call itself.
const nasty = "\x1b]0;owned\x07'; reboot\n\u202egnp"

func hostile() scene {
	r := base(6, reset.Out, "10.0.0.7:1", "10.0.0.5:2")
	verdict2(&r, reset.LocalApp, reset.Certain, reset.SocketDestroyed, reset.Certain, reset.HarmUnknown)
	r.Host, r.Netns = nasty, reset.Netns{ID: 5, Name: nasty}
	r.Interface.Out, r.Rule, r.Claim, r.Summary = nasty, nasty, nasty, nasty
	r.Process = &reset.Process{PID: reset.Some[uint32](66), Comm: nasty, By: &reset.Process{PID: reset.Some[uint32](67), Comm: nasty}}
	r.Container = &reset.Container{Name: nasty}
	r.Evidence = []reset.Evidence{proof(nasty, nasty, nasty, reset.Weak, true)}
	r.Connection = &reset.Connection{State: nasty, AgeMS: reset.Some[int64](-1 << 63), SinceHeardMS: reset.Some[int64](1<<63 - 1)}
	return scene{"hostile", r, nil}
}

func relayed() scene {
	r := base(7, reset.Out, "10.0.0.7:80", "10.0.0.5:2")
	verdict2(&r, reset.LocalApp, reset.Likely, reset.Relayed, reset.Likely, reset.LostData)
	r.Process = &reset.Process{PID: reset.Some[uint32](9), Comm: "haproxy"}
	r.CausedBy = []reset.ID{reset.NewOrigin("gone").NewID(int64(r.Time)-3e6, 4)}
	r.Summary = "haproxy/9 passed on a reset."
	around := &Around{}
	around.Watch.cover(&reset.Coverage{
		Time: r.Time + reset.Time(time.Minute), Sensors: []string{"bpf"}, From: r.Time - 1e9, Until: r.Time + reset.Time(time.Minute), Lost: 1204,
	})
	return scene{"relayed", r, around}
}

// twin is a RST that came from a process in another namespace of this host.
func twin() scene {
	sent := base(8, reset.Out, "10.0.0.7:3306", "10.0.0.5:51334")
	sent.Netns, sent.Process = reset.Netns{ID: 4026532301, Name: "blue"}, &reset.Process{PID: reset.Some[uint32](2211), Comm: "mysqld"}
	r := base(8, reset.In, "10.0.0.7:3306", "10.0.0.5:51334")
	r.ID, r.Time = reset.NewOrigin("twin").NewID(int64(r.Time), 1), r.Time+30_300
	verdict2(&r, reset.LocalApp, reset.Certain, reset.LingerZero, reset.Certain, reset.HarmUnknown)
	r.Twin, r.Netns.Name = sent.ID, "green"
	r.Process = &reset.Process{PID: reset.Some[uint32](9), Comm: "client"}
	r.Summary = "A process here, at 10.0.0.7:3306, reset the connection with 10.0.0.5:51334."
	return scene{"twin", r, &Around{Linked: []reset.Reset{sent}}}
}

// destroyed is a connection that somebody ended with ss -K.
func destroyed() scene {
	r := base(9, reset.Out, "10.0.0.7:8000", "10.0.0.5:51334")
	verdict2(&r, reset.LocalApp, reset.Certain, reset.SocketDestroyed, reset.Certain, reset.HarmUnknown)
	r.Process = &reset.Process{
		PID: reset.Some[uint32](26941), Comm: "python3", By: &reset.Process{PID: reset.Some[uint32](27166), Comm: "ss"},
	}
	r.Summary = attribute.Summary(&r)
	return scene{"socket-destroyed", r, nil}
}

// destroyedThere is the record of its other end.
func destroyedThere() scene {
	sent := destroyed().reset
	r := base(9, reset.In, "10.0.0.7:8000", "10.0.0.5:51334")
	r.ID = reset.NewOrigin("there").NewID(int64(r.Time), 1)
	verdict2(&r, sent.Sender, sent.Confidence.Sender, sent.Cause, sent.Confidence.Cause, reset.HarmUnknown)
	r.Twin, r.Netns.Name = sent.ID, "green"
	r.Process = &reset.Process{PID: reset.Some[uint32](9), Comm: "client"}
	r.Summary = attribute.Summary(&r)
	return scene{"socket-destroyed-there", r, &Around{Linked: []reset.Reset{sent}}}
}

func bare() scene { return scene{"bare", reset.Reset{Direction: reset.Transit}, nil} }

// setting is that of the golden files.
var setting = Setting{Zone: time.FixedZone("", 3600), Now: reset.TimeOf(at.Add(24 * time.Hour)), HostNetns: 4026531833, Host: "db7"}

// list reads entries from memory.
type list struct{ entries []reset.Entry }

func (l *list) Next(context.Context) (reset.Entry, error) {
	if len(l.entries) == 0 {
		return reset.Entry{}, io.EOF
	}
	e := l.entries[0]
	l.entries = l.entries[1:]
	return e, nil
}
