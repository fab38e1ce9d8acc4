package correlate_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rstwatch/rstwatch/internal/correlate"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// result is what the tests look at of a record.
type result struct {
	Direction reset.Direction
	Interface reset.Interface
	Tuple     string
	Sources   string
	Reason    string
	Drop      string
	Sightings uint64
	Origin    reset.Origination
	NAT       bool
}

// collect runs sightings through a correlator and lets everything go at the end.
func collect(t interface{ Fatal(...any) }, batches ...[]reset.Sighting) ([]result, correlate.Counts) {
	var got []result
	c, err := correlate.New(correlate.DefaultConfig(), func(r *reset.Reset, j correlate.Joined) {
		got = append(got, result{
			Direction: r.Direction, Interface: r.Interface, Tuple: r.Src.String() + ">" + r.Dst.String(),
			Sources: fmt.Sprint(r.Sources.List()), Reason: r.Kernel.Reason, Drop: r.Kernel.DropReason,
			Sightings: j.Sightings, Origin: j.Origin, NAT: r.NAT != nil,
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, batch := range batches {
		c.Add(batch)
	}
	c.Drain()
	return got, c.Counts()
}

var (
	client = reset.Endpoint{AddrPort: netip.MustParseAddrPort("10.0.0.1:40000")}
	server = reset.Endpoint{AddrPort: netip.MustParseAddrPort("10.0.0.2:80")}
	other  = reset.Endpoint{AddrPort: netip.MustParseAddrPort("192.0.2.2:7")}
	public = reset.Endpoint{AddrPort: netip.MustParseAddrPort("192.0.2.1:80")}
)

// seen starts a sighting of a RST from server to client.
func seen(source reset.Source, hook reset.Hook, netns uint64, change ...func(*reset.Sighting)) reset.Sighting {
	s := reset.Sighting{Source: source, Hook: hook, Netns: reset.Netns{ID: netns}, Time: 1e18, MonoNS: 1e9, Src: server, Dst: client}
	if hook != reset.HookSent && hook != reset.HookAccepted {
		s.Packet = headers(7, 9, reset.RST|reset.ACK)
	}
	for _, f := range change {
		f(&s)
	}
	return s
}

func headers(seq, ack uint32, flags reset.Flags) reset.Packet {
	return reset.Packet{
		Family: reset.IPv4, Seq: reset.Some(seq), Ack: reset.Some(ack), Flags: flags,
		Window: reset.Some(uint16(0)), IPID: reset.Some(uint16(0)), TTL: reset.Some(uint8(64)),
	}
}

func in(device string) func(*reset.Sighting) {
	return func(s *reset.Sighting) { s.Interface.In = device }
}
func out(device string) func(*reset.Sighting) {
	return func(s *reset.Sighting) { s.Interface.Out = device }
}
func skb(address uint64) func(*reset.Sighting) {
	return func(s *reset.Sighting) { s.SKB = address }
}
func socket(address uint64) func(*reset.Sighting) {
	return func(s *reset.Sighting) { s.Cookie = address }
}
func origin(o reset.Origination) func(*reset.Sighting) {
	return func(s *reset.Sighting) { s.Origin = o }
}
func after(d time.Duration) func(*reset.Sighting) {
	return func(s *reset.Sighting) { s.MonoNS += int64(d) }
}
func reason(text string) func(*reset.Sighting) {
	return func(s *reset.Sighting) { s.Kernel.Reason = text }
}
func drop(text string) func(*reset.Sighting) {
	return func(s *reset.Sighting) { s.Kernel.DropReason = text }
}
func ttl(hops uint8) func(*reset.Sighting) {
	return func(s *reset.Sighting) { s.Packet.TTL = reset.Some(hops) }
}
func expects(seq uint32) func(*reset.Sighting) {
	return func(s *reset.Sighting) { s.Next = reset.Some(seq) }
}
func to(dst reset.Endpoint) func(*reset.Sighting) {
	return func(s *reset.Sighting) { s.Dst = dst }
}
func unacked(seq uint32) func(*reset.Sighting) {
	return func(s *reset.Sighting) { s.Unacked = reset.Some(seq) }
}
func answersSYN(seq uint32) func(*reset.Sighting) {
	return func(s *reset.Sighting) { s.Trigger = &reset.Trigger{Flags: reset.SYN, Seq: reset.Some(seq)} }
}
func answers(flags reset.Flags, ack uint32) func(*reset.Sighting) {
	return func(s *reset.Sighting) { s.Trigger = &reset.Trigger{Flags: flags, Ack: reset.Some(ack)} }
}
func bears(seq, ack uint32) func(*reset.Sighting) {
	return func(s *reset.Sighting) { s.Packet = headers(seq, ack, reset.RST|reset.ACK) }
}
func from(src reset.Endpoint) func(*reset.Sighting) {
	return func(s *reset.Sighting) { s.Src = src }
}

const tuple = "10.0.0.2:80>10.0.0.1:40000"

func TestJoining(t *testing.T) {
	for _, tt := range []struct {
		name      string
		sightings []reset.Sighting
		want      []result
	}{
		{
			name: "an abort is seen on the device, then told by TCP",
			sightings: []reset.Sighting{
				seen(reset.Wire, reset.HookWireOut, 1, out("eth0"), origin(reset.OriginTCPSocket), socket(5), skb(1)),
				seen(reset.TCPSendReset, reset.HookSent, 1, origin(reset.OriginTCPSocket), socket(5), reason("TCP_STATE")),
			},
			want: []result{{reset.Out, reset.Interface{Out: "eth0"}, tuple, "[tcp_send_reset wire]", "TCP_STATE", "", 2, reset.OriginTCPSocket, false}},
		},
		{
			name: "a reply waits for its neighbour's address, and then has no owner that the device knows",
			sightings: []reset.Sighting{
				seen(reset.TCPSendReset, reset.HookSent, 1, origin(reset.OriginTCPControl), reason("NO_SOCKET"), answers(reset.ACK, 7)),
				seen(reset.Wire, reset.HookWireOut, 1, out("eth0"), origin(reset.OriginNoSocket), skb(1), after(time.Millisecond)),
			},
			want: []result{{reset.Out, reset.Interface{Out: "eth0"}, tuple, "[tcp_send_reset wire]", "NO_SOCKET", "", 2, reset.OriginTCPControl, false}},
		},
		{
			name: "a rejected packet's RST is not the reply to another packet of the same connection",
			sightings: []reset.Sighting{
				seen(reset.TCPSendReset, reset.HookSent, 1, origin(reset.OriginTCPControl), reason("NO_SOCKET"), answers(reset.ACK, 1000)),
				seen(reset.Wire, reset.HookWireOut, 1, out("eth0"), origin(reset.OriginNoSocket), skb(1)),
			},
			want: []result{
				{reset.Out, reset.Interface{}, tuple, "[tcp_send_reset]", "NO_SOCKET", "", 1, reset.OriginTCPControl, false},
				{reset.Out, reset.Interface{Out: "eth0"}, tuple, "[wire]", "", "", 1, reset.OriginNoSocket, false},
			},
		},
		{
			name: "through bridge and port into a socket",
			sightings: []reset.Sighting{
				seen(reset.Wire, reset.HookWireIn, 1, in("port0"), skb(1)),
				seen(reset.Wire, reset.HookWireIn, 1, in("br0"), skb(1)),
				seen(reset.TCPReceiveReset, reset.HookAccepted, 1, socket(5)),
			},
			// Taken by the socket in one namespace: nothing more can come.
			want: []result{{reset.In, reset.Interface{In: "br0", PhysIn: "port0"}, tuple, "[tcp_receive_reset wire]", "", "", 3, 0, false}},
		},
		{
			name: "routed through",
			sightings: []reset.Sighting{
				seen(reset.Wire, reset.HookWireIn, 1, in("eth0"), skb(1)),
				seen(reset.Wire, reset.HookWireOut, 1, out("eth1"), origin(reset.OriginForwarded), skb(1)),
			},
			want: []result{{reset.Forward, reset.Interface{In: "eth0", Out: "eth1"}, tuple, "[wire]", "", "", 2, reset.OriginForwarded, false}},
		},
		{
			name: "routed through with a translated source",
			sightings: []reset.Sighting{
				seen(reset.Wire, reset.HookWireIn, 1, in("eth0"), skb(1)),
				seen(reset.Wire, reset.HookWireOut, 1, out("eth1"), origin(reset.OriginForwarded), skb(1), from(public)),
			},
			want: []result{{reset.Forward, reset.Interface{In: "eth0", Out: "eth1"}, tuple, "[wire]", "", "", 2, reset.OriginForwarded, true}},
		},
		{
			name: "routed back to where it came from",
			sightings: []reset.Sighting{
				seen(reset.Wire, reset.HookWireIn, 1, in("eth0"), skb(1)),
				seen(reset.Wire, reset.HookWireOut, 1, out("eth0"), origin(reset.OriginForwarded), skb(1), ttl(63)),
			},
			want: []result{{reset.Forward, reset.Interface{In: "eth0", Out: "eth0"}, tuple, "[wire]", "", "", 2, reset.OriginForwarded, false}},
		},
		{
			name: "an abort whose source is translated on its way out",
			sightings: []reset.Sighting{
				seen(reset.Wire, reset.HookWireOut, 1, out("eth0"), origin(reset.OriginTCPSocket), socket(5), skb(1)),
				seen(reset.TCPSendReset, reset.HookSent, 1, origin(reset.OriginTCPSocket), socket(5), from(public)),
			},
			want: []result{{reset.Out, reset.Interface{Out: "eth0"}, tuple, "[tcp_send_reset wire]", "", "", 2, reset.OriginTCPSocket, true}},
		},
		{
			name: "a reply whose source is translated on its way out",
			sightings: []reset.Sighting{
				seen(reset.Wire, reset.HookWireOut, 1, out("eth0"), origin(reset.OriginTCPControl), socket(9), skb(1)),
				seen(reset.TCPSendReset, reset.HookSent, 1, origin(reset.OriginTCPControl), reason("NO_SOCKET"), answers(reset.ACK, 7), from(public)),
			},
			want: []result{{reset.Out, reset.Interface{Out: "eth0"}, tuple, "[tcp_send_reset wire]", "NO_SOCKET", "", 2, reset.OriginTCPControl, true}},
		},
		{
			name: "taken under a translated address",
			sightings: []reset.Sighting{
				seen(reset.Wire, reset.HookWireIn, 1, in("eth0"), skb(1)),
				seen(reset.TCPReceiveReset, reset.HookAccepted, 1, socket(5), from(public), expects(7)),
			},
			want: []result{{reset.In, reset.Interface{In: "eth0"}, tuple, "[tcp_receive_reset wire]", "", "", 2, 0, true}},
		},
		{
			name: "a socket that expected another SEQ took another RST",
			sightings: []reset.Sighting{
				seen(reset.Wire, reset.HookWireIn, 1, in("eth0"), skb(1)),
				seen(reset.TCPReceiveReset, reset.HookAccepted, 1, socket(5), from(public), expects(8)),
			},
			want: []result{
				{reset.In, reset.Interface{In: "eth0"}, tuple, "[wire]", "", "", 1, 0, false},
				{reset.In, reset.Interface{}, "192.0.2.1:80>10.0.0.1:40000", "[tcp_receive_reset]", "", "", 1, 0, false},
			},
		},
		{
			name: "a reply of which both ends are translated on its way out",
			sightings: []reset.Sighting{
				seen(reset.Wire, reset.HookWireOut, 1, out("lo"), origin(reset.OriginNoSocket), skb(1), bears(0, 9), after(time.Microsecond)),
				seen(reset.TCPSendReset, reset.HookSent, 1, origin(reset.OriginTCPControl), reason("NO_SOCKET"), answersSYN(8), from(public), to(other)),
			},
			want: []result{{reset.Out, reset.Interface{Out: "lo"}, tuple, "[tcp_send_reset wire]", "NO_SOCKET", "", 2, reset.OriginTCPControl, true}},
		},
		{
			name: "both ends differ, and so does the number that was acknowledged",
			sightings: []reset.Sighting{
				seen(reset.Wire, reset.HookWireOut, 1, out("lo"), origin(reset.OriginNoSocket), skb(1), bears(0, 9), after(time.Microsecond)),
				seen(reset.TCPSendReset, reset.HookSent, 1, origin(reset.OriginTCPControl), reason("NO_SOCKET"), answersSYN(7), from(public), to(other)),
			},
			want: []result{
				{reset.Out, reset.Interface{Out: "lo"}, tuple, "[wire]", "", "", 1, reset.OriginNoSocket, false},
				{reset.Out, reset.Interface{}, "192.0.2.1:80>192.0.2.2:7", "[tcp_send_reset]", "NO_SOCKET", "", 1, reset.OriginTCPControl, false},
			},
		},
		{
			name: "both ends differ, and the RST had left before TCP began to answer",
			sightings: []reset.Sighting{
				seen(reset.Wire, reset.HookWireOut, 1, out("lo"), origin(reset.OriginNoSocket), skb(1), bears(0, 9)),
				seen(reset.TCPSendReset, reset.HookSent, 1, origin(reset.OriginTCPControl), reason("NO_SOCKET"), answersSYN(8), from(public), to(other), after(time.Microsecond)),
			},
			want: []result{
				{reset.Out, reset.Interface{Out: "lo"}, tuple, "[wire]", "", "", 1, reset.OriginNoSocket, false},
				{reset.Out, reset.Interface{}, "192.0.2.1:80>192.0.2.2:7", "[tcp_send_reset]", "NO_SOCKET", "", 1, reset.OriginTCPControl, false},
			},
		},
		{
			name: "taken where both ends are translated",
			sightings: []reset.Sighting{
				seen(reset.Wire, reset.HookWireIn, 1, in("eth0"), skb(1)),
				seen(reset.TCPReceiveReset, reset.HookAccepted, 1, socket(5), from(public), to(other), expects(7)),
			},
			want: []result{{reset.In, reset.Interface{In: "eth0"}, tuple, "[tcp_receive_reset wire]", "", "", 2, 0, true}},
		},
		{
			name: "taken by a connecting socket where both ends are translated",
			sightings: []reset.Sighting{
				seen(reset.Wire, reset.HookWireIn, 1, in("eth0"), skb(1), bears(0, 9)),
				seen(reset.TCPReceiveReset, reset.HookAccepted, 1, socket(5), from(public), to(other), expects(0), unacked(8)),
			},
			want: []result{{reset.In, reset.Interface{In: "eth0"}, tuple, "[tcp_receive_reset wire]", "", "", 2, 0, true}},
		},
		{
			name: "every closed port sends SEQ 0: another connecting socket took another RST",
			sightings: []reset.Sighting{
				seen(reset.Wire, reset.HookWireIn, 1, in("eth0"), skb(1), bears(0, 9)),
				seen(reset.TCPReceiveReset, reset.HookAccepted, 1, socket(5), from(public), to(other), expects(0), unacked(7)),
			},
			want: []result{
				{reset.In, reset.Interface{In: "eth0"}, tuple, "[wire]", "", "", 1, 0, false},
				{reset.In, reset.Interface{}, "192.0.2.1:80>192.0.2.2:7", "[tcp_receive_reset]", "", "", 1, 0, false},
			},
		},
		{
			name: "AF_PACKET does not know what was forwarded: the same headers on another device are",
			sightings: []reset.Sighting{
				seen(reset.AFPacket, reset.HookWireIn, 1, in("eth0")),
				seen(reset.AFPacket, reset.HookWireOut, 1, out("eth1")),
			},
			want: []result{{reset.Forward, reset.Interface{In: "eth0", Out: "eth1"}, tuple, "[af_packet]", "", "", 2, 0, false}},
		},
		{
			name: "loopback is met twice: going out and coming in",
			sightings: []reset.Sighting{
				seen(reset.Wire, reset.HookWireOut, 1, out("lo"), origin(reset.OriginTCPControl), skb(1)),
				seen(reset.Wire, reset.HookWireIn, 1, in("lo"), skb(1)),
			},
			want: []result{
				{reset.Out, reset.Interface{Out: "lo"}, tuple, "[wire]", "", "", 1, reset.OriginTCPControl, false},
				{reset.In, reset.Interface{In: "lo"}, tuple, "[wire]", "", "", 1, 0, false},
			},
		},
		{
			name: "equal RSTs one after the other are as many",
			sightings: []reset.Sighting{
				seen(reset.Wire, reset.HookWireIn, 1, in("eth0"), skb(1)),
				seen(reset.KfreeSkb, reset.HookRefused, 1, in("eth0"), skb(1), drop("NO_SOCKET")),
				seen(reset.Wire, reset.HookWireIn, 1, in("eth0"), skb(1)),
				seen(reset.KfreeSkb, reset.HookRefused, 1, in("eth0"), skb(1), drop("NO_SOCKET")),
			},
			want: []result{
				{reset.In, reset.Interface{In: "eth0"}, tuple, "[kfree_skb wire]", "", "NO_SOCKET", 2, 0, false},
				{reset.In, reset.Interface{In: "eth0"}, tuple, "[kfree_skb wire]", "", "NO_SOCKET", 2, 0, false},
			},
		},
		{
			name: "refused by a socket whose packet names no device",
			sightings: []reset.Sighting{
				seen(reset.Wire, reset.HookWireIn, 1, in("eth0"), skb(1)),
				seen(reset.KfreeSkb, reset.HookRefused, 0, skb(1), drop("TCP_RESET")),
			},
			want: []result{{reset.In, reset.Interface{In: "eth0"}, tuple, "[kfree_skb wire]", "", "TCP_RESET", 2, 0, false}},
		},
		{
			name: "two RSTs wait for a busy socket, which takes the first and refuses the second",
			sightings: []reset.Sighting{
				seen(reset.Wire, reset.HookWireIn, 1, in("eth0"), skb(1), bears(7, 9)),
				seen(reset.Wire, reset.HookWireIn, 1, in("eth0"), skb(2), bears(100, 9)),
				seen(reset.TCPReceiveReset, reset.HookAccepted, 1, socket(5), func(s *reset.Sighting) { s.Next = reset.Some(uint32(7)) }),
				seen(reset.KfreeSkb, reset.HookRefused, 0, skb(2), drop("NO_SOCKET"), bears(100, 9)),
			},
			want: []result{
				{reset.In, reset.Interface{In: "eth0"}, tuple, "[tcp_receive_reset wire]", "", "", 2, 0, false},
				{reset.In, reset.Interface{In: "eth0"}, tuple, "[kfree_skb wire]", "", "NO_SOCKET", 2, 0, false},
			},
		},
		{
			name: "the firewall drops a reply on its way out",
			sightings: []reset.Sighting{
				seen(reset.KfreeSkb, reset.HookRefused, 1, skb(2), origin(reset.OriginTCPControl), drop("NETFILTER_DROP")),
				seen(reset.TCPSendReset, reset.HookSent, 1, origin(reset.OriginTCPControl), reason("NO_SOCKET"), answers(reset.ACK, 7)),
			},
			want: []result{{reset.Out, reset.Interface{}, tuple, "[tcp_send_reset kfree_skb]", "NO_SOCKET", "NETFILTER_DROP", 2, reset.OriginTCPControl, false}},
		},
		{
			name: "tcp_reset that no RST brought about",
			sightings: []reset.Sighting{
				seen(reset.TCPReceiveReset, reset.HookAccepted, 1, socket(5), func(s *reset.Sighting) { s.Src, s.Dst = client, server }),
				seen(reset.TCPSendReset, reset.HookSent, 1, origin(reset.OriginTCPControl), socket(5), reason("TCP_ABORT_ON_DATA"), answers(reset.ACK, 7)),
			},
			want: []result{{reset.Out, reset.Interface{}, tuple, "[tcp_send_reset]", "TCP_ABORT_ON_DATA", "", 2, reset.OriginTCPControl, false}},
		},
		{
			name: "two namespaces meet the same packet: a record each",
			sightings: []reset.Sighting{
				seen(reset.Wire, reset.HookWireOut, 1, out("veth0"), origin(reset.OriginNoSocket), skb(1)),
				seen(reset.Wire, reset.HookWireIn, 2, in("veth1"), skb(1)),
			},
			want: []result{
				{reset.Out, reset.Interface{Out: "veth0"}, tuple, "[wire]", "", "", 1, reset.OriginNoSocket, false},
				{reset.In, reset.Interface{In: "veth1"}, tuple, "[wire]", "", "", 1, 0, false},
			},
		},
		{
			name: "what comes after the window is a reset of its own",
			sightings: []reset.Sighting{
				seen(reset.Wire, reset.HookWireIn, 1, in("eth0"), skb(1)),
				seen(reset.Wire, reset.HookWireOut, 1, out("eth1"), origin(reset.OriginForwarded), skb(1), after(time.Second)),
			},
			want: []result{
				{reset.In, reset.Interface{In: "eth0"}, tuple, "[wire]", "", "", 1, 0, false},
				{reset.Forward, reset.Interface{Out: "eth1"}, tuple, "[wire]", "", "", 1, reset.OriginForwarded, false},
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, counts := collect(t, tt.sightings)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("records (-want +got):\n%s", diff)
			}
			if counts.Added != uint64(len(tt.sightings)) || counts.Added != counts.Primary+counts.Joined || counts.Pending != 0 {
				t.Errorf("the account does not balance: %+v", counts)
			}
		})
	}
}

// TestEveryRSTOnce interleaves the sightings of many RSTs, in any order that
// several processors can produce, and wants one record of each.
func TestEveryRSTOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stories := rapid.IntRange(1, 40).Draw(t, "resets")
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		var queues [][]reset.Sighting
		for i := range stories {
			queues = append(queues, story(random, i))
		}
		var mixed []reset.Sighting
		total := uint64(0)
		for len(queues) > 0 {
			at := random.IntN(len(queues))
			mixed = append(mixed, queues[at][0])
			total++
			if queues[at] = queues[at][1:]; len(queues[at]) == 0 {
				queues = append(queues[:at], queues[at+1:]...)
			}
		}
		got, counts := collect(t, mixed)
		if len(got) != stories {
			t.Fatalf("%d records of %d resets: %v", len(got), stories, got)
		}
		var sightings uint64
		for _, r := range got {
			sightings += r.Sightings
		}
		if sightings != total || counts.Added != total || counts.Primary+counts.Joined != total {
			t.Fatalf("of %d sightings %d are in records; %+v", total, sightings, counts)
		}
	})
}

// story is the sightings of one RST of a random kind, in the order of one
// processor. The tuple and SEQ tell the stories apart.
func story(random *rand.Rand, i int) []reset.Sighting {
	port := uint16(1000 + random.IntN(3))
	fix := func(s *reset.Sighting) {
		s.Src = reset.Endpoint{AddrPort: netip.AddrPortFrom(server.Addr(), port)}
		s.Dst = reset.Endpoint{AddrPort: netip.AddrPortFrom(client.Addr(), uint16(1000+i))}
		s.SKB *= uint64(i + 1)
		s.Cookie *= uint64(i + 1)
	}
	switch random.IntN(6) {
	case 0:
		return []reset.Sighting{
			seen(reset.Wire, reset.HookWireOut, 1, out("eth0"), origin(reset.OriginTCPSocket), socket(1000), skb(1000), fix),
			seen(reset.TCPSendReset, reset.HookSent, 1, origin(reset.OriginTCPSocket), socket(1000), fix),
		}
	case 1:
		return []reset.Sighting{
			seen(reset.Wire, reset.HookWireIn, 1, in("eth0"), skb(1000), fix),
			seen(reset.Wire, reset.HookWireOut, 1, out("eth1"), origin(reset.OriginForwarded), skb(1000), fix),
			seen(reset.Wire, reset.HookWireOut, 1, out("eth2"), origin(reset.OriginForwarded), skb(1000), fix),
		}
	case 2:
		return []reset.Sighting{
			seen(reset.Wire, reset.HookWireIn, 1, in("eth0"), skb(1000), fix),
			seen(reset.KfreeSkb, reset.HookRefused, 0, skb(1000), drop("NO_SOCKET"), fix),
		}
	case 3:
		return []reset.Sighting{
			seen(reset.TCPSendReset, reset.HookSent, 1, origin(reset.OriginTCPControl), answers(reset.ACK, 7), fix),
			seen(reset.Wire, reset.HookWireOut, 1, out("eth0"), origin(reset.OriginNoSocket), skb(1000), fix),
		}
	case 4:
		return []reset.Sighting{
			seen(reset.Wire, reset.HookWireOut, 1, out("eth0"), origin(reset.OriginTCPSocket), socket(1000), skb(1000), fix),
			seen(reset.TCPSendReset, reset.HookSent, 1, origin(reset.OriginTCPSocket), socket(1000), fix, from(public)),
		}
	default:
		return []reset.Sighting{
			seen(reset.Wire, reset.HookWireIn, 1, in("eth0"), skb(1000), fix),
			seen(reset.TCPReceiveReset, reset.HookAccepted, 1, socket(1000), fix),
		}
	}
}

// TestMaxPending bounds what waits: the oldest go first, and none is lost.
func TestMaxPending(t *testing.T) {
	records := 0
	cfg := correlate.Config{Window: time.Second, MaxPending: 10}
	c, err := correlate.New(cfg, func(*reset.Reset, correlate.Joined) { records++ })
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		s := seen(reset.Wire, reset.HookWireIn, 1, in("eth0"), bears(uint32(i), 0))
		c.Add([]reset.Sighting{s})
		if c.Waiting() > cfg.MaxPending {
			t.Fatalf("%d wait", c.Waiting())
		}
	}
	c.Drain()
	if records != 1000 {
		t.Errorf("%d records of 1000 resets", records)
	}
}
