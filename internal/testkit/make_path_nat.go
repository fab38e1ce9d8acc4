package testkit

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// natForgetsMaker is a NAT whose memory is wiped, as by a restart.
func natForgetsMaker() Maker {
	return Maker{Name: "nat-forgets", Kernel: "nf_conntrack_tcp_packet, tcp_rcv_state_process, TCP_LISTEN", Scenes: throughBox, make: makeNATForgets}
}

// makeNATForgets has the router lose its translations and the rules that made
// them: what the client sends next reaches the server under the client's own
// address, of which the server's kernel knows no connection: its listener meets
// an ACK of nobody.
func makeNATForgets(r *run) error {
	for range r.n {
		if err := r.forgetOne(); err != nil {
			return err
		}
	}
	return r.awaitSent(r.server.node, r.n)
}

func (r *run) forgetOne() error {
	l, err := r.listen(r.server, 1)
	if err != nil {
		return err
	}
	defer l.vanish()
	outside := netip.AddrPortFrom(r.lab.outside(r.scene.Family), r.lab.NextPort())
	err = r.translate(r.lab.Router, translation{
		hook: nftables.ChainHookPostrouting, dstPort: l.local.Port(), source: true, to: outside,
	})
	if err != nil {
		return err
	}
	client, err := r.dial(r.client, l.local)
	defer client.vanish()
	if err != nil {
		return fmt.Errorf("connecting through NAT: %w", err)
	}
	server, err := l.accept()
	if err != nil {
		return err
	}
	defer server.vanish()
	if server.remote != outside {
		return fmt.Errorf("the caller is %s, expected %s", server.remote, outside)
	}
	if err := r.undoLast(); err != nil {
		return err
	}
	if err := r.lab.Router.flushConntrack(); err != nil {
		return err
	}
	if err := client.locate(); err != nil {
		return err
	}
	if err := client.write([]byte("as ever")); err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	if err := client.awaitReset(); err != nil {
		return err
	}
	r.sent(shot{
		from: r.server, to: r.client, srcPort: l.local.Port(), dstPort: client.local.Port(),
		flags: reset.RST, seq: reset.Some(client.rcvNxt), window: reset.Some[uint16](0), ttl: 64,
		sender: reset.LocalKernel, cause: reset.UntranslatedReply, reason: "TCP_FLAGS", verdict: reset.Accepted,
		also: Seen{Causes: []reset.Cause{reset.NoConnection, reset.BadAck}},
		seen: seen(reset.Peer, reset.PeerNoConnection, reset.UntranslatedReply, reset.CauseUnknown),
	})
	return nil
}

// undoLast does at once what was registered last.
func (r *run) undoLast() error {
	last := r.undo[len(r.undo)-1]
	r.undo = r.undo[:len(r.undo)-1]
	return last()
}

// flushConntrack lets the namespace forget all connections.
func (n *Node) flushConntrack() error {
	return n.Do(func() error {
		h, err := netlink.NewHandle(unix.NETLINK_NETFILTER)
		if err != nil {
			return fmt.Errorf("opening conntrack: %w", err)
		}
		defer h.Close()
		err = h.ConntrackTableFlush(netlink.ConntrackTable)
		if errors.Is(err, unix.EINVAL) { // nobody takes the question
			return &UnsupportedError{Need: "CONFIG_NF_CT_NETLINK"}
		}
		if err != nil {
			return fmt.Errorf("flushing conntrack in %s: %w", n.Role, err)
		}
		return nil
	})
}
