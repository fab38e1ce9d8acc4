package testkit

import (
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// InjectRaw sends a packet as it stands, from its IP header on, through a raw
// socket of the namespace: it passes LOCAL_OUT and the routing table, and no
// part of TCP. The kernel fills in IPv4's length, checksum and, if zero, ID.
func (n *Node) InjectRaw(packet []byte) error {
	n.lab.pause()
	domain, to := unix.AF_INET, netip.AddrPort{}
	if packet[0]>>4 == 4 {
		to = netip.AddrPortFrom(netip.AddrFrom4([4]byte(packet[16:20])), 0)
	} else {
		domain = unix.AF_INET6
		to = netip.AddrPortFrom(netip.AddrFrom16([16]byte(packet[24:40])), 0)
	}
	return n.Do(func() error {
		// IPPROTO_RAW implies IP_HDRINCL, and the same for IPv6.
		fd, err := unix.Socket(domain, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		if err != nil {
			return fmt.Errorf("making raw socket: %w", err)
		}
		defer closeFD(fd)
		send := func() error { return unix.Sendto(fd, packet, 0, sockaddr(to)) }
		if err := uninterrupted(send); err != nil {
			return fmt.Errorf("injecting %d bytes to %s: %w", len(packet), to.Addr(), err)
		}
		return nil
	})
}

// InjectFrame sends an Ethernet frame through a packet socket of the
// namespace. With bypass (PACKET_QDISC_BYPASS) it also evades the queueing
// discipline, TCX and every packet socket of the sending namespace.
func (n *Node) InjectFrame(device string, frame []byte, bypass bool) error {
	n.lab.pause()
	return n.Do(func() error {
		fd, err := packetSocket(device, bypass)
		if err != nil {
			return err
		}
		defer closeFD(fd)
		send := func() error {
			_, err := unix.Write(fd, frame)
			return err
		}
		if err := uninterrupted(send); err != nil {
			return fmt.Errorf("injecting a frame of %d bytes: %w", len(frame), err)
		}
		return nil
	})
}

// packetSocket makes a send-only packet socket on a device of the calling
// thread's namespace.
func packetSocket(device string, bypass bool) (fd int, err error) {
	// Protocol 0 receives nothing.
	if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
		return -1, fmt.Errorf("making packet socket: %w", err)
	}
	link, err := net.InterfaceByName(device)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: link.Index})
	}
	if err == nil && bypass {
		err = unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_QDISC_BYPASS, 1)
	}
	if err != nil {
		closeFD(fd)
		return -1, fmt.Errorf("opening packet socket on %q: %w", device, err)
	}
	return fd, nil
}

// frame puts an Ethernet header, with the VLAN tags given, before a packet.
func frame(dst, src net.HardwareAddr, vlans []uint16, packet []byte) []byte {
	b := append(append([]byte(nil), dst...), src...)
	for _, vlan := range vlans {
		b = append(b, 0x81, 0x00, byte(vlan>>8), byte(vlan))
	}
	if packet[0]>>4 == 4 {
		b = append(b, 0x08, 0x00)
	} else {
		b = append(b, 0x86, 0xdd)
	}
	return append(b, packet...)
}

// link returns the link-layer addresses that a packet bears when it leaves one
// end of the scene for the other.
func (r *run) link(from, to side) (src, dst net.HardwareAddr, err error) {
	if src, err = from.node.MAC(from.device); err != nil {
		return nil, nil, err
	}
	switch r.scene.Route {
	case OverBridge:
		dst, err = to.node.MAC(to.device)
	case Loopback:
		src = make(net.HardwareAddr, 6)
		dst = src
	default:
		gateway := map[string]string{"c0": "r0", "s0": "r1"}[from.device]
		dst, err = r.lab.Router.MAC(gateway)
	}
	return src, dst, err
}
