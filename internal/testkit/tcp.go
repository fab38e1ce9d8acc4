package testkit

import (
	"errors"
	"fmt"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sock is a blocking TCP socket whose every wait is bounded. It is not the
// net package's, since makers need the plain system calls in a fixed order.
type sock struct {
	fd            int
	local, remote netip.AddrPort
	pause         func() // before a step that is seen on the wire

	sndNxt, rcvNxt uint32 // as locate last found them
}

// newSock makes a TCP socket in the side's namespace, bound to a fresh port.
func (r *run) newSock(s side) (*sock, error) { return r.newProtocolSock(s, unix.IPPROTO_TCP) }

func (r *run) newProtocolSock(s side, protocol int) (*sock, error) {
	return r.newSockOn(s, r.lab.NextPort(), protocol)
}

func (r *run) newSockOn(s side, port uint16, protocol int) (*sock, error) {
	local := netip.AddrPortFrom(s.addr, port)
	domain := unix.AF_INET
	if s.addr.Is6() {
		domain = unix.AF_INET6
	}
	c := &sock{fd: -1, local: local, pause: r.lab.pause}
	err := s.node.Do(func() error {
		fd, err := unix.Socket(domain, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, protocol)
		if protocol == unix.IPPROTO_MPTCP && err != nil {
			return &UnsupportedError{Need: "MPTCP"}
		}
		if err != nil {
			return fmt.Errorf("making socket: %w", err)
		}
		c.fd = fd
		return nil
	})
	if err != nil {
		return nil, err
	}
	bound := unix.Timeval{Sec: int64(patience.Seconds())}
	for _, option := range []int{unix.SO_RCVTIMEO, unix.SO_SNDTIMEO} {
		if err := unix.SetsockoptTimeval(c.fd, unix.SOL_SOCKET, option, &bound); err != nil {
			return nil, errors.Join(fmt.Errorf("bounding waits: %w", err), c.close())
		}
	}
	if err := unix.Bind(c.fd, sockaddr(local)); err != nil {
		return nil, errors.Join(fmt.Errorf("binding %s: %w", local, err), c.close())
	}
	return c, nil
}

// listen makes a listening socket on a fresh port of the side.
func (r *run) listen(s side, backlog int) (*sock, error) {
	return r.listenProtocol(s, backlog, unix.IPPROTO_TCP)
}

func (r *run) listenProtocol(s side, backlog, protocol int) (*sock, error) {
	c, err := r.newProtocolSock(s, protocol)
	if err != nil {
		return nil, err
	}
	if err := unix.Listen(c.fd, backlog); err != nil {
		return nil, errors.Join(fmt.Errorf("listening on %s: %w", c.local, err), c.close())
	}
	return c, nil
}

// dial connects a fresh port of the side to remote. The socket is returned
// even if connecting fails, since the maker needs its port.
func (r *run) dial(s side, remote netip.AddrPort) (*sock, error) {
	c, err := r.newSock(s)
	if err != nil {
		return nil, err
	}
	c.remote = remote
	return c, c.connect()
}

// connect waits for the end of the handshake. The Go runtime's signals
// interrupt it, and a connect that was interrupted goes on by itself.
func (c *sock) connect() error {
	c.step()
	err := unix.Connect(c.fd, sockaddr(c.remote))
	if !errors.Is(err, unix.EINTR) {
		return err
	}
	ready := []unix.PollFd{{Fd: int32(c.fd), Events: unix.POLLOUT}}
	err = uninterrupted(func() error {
		n, err := unix.Poll(ready, int(patience.Milliseconds()))
		if err == nil && n == 0 {
			err = unix.ETIMEDOUT
		}
		return err
	})
	if err != nil {
		return err
	}
	code, err := unix.GetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && code != 0 {
		err = unix.Errno(code)
	}
	return err
}

// uninterrupted repeats a system call for as long as signals interrupt it: the
// Go runtime sends them at any time, and calls with a time limit do not go on
// by themselves.
func uninterrupted(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// accept takes one connection from the queue.
func (c *sock) accept() (*sock, error) {
	var fd int
	var from unix.Sockaddr
	err := uninterrupted(func() (err error) {
		fd, from, err = unix.Accept4(c.fd, unix.SOCK_CLOEXEC)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("accepting on %s: %w", c.local, err)
	}
	return &sock{fd: fd, local: c.local, remote: addrPort(from), pause: c.pause}, nil
}

// connect makes one established connection between the two ends of the scene.
func (r *run) connect() (client, server *sock, err error) {
	l, err := r.listen(r.server, 8)
	if err != nil {
		return nil, nil, err
	}
	defer l.close()
	if client, err = r.dial(r.client, l.local); err != nil {
		return nil, nil, fmt.Errorf("connecting to %s: %w", l.local, err)
	}
	if server, err = l.accept(); err != nil {
		client.vanish()
		return nil, nil, err
	}
	return client, server, nil
}

// close closes the socket as an application would.
func (c *sock) close() error {
	if c == nil || c.fd < 0 {
		return nil
	}
	c.step()
	fd := c.fd
	c.fd = -1
	return unix.Close(fd)
}

// step is the pause before what the wire shows.
func (c *sock) step() {
	if c.pause != nil {
		c.pause()
	}
}

// vanish closes the socket without telling the peer anything: in TCP_REPAIR
// mode the kernel sends neither FIN nor RST. It is how makers clean up.
func (c *sock) vanish() {
	if c == nil || c.fd < 0 {
		return
	}
	_ = unix.SetsockoptInt(c.fd, unix.IPPROTO_TCP, unix.TCP_REPAIR, 1)
	_ = c.close()
}

// setInt sets an integer option of TCP.
func (c *sock) setInt(option, value int) error {
	if err := unix.SetsockoptInt(c.fd, unix.IPPROTO_TCP, option, value); err != nil {
		return fmt.Errorf("setting TCP option %d of %s: %w", option, c.local, err)
	}
	return nil
}

// write sends all of data in one segment, if it is small.
func (c *sock) write(data []byte) error {
	c.step()
	n := 0
	err := uninterrupted(func() (err error) {
		n, err = unix.SendmsgN(c.fd, data, nil, nil, unix.MSG_NOSIGNAL)
		return err
	})
	if err == nil && n != len(data) {
		err = fmt.Errorf("%d of %d bytes taken", n, len(data))
	}
	return err
}

// awaitUnread waits until n bytes lie in the receive queue.
func (c *sock) awaitUnread(n int) error {
	return poll(fmt.Sprintf("%d unread bytes", n), func() (bool, error) {
		have, err := unix.IoctlGetInt(c.fd, unix.TIOCINQ)
		return have >= n, err
	})
}

// awaitError waits until the socket bears an error and returns it.
func (c *sock) awaitError() (unix.Errno, error) {
	var got int
	err := poll("an error on the socket", func() (bool, error) {
		var err error
		got, err = unix.GetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_ERROR)
		return got != 0, err
	})
	return unix.Errno(got), err
}

// awaitReset waits until the socket has been reset by its peer.
func (c *sock) awaitReset() error {
	got, err := c.awaitError()
	if err == nil && got != unix.ECONNRESET && got != unix.EPIPE {
		err = fmt.Errorf("socket bears %v, expected a reset", got)
	}
	return err
}

// locate reads where the connection stands: the next sequence number to send
// and the next one expected. It asks through TCP_REPAIR, which sends nothing.
func (c *sock) locate() (err error) {
	set := func(option, value int) {
		if err == nil {
			err = unix.SetsockoptInt(c.fd, unix.IPPROTO_TCP, option, value)
		}
	}
	get := func(queue int) uint32 {
		set(unix.TCP_REPAIR_QUEUE, queue)
		v := 0
		if err == nil {
			v, err = unix.GetsockoptInt(c.fd, unix.IPPROTO_TCP, unix.TCP_QUEUE_SEQ)
		}
		return uint32(v)
	}
	const recvQueue, sendQueue = 1, 2 // enum in linux/tcp.h
	set(unix.TCP_REPAIR, 1)
	c.sndNxt, c.rcvNxt = get(sendQueue), get(recvQueue)
	set(unix.TCP_REPAIR, -1) // off, without a window probe
	if err != nil {
		return fmt.Errorf("reading sequence numbers of %s: %w", c.local, err)
	}
	return nil
}

// locatedClose is locate, then close.
func (c *sock) locatedClose() error {
	if err := c.locate(); err != nil {
		return err
	}
	return c.close()
}

// unconnect dissolves the connection with connect(AF_UNSPEC), which
// unix.Connect cannot say.
func (c *sock) unconnect() error {
	c.step()
	var unspec unix.RawSockaddr // family 0
	_, _, errno := unix.Syscall(unix.SYS_CONNECT, uintptr(c.fd),
		uintptr(unsafe.Pointer(&unspec)), unsafe.Sizeof(unspec))
	if errno != 0 {
		return fmt.Errorf("connecting to nothing: %w", errno)
	}
	return nil
}

// awaitQueued waits until n connections wait to be accepted: for a listener
// tcpi_unacked is the length of that queue.
func (c *sock) awaitQueued(n int) error {
	return poll(fmt.Sprintf("%d connections to be queued", n), func() (bool, error) {
		info, err := unix.GetsockoptTCPInfo(c.fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		if err != nil {
			return false, fmt.Errorf("reading TCP_INFO: %w", err)
		}
		return int(info.Unacked) >= n, nil
	})
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}

func addrPort(s unix.Sockaddr) netip.AddrPort {
	switch s := s.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(s.Addr), uint16(s.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(s.Addr), uint16(s.Port))
	}
	return netip.AddrPort{}
}

// listenShared makes a listener that shares its port, a fresh one if it is 0.
func (r *run) listenShared(port uint16) (*sock, error) {
	if port == 0 {
		port = r.lab.NextPort()
	}
	c := &sock{fd: -1, local: netip.AddrPortFrom(r.server.addr, port), pause: r.lab.pause}
	domain := unix.AF_INET
	if r.server.addr.Is6() {
		domain = unix.AF_INET6
	}
	err := r.server.node.Do(func() (err error) {
		c.fd, err = unix.Socket(domain, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		return err
	})
	if err == nil {
		err = unix.SetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	}
	if err == nil {
		err = unix.Bind(c.fd, sockaddr(c.local))
	}
	if err == nil {
		err = unix.Listen(c.fd, 8)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sharing %s: %w", c.local, err), c.close())
	}
	return c, nil
}
