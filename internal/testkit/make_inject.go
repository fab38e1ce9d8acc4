package testkit

import (
	"github.com/rstwatch/rstwatch/internal/reset"
)

// injectMakers are resets that no part of the kernel decided on: a process
// wrote them. Nothing but the wire shows them.
func injectMakers() []Maker {
	remote := func(s Scene) bool { return s.Route != Loopback }
	bridged := func(s Scene) bool { return s.Route == OverBridge }
	return []Maker{
		{Name: "inject-raw", Kernel: "raw_sendmsg, rawv6_sendmsg", make: makeInjectRaw},
		{Name: "inject-packet", Kernel: "packet_sendmsg, dev_queue_xmit", Scenes: remote, make: func(r *run) error {
			return makeInjectPacket(r, false)
		}},
		{Name: "inject-bypass", Kernel: "packet_sendmsg, dev_direct_xmit", Scenes: remote, make: func(r *run) error {
			return makeInjectPacket(r, true)
		}},
		{Name: "vlan-closed-port", Kernel: "vlan_dev_hard_start_xmit", Scenes: bridged, make: makeVLANClosedPort},
		{Name: "inject-vlan", Kernel: "br_handle_frame, vlan_do_receive", Scenes: bridged, make: func(r *run) error {
			return makeInjectTagged(r, 77)
		}},
		{Name: "inject-qinq", Kernel: "br_handle_frame, vlan_do_receive", Scenes: bridged, make: func(r *run) error {
			return makeInjectTagged(r, 78, 79)
		}},
	}
}

// bogus is a RST from the server to the client of a connection that neither
// has, and what becomes of it.
func (r *run) bogus() (Segment, shot) {
	s := r.craft(r.server, r.client, r.lab.NextPort(), r.lab.NextPort(), reset.RST|reset.ACK)
	return s, r.injected(s, r.server, r.client)
}

// injected describes a segment that was put on the wire as it stands.
func (r *run) injected(s Segment, from, to side) shot {
	return shot{
		from: from, to: to, srcPort: s.Src.Port(), dstPort: s.Dst.Port(), flags: s.Flags,
		seq: reset.Some(s.Seq), ack: reset.Some(s.Ack), window: reset.Some(s.Window), ttl: s.ttl(),
		sender: reset.LocalInject, cause: reset.Injected, own: true,
		verdict: reset.NoSocket, drop: "NO_SOCKET", outHooks: Inet | Device,
	}
}

// makeInjectRaw writes RSTs to a raw socket in the server.
func makeInjectRaw(r *run) error {
	for range r.n {
		s, shot := r.bogus()
		if err := r.server.node.InjectRaw(s.Bytes()); err != nil {
			return err
		}
		r.sent(shot)
	}
	return r.awaitSegments(r.client.node, r.n)
}

// makeInjectPacket writes RSTs to a packet socket in the server, past
// netfilter; with bypass also past every packet socket and TCX of the server,
// so that nothing there can see them.
func makeInjectPacket(r *run, bypass bool) error {
	for range r.n {
		s, shot := r.bogus()
		src, dst, err := r.link(r.server, r.client)
		if err != nil {
			return err
		}
		if err := r.server.node.InjectFrame(r.server.device, frame(dst, src, nil, s.Bytes()), bypass); err != nil {
			return err
		}
		shot.outHooks, shot.unseenAtSender = Device, bypass
		r.sent(shot)
	}
	return r.awaitSegments(r.client.node, r.n)
}

// makeVLANClosedPort connects to a closed port over VLAN devices on both ends
// of the bridge (CONFIG_VLAN_8021Q).
func makeVLANClosedPort(r *run) error {
	for i, end := range []*side{&r.client, &r.server} {
		device := end.device + ".77"
		addrs := prefixes(4, byte(2+i))
		if err := end.node.addVLAN(end.device, device, 77, addrs[:2]); err != nil {
			return err
		}
		node := end.node
		r.cleanup(func() error { return node.removeLink(device) })
		end.device, end.addr = device, addrs[0].Addr()
		if r.scene.Family == reset.IPv6 {
			end.addr = addrs[1].Addr()
		}
	}
	return makeClosedPort(r)
}

// makeInjectTagged sends tagged frames over the bridge, which passes them on.
// The client has no such VLAN: its device hands the frame over, its stack does
// not take it.
func makeInjectTagged(r *run, vlans ...uint16) error {
	for range r.n {
		s, shot := r.bogus()
		src, dst, err := r.link(r.server, r.client)
		if err != nil {
			return err
		}
		if err := r.server.node.InjectFrame(r.server.device, frame(dst, src, vlans, s.Bytes()), false); err != nil {
			return err
		}
		shot.outHooks, shot.inHooks, shot.notTaken = Device, Device, true
		shot.verdict, shot.drop = reset.Ignored, ""
		r.sent(shot)
	}
	return nil
}
