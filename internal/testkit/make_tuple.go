package testkit

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// tupleMakers are answers to a packet that belongs to another connection, or
// another host, than its addresses say.
func tupleMakers() []Maker {
	routed := func(s Scene) bool { return s.Route == Routed }
	bridged := func(s Scene) bool { return s.Route == OverBridge }
	return []Maker{
		{Name: "tuple-reused", Kernel: "tcp_rcv_synsent_state_process", make: makeTupleReused},
		{Name: "tuple-reused-time-wait", Kernel: "tcp_timewait_state_process, tcp_rcv_synsent_state_process", make: makeTupleReusedTimeWait},
		{Name: "connect-cancelled", Kernel: "tcp_v4_rcv, no_tcp_socket", Slow: true, Scenes: routed, make: makeConnectCancelled},
		{Name: "untranslated-reply", Kernel: "nf_conntrack_tcp_packet, tcp_v4_rcv", Scenes: routed, make: func(r *run) error {
			return r.untranslatedReply(r.lab.Router, nftables.ChainHookPrerouting)
		}},
		{Name: "untranslated-reply-own", Kernel: "nf_conntrack_tcp_packet, tcp_v4_rcv", Scenes: routed, make: func(r *run) error {
			return r.untranslatedReply(r.lab.Client, nftables.ChainHookOutput)
		}},
		{Name: "untranslated-masquerade", Kernel: "nf_conntrack_tcp_packet, tcp_v4_rcv", Scenes: routed, make: makeUntranslatedMasquerade},
		{Name: "untranslated-syn-ack", Kernel: "nft_notrack_eval, tcp_v4_rcv", Scenes: routed, make: makeUntranslatedSynAck},
		{Name: "wrong-host", Kernel: "tcp_v4_rcv, no_tcp_socket", Scenes: bridged, make: makeWrongHost},
	}
}

// makeTupleReused connects anew from the port of a connection that the client
// has lost and the server has not: the server asks back, and the client, which
// has sent nothing but a SYN, resets what it does not know.
func makeTupleReused(r *run) error {
	for i := range r.n {
		l, client, server, err := r.connectTo()
		if err != nil {
			return err
		}
		defer l.vanish()
		defer server.vanish()
		if err := client.locate(); err != nil {
			return err
		}
		client.vanish()
		again, err := r.connectAgain(client, 0)
		if err != nil {
			return err
		}
		defer again.vanish()
		if err := server.awaitReset(); err != nil {
			return err
		}
		r.sent(shot{
			from: r.client, to: r.server, srcPort: client.local.Port(), dstPort: client.remote.Port(),
			flags: reset.RST, seq: reset.Some(client.sndNxt), window: reset.Some[uint16](0), ttl: 64,
			sender: reset.LocalKernel, cause: reset.TupleReused, reason: "TCP_INVALID_ACK_SEQUENCE", verdict: reset.Accepted,
			also: Seen{Causes: []reset.Cause{reset.BadAck}},
			seen: seen(reset.Peer, reset.PeerNoConnection, reset.TupleReused).must(),
		})
		if err := r.taken(l, i+1); err != nil {
			return err
		}
	}
	return nil
}

// connectTo is connect, with a listener that stays.
func (r *run) connectTo() (l, client, server *sock, err error) {
	if l, err = r.listen(r.server, 8); err != nil {
		return nil, nil, nil, err
	}
	if client, err = r.dial(r.client, l.local); err == nil {
		server, err = l.accept()
	}
	if err != nil {
		l.vanish()
		client.vanish()
		return nil, nil, nil, fmt.Errorf("connecting to %s: %w", l.local, err)
	}
	return l, client, server, nil
}

// taken waits until the client has sent so many resets, and the listener has
// taken the connection that the client's next SYN made.
func (r *run) taken(l *sock, resets int) error {
	if err := r.awaitSent(r.client.node, resets); err != nil {
		return err
	}
	c, err := l.accept()
	c.vanish()
	return err
}

// connectAgain begins a connection from the address and to the address that
// the old socket had; with the given number as its SYN's, unless that is 0. A
// kernel chooses a number above the old one, but not after a reboot, nor if
// another host has got the address.
func (r *run) connectAgain(old *sock, number uint32) (*sock, error) {
	c, err := r.newSockOn(r.client, old.local.Port(), unix.IPPROTO_TCP)
	if err != nil {
		return nil, err
	}
	c.remote = old.remote
	set := func(option, value int) {
		if err == nil && number != 0 {
			err = unix.SetsockoptInt(c.fd, unix.IPPROTO_TCP, option, value)
		}
	}
	const sendQueue = 2
	set(unix.TCP_REPAIR, 1)
	set(unix.TCP_REPAIR_QUEUE, sendQueue)
	set(unix.TCP_QUEUE_SEQ, int(int32(number)))
	set(unix.TCP_REPAIR, -1)
	if err == nil {
		err = unix.SetNonblock(c.fd, true)
	}
	if err == nil {
		c.step()
		err = unix.Connect(c.fd, sockaddr(c.remote))
	}
	if errors.Is(err, unix.EINPROGRESS) {
		return c, nil
	}
	c.vanish()
	return nil, fmt.Errorf("connecting again to %s: %w", old.remote, err)
}

// makeTupleReusedTimeWait connects anew to a server whose old connection is in
// TIME_WAIT, with a number below the old ones and no timestamps: the server
// acknowledges the old connection, and the client resets it.
func makeTupleReusedTimeWait(r *run) error {
	if err := r.sysctl(r.client.node, "ipv4/tcp_timestamps=0"); err != nil {
		return err
	}
	for i := range r.n {
		l, client, server, err := r.connectTo()
		if err != nil {
			return err
		}
		defer l.vanish()
		if err := client.locate(); err != nil {
			return err
		}
		if err := server.close(); err != nil {
			return err
		}
		if err := client.awaitEnd(); err != nil {
			return err
		}
		if err := client.close(); err != nil {
			return err
		}
		port, peer := client.remote.Port(), client.local.Port()
		if err := r.awaitState(r.server, port, peer, unix.BPF_TCP_TIME_WAIT); err != nil {
			return err
		}
		again, err := r.connectAgain(client, client.sndNxt-1<<20)
		if err != nil {
			return err
		}
		defer again.vanish()
		r.sent(shot{
			from: r.client, to: r.server, srcPort: peer, dstPort: port,
			flags: reset.RST, seq: reset.Some(client.sndNxt + 1), window: reset.Some[uint16](0), ttl: 64,
			sender: reset.LocalKernel, cause: reset.TupleReused, reason: "TCP_INVALID_ACK_SEQUENCE",
			verdict: reset.Accepted, drop: "NOT_SPECIFIED",
			also: Seen{Causes: []reset.Cause{reset.BadAck}},
			seen: seen(reset.Peer, reset.AfterClose, reset.PeerNoConnection, reset.TupleReused).must(),
		})
		if err := r.taken(l, i+1); err != nil {
			return err
		}
	}
	return nil
}

// makeConnectCancelled closes a socket that is still connecting, as after a
// time limit of the application; the server's SYN+ACK comes a second later.
func makeConnectCancelled(r *run) error {
	l, err := r.listen(r.server, 8)
	if err != nil {
		return err
	}
	defer l.vanish()
	remove, err := r.client.node.apply(filter{hook: nftables.ChainHookInput, srcPort: l.local.Port()})
	if err != nil {
		return err
	}
	var clients []*sock
	for range r.n {
		c, err := r.newSock(r.client)
		if err != nil {
			return errors.Join(err, remove())
		}
		c.remote = l.local
		clients = append(clients, c)
		if err = unix.SetNonblock(c.fd, true); err == nil {
			err = unix.Connect(c.fd, sockaddr(c.remote))
		}
		if errors.Is(err, unix.EINPROGRESS) {
			err = c.locate()
		}
		if err == nil {
			err = r.awaitState(r.server, l.local.Port(), c.local.Port(), unix.BPF_TCP_SYN_RECV)
		}
		if err = errors.Join(err, c.close()); err != nil {
			return errors.Join(err, remove())
		}
	}
	if err := remove(); err != nil {
		return err
	}
	for _, c := range clients {
		r.sent(shot{
			from: r.client, to: r.server, srcPort: c.local.Port(), dstPort: c.remote.Port(),
			flags: reset.RST, seq: reset.Some(c.sndNxt), window: reset.Some[uint16](0), ttl: 64,
			sender: reset.LocalKernel, cause: reset.NoConnection, reason: "NO_SOCKET",
			verdict: reset.Accepted, drop: "NOT_SPECIFIED",
			also: Seen{Causes: []reset.Cause{reset.HalfOpen}},
		})
	}
	if err := r.awaitSent(r.client.node, r.n); err != nil {
		return err
	}
	return r.awaitGrowth(r.server.node, "TcpExtEmbryonicRsts", r.n)
}

// makeWrongHost moves the server's address to another host in the middle of a
// connection, as a failover or a duplicate address does.
func makeWrongHost(r *run) error {
	other, err := r.lab.Spare()
	if err != nil {
		return err
	}
	mac, err := other.MAC(spareDevice)
	if err != nil {
		return err
	}
	at := side{other, r.server.addr, spareDevice}
	before, err := other.Counter("TcpOutRsts")
	if err != nil {
		return err
	}
	for range r.n {
		client, server, err := r.connect()
		if err != nil {
			return err
		}
		defer client.vanish()
		defer server.vanish()
		if err := r.moved(at, mac, client); err != nil {
			return err
		}
	}
	return poll("the other host's resets", func() (bool, error) {
		now, err := other.Counter("TcpOutRsts")
		return now-before == uint64(r.n), err
	})
}

// moved gives the address to the other host, has the client write to it, and
// takes it back.
func (r *run) moved(at side, mac net.HardwareAddr, client *sock) (err error) {
	if err := client.locate(); err != nil {
		return err
	}
	back, err := r.redirect(at, mac)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, back()) }()
	if err := client.write([]byte("is it still you?")); err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	if err := client.awaitReset(); err != nil {
		return err
	}
	r.sent(shot{
		from: at, to: r.client, srcPort: client.remote.Port(), dstPort: client.local.Port(),
		flags: reset.RST, seq: reset.Some(client.rcvNxt), window: reset.Some[uint16](0), ttl: 64,
		sender: reset.LocalKernel, cause: reset.NoConnection, reason: "NO_SOCKET", verdict: reset.Accepted,
		also: Seen{Causes: []reset.Cause{reset.WrongHost}},
		seen: seen(reset.Peer, reset.WrongHost, reset.PeerNoConnection, reset.Forged).or(reset.Path).must(),
	})
	return nil
}

// redirect has the client send to at what it sends to the server's address.
func (r *run) redirect(at side, mac net.HardwareAddr) (back func() error, err error) {
	host := netip.PrefixFrom(at.addr, at.addr.BitLen())
	if err := at.node.configure(at.device, host); err != nil {
		return nil, err
	}
	own, err := at.node.rt.LinkByName(at.device)
	if err != nil {
		return nil, err
	}
	link, err := r.client.node.rt.LinkByName(r.client.device)
	if err != nil {
		return nil, err
	}
	neighbour := netlink.Neigh{
		LinkIndex: link.Attrs().Index, State: netlink.NUD_PERMANENT, IP: at.addr.AsSlice(), HardwareAddr: mac,
	}
	if err := r.client.node.rt.NeighSet(&neighbour); err != nil {
		return nil, fmt.Errorf("setting neighbour %s: %w", at.addr, err)
	}
	return func() error {
		// What is left of the entry is asked for anew.
		return errors.Join(
			at.node.rt.AddrDel(own, &netlink.Addr{IPNet: ipNet(host)}),
			r.client.node.rt.NeighDel(&neighbour),
		)
	}, nil
}
