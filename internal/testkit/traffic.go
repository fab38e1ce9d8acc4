package testkit

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// trafficBurst is how many packets are sent before the receiver drains them:
// few enough for every window and buffer.
const trafficBurst = 32

// payload is the data of one ordinary packet.
const payload = 64

// TCPTraffic sends n small segments, each of one write, over an ordinary
// connection, and reads them, all on one thread. Load counts every segment
// that the target took in, handshake included; for each there is about a
// thirtieth of one going back.
func (p *Pair) TCPTraffic(n int) (Load, error) {
	send, receive, err := p.tcpSockets()
	if err != nil {
		return Load{}, fmt.Errorf("making TCP traffic: %w", err)
	}
	defer send.vanish()
	defer receive.vanish()
	load, err := p.counted("TcpInSegs", n, func() error { return exchange(send.fd, receive.fd, n, true) })
	if err != nil {
		return Load{}, fmt.Errorf("making TCP traffic: %w", err)
	}
	return load, nil
}

// UDPTraffic sends n small datagrams and reads them, all on one thread.
func (p *Pair) UDPTraffic(n int) (Load, error) {
	send, receive, err := p.udpSockets()
	if err != nil {
		return Load{}, fmt.Errorf("making UDP traffic: %w", err)
	}
	defer closeFD(send)
	defer closeFD(receive)
	load, err := p.counted("UdpInDatagrams", n, func() error { return exchange(send, receive, n, false) })
	if err != nil {
		return Load{}, fmt.Errorf("making UDP traffic: %w", err)
	}
	return load, nil
}

func (p *Pair) ends() (source, target side) {
	return side{p.Source, pairAddrs(1)[0].Addr(), "l0"}, side{p.Target, pairAddrs(2)[0].Addr(), "l0"}
}

func (p *Pair) tcpSockets() (send, receive *sock, err error) {
	source, target := p.ends()
	r := &run{lab: p.lab, client: source, server: target}
	if send, receive, err = r.connect(); err != nil {
		return nil, nil, err
	}
	return send, receive, send.setInt(unix.TCP_NODELAY, 1)
}

func (p *Pair) udpSockets() (send, receive int, err error) {
	open := func(s side, local, remote netip.AddrPort) (fd int, err error) {
		err = s.node.Do(func() error {
			fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
			return err
		})
		if err == nil {
			err = unix.Bind(fd, sockaddr(local))
		}
		if err == nil {
			err = unix.Connect(fd, sockaddr(remote))
		}
		return fd, err
	}
	source, target := p.ends()
	from := netip.AddrPortFrom(source.addr, p.lab.NextPort())
	to := netip.AddrPortFrom(target.addr, p.lab.NextPort())
	if receive, err = open(target, to, from); err != nil {
		return 0, 0, err
	}
	send, err = open(source, from, to)
	return send, receive, err
}

// exchange sends n packets in bursts and reads after each burst all that came.
func exchange(send, receive, n int, stream bool) error {
	data, buffer := make([]byte, payload), make([]byte, payload)
	for sent := 0; sent < n; {
		burst := min(trafficBurst, n-sent)
		for range burst {
			_, err := unix.Write(send, data)
			for errors.Is(err, unix.EINTR) {
				_, err = unix.Write(send, data)
			}
			if err != nil {
				return fmt.Errorf("sending: %w", err)
			}
		}
		for unread := burst * payload; unread > 0; {
			got, err := unix.Read(receive, buffer)
			if errors.Is(err, unix.EINTR) {
				continue
			}
			if err == nil && got == 0 && stream {
				err = errors.New("connection ended")
			}
			if err != nil {
				return fmt.Errorf("receiving: %w", err)
			}
			unread -= got
		}
		sent += burst
	}
	return nil
}
