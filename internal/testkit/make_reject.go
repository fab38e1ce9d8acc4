package testkit

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// rejectMakers are netfilter's own resets: nf_send_reset and nf_send_reset6.
// TCP knows nothing of them: no tcp_send_reset, no TcpOutRsts. Each looks like
// the answer of a closed port.
func rejectMakers() []Maker {
	routed := func(s Scene) bool { return s.Route == Routed }
	bridged := func(s Scene) bool { return s.Route == OverBridge }
	remote := func(s Scene) bool { return s.Route != Loopback }
	return []Maker{
		{Name: "reject-input-iptables", Kernel: "reject_tg, nf_send_reset", make: rejectInput((*run).rejectByIptables)},
		{Name: "reject-input-nftables", Kernel: "nft_reject_inet_eval, nf_send_reset", make: rejectInput((*run).rejectByNftables)},
		{Name: "reject-established", Kernel: "nft_reject_inet_eval, nf_send_reset", make: makeRejectEstablished},
		{Name: "reject-forward-iptables", Kernel: "reject_tg, nf_send_reset", Scenes: routed, make: rejectForward((*run).rejectByIptables)},
		{Name: "reject-forward-nftables", Kernel: "nft_reject_inet_eval, nf_send_reset", Scenes: routed, make: rejectForward((*run).rejectByNftables)},
		{Name: "reject-output-iptables", Kernel: "reject_tg, nf_send_reset", Scenes: remote, make: rejectOutput((*run).rejectByIptables)},
		{Name: "reject-output-nftables", Kernel: "nft_reject_inet_eval, nf_send_reset", Scenes: remote, make: rejectOutput((*run).rejectByNftables)},
		{Name: "reject-netdev", Kernel: "nft_reject_netdev_eval, dev_queue_xmit", Scenes: remote, make: makeRejectNetdev},
		{Name: "reject-bridge", Kernel: "br_netfilter, nf_send_reset", Scenes: bridged, make: makeRejectBridge},
		{Name: "reject-bridge-nftables", Kernel: "nft_reject_bridge_eval, br_forward", Scenes: bridged, make: makeRejectBridgeNftables},
	}
}

// A rejecter installs a rule that rejects TCP to a port, in the namespace.
type rejecter func(r *run, n *Node, chain string, port uint16) error

func (r *run) rejectByIptables(n *Node, chain string, port uint16) error {
	return r.iptables(n, chain, "-p", "tcp", "--dport", strconv.Itoa(int(port)),
		"-j", "REJECT", "--reject-with", "tcp-reset")
}

func (r *run) rejectByNftables(n *Node, chain string, port uint16) error {
	hook := map[string]*nftables.ChainHook{
		"INPUT": nftables.ChainHookInput, "FORWARD": nftables.ChainHookForward, "OUTPUT": nftables.ChainHookOutput,
	}[chain]
	return r.block(n, filter{hook: hook, dstPort: port, reject: true})
}

// refused connects n times to a port and describes the RST that refused each.
func (r *run) refused(port uint16, describe func(s shot)) error {
	for range r.n {
		c, err := r.dial(r.client, netip.AddrPortFrom(r.server.addr, port))
		c.vanish()
		if !errors.Is(err, unix.ECONNREFUSED) {
			return fmt.Errorf("connecting to a rejected port: got %v, expected a refusal", err)
		}
		describe(shot{
			from: r.server, to: r.client, srcPort: port, dstPort: c.local.Port(),
			flags: reset.RST | reset.ACK, seq: reset.Some[uint32](0), window: reset.Some[uint16](0), ttl: 64,
			sender: reset.LocalFirewall, cause: reset.FirewallReject, verdict: reset.Accepted,
			outHooks: Inet | Device,
		})
	}
	return nil
}

// rejectInput rejects what comes to the server.
func rejectInput(reject rejecter) func(*run) error {
	return func(r *run) error {
		port := r.lab.NextPort()
		if err := reject(r, r.server.node, "INPUT", port); err != nil {
			return err
		}
		return r.refused(port, r.sent)
	}
}

// rejectForward rejects in the router, which answers in the server's name.
func rejectForward(reject rejecter) func(*run) error {
	return func(r *run) error {
		port := r.lab.NextPort()
		if err := reject(r, r.lab.Router, "FORWARD", port); err != nil {
			return err
		}
		return r.refused(port, func(s shot) {
			s.at = r.lab.Router
			r.sent(s)
		})
	}
}

// rejectOutput rejects the client's own packets before they leave. The RST
// bears the server's address and never leaves the client: it goes out of and
// into its loopback device.
func rejectOutput(reject rejecter) func(*run) error {
	return func(r *run) error {
		port := r.lab.NextPort()
		if err := reject(r, r.client.node, "OUTPUT", port); err != nil {
			return err
		}
		return r.refused(port, func(s shot) {
			s.at = r.client.node
			r.within(s)
		})
	}
}

// makeRejectEstablished begins to reject in the middle of a connection: the
// RST then answers data, and has no ACK.
func makeRejectEstablished(r *run) error {
	for range r.n {
		client, server, err := r.connect()
		if err != nil {
			return err
		}
		defer client.vanish()
		defer server.vanish()
		if err := r.rejectByNftables(r.server.node, "INPUT", server.local.Port()); err != nil {
			return err
		}
		if err := client.locate(); err != nil {
			return err
		}
		if err := client.write([]byte("rejected")); err != nil {
			return fmt.Errorf("writing: %w", err)
		}
		if err := client.awaitReset(); err != nil {
			return err
		}
		r.sent(shot{
			from: r.server, to: r.client, srcPort: server.local.Port(), dstPort: client.local.Port(),
			flags: reset.RST, seq: reset.Some(client.rcvNxt), window: reset.Some[uint16](0), ttl: 64,
			sender: reset.LocalFirewall, cause: reset.FirewallReject, verdict: reset.Accepted,
			outHooks: Inet | Device,
		})
	}
	return nil
}

// makeRejectNetdev rejects on the server's device, before the stack: the RST
// goes straight back out of the device and passes no inet hook.
func makeRejectNetdev(r *run) error {
	port := r.lab.NextPort()
	if err := r.block(r.server.node, filter{netdev: r.server.device, dstPort: port, reject: true}); err != nil {
		return err
	}
	return r.refused(port, func(s shot) {
		s.outHooks = Device
		r.sent(s)
	})
}

// makeRejectBridge rejects in a bridge's FORWARD chain, which iptables reaches
// through br_netfilter. The RST is the bridge's, in the server's name, and goes
// straight out of the port that the client is on.
func makeRejectBridge(r *run) error {
	setting := "bridge/bridge-nf-call-iptables=1"
	if r.scene.Family == reset.IPv6 {
		setting = "bridge/bridge-nf-call-ip6tables=1"
	}
	if err := r.sysctl(r.lab.Bridge, setting); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return &UnsupportedError{Need: "CONFIG_BRIDGE_NETFILTER"}
		}
		return err
	}
	port := r.lab.NextPort()
	if err := r.rejectByIptables(r.lab.Bridge, "FORWARD", port); err != nil {
		return err
	}
	return r.refused(port, func(s shot) {
		s.at, s.outHooks = r.lab.Bridge, Device
		r.sent(s)
	})
}

// makeRejectBridgeNftables rejects in the bridge's prerouting, the only place
// beside input where nftables can (CONFIG_NFT_BRIDGE_REJECT).
func makeRejectBridgeNftables(r *run) error {
	port := r.lab.NextPort()
	f := filter{hook: nftables.ChainHookPrerouting, bridge: true, dstPort: port, reject: true}
	if err := r.block(r.lab.Bridge, f); err != nil {
		return err
	}
	return r.refused(port, func(s shot) {
		s.at, s.outHooks = r.lab.Bridge, Device
		r.sent(s)
	})
}
