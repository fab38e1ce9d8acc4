package testkit

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// processMakers are the resets that come of what happens to a process.
func processMakers() []Maker {
	return []Maker{
		{Name: "process-killed", Kernel: "do_exit, __tcp_close", make: func(r *run) error {
			return makeProcessEnd(r, reset.ProcessKilled, func(p *os.Process) error { return p.Kill() })
		}},
		{Name: "process-exited", Kernel: "do_exit, __tcp_close", make: func(r *run) error {
			return makeProcessEnd(r, reset.UnreadData, nil)
		}},
		{Name: "socket-destroyed", Kernel: "tcp_abort, SOCK_DESTROY", make: makeSocketDestroyed},
	}
}

// childEnv, where set, makes this binary a child that holds sockets with
// unread data: PATH of its namespace, address to listen on.
const childEnv = "RSTWATCH_TESTKIT_CHILD"

// A child is the test binary itself, since a process that is killed must be
// another one. Only a variable that nobody sets by accident turns it into one.
func init() {
	job := os.Getenv(childEnv)
	if job == "" {
		return
	}
	if err := child(job); err != nil {
		fmt.Fprintln(os.Stderr, "testkit child:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// child listens, accepts one connection, says so, and exits when its standard
// input ends. It never reads from the connection.
func child(job string) error {
	path, address, _ := strings.Cut(job, " ")
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	ns, err := os.Open(path)
	if err != nil {
		return err
	}
	defer ns.Close()
	domain := unix.AF_INET
	if at.Addr().Is6() {
		domain = unix.AF_INET6
	}
	fd := -1
	err = InNamespace(int(ns.Fd()), func() error {
		fd, err = unix.Socket(domain, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		return err
	})
	if err == nil {
		err = unix.Bind(fd, sockaddr(at))
	}
	if err == nil {
		err = unix.Listen(fd, 1)
	}
	if err != nil {
		return err
	}
	fmt.Println("listening")
	conn, err := (&sock{fd: fd}).accept()
	if err != nil {
		return err
	}
	closeFD(fd)
	if err := conn.awaitUnread(1); err != nil {
		return err
	}
	if err := conn.locate(); err != nil {
		return err
	}
	fmt.Println("holding", conn.sndNxt, conn.rcvNxt)
	_, _ = io.Copy(io.Discard, os.Stdin)
	return nil
}

// makeProcessEnd lets n processes end, each with a connection whose data it
// has not read: by what end does, or else by leaving of their own accord.
func makeProcessEnd(r *run, cause reset.Cause, end func(*os.Process) error) error {
	for range r.n {
		if err := r.endOne(cause, end); err != nil {
			return err
		}
	}
	return r.awaitSent(r.server.node, r.n)
}

func (r *run) endOne(cause reset.Cause, end func(*os.Process) error) error {
	address := netip.AddrPortFrom(r.server.addr, r.lab.NextPort())
	h, err := startHolder(r.server.node, address)
	if err != nil {
		return err
	}
	defer h.stop()
	client, err := r.dial(r.client, address)
	defer client.vanish()
	if err != nil {
		return fmt.Errorf("connecting to a child: %w", err)
	}
	if err := client.write([]byte("unread")); err != nil {
		return fmt.Errorf("writing to a child: %w", err)
	}
	seq, ack, err := h.holding()
	if err != nil {
		return err
	}
	if end == nil {
		h.stdin.Close()
	} else if err := end(h.cmd.Process); err != nil {
		return fmt.Errorf("ending a child: %w", err)
	}
	if err := client.awaitReset(); err != nil {
		return err
	}
	r.sent(shot{
		from: r.server, to: r.client, srcPort: address.Port(), dstPort: client.local.Port(),
		flags: reset.RST | reset.ACK, seq: reset.Some(seq), ack: reset.Some(ack), ttl: 64,
		sender: reset.LocalApp, cause: cause, reason: "TCP_ABORT_ON_CLOSE", pid: h.cmd.Process.Pid,
		verdict: reset.Accepted,
	})
	return nil
}

// holder is a child process with a connection.
type holder struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines *bufio.Reader
}

func startHolder(n *Node, address netip.AddrPort) (*holder, error) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{childEnv + "=" + n.Path + " " + address.String()}
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting a child: %w", err)
	}
	h := &holder{cmd, stdin, bufio.NewReader(stdout)}
	if line, err := h.lines.ReadString('\n'); err != nil || line != "listening\n" {
		h.stop()
		return nil, fmt.Errorf("child said %q instead of listening: %w", line, err)
	}
	return h, nil
}

// holding waits until the child holds unread data, and returns where its
// connection stands.
func (h *holder) holding() (seq, ack uint32, err error) {
	if _, err := fmt.Fscanf(h.lines, "holding %d %d\n", &seq, &ack); err != nil {
		return 0, 0, fmt.Errorf("waiting for a child to hold data: %w", err)
	}
	return seq, ack, nil
}

// stop ends the child, however it stands, and reaps it.
func (h *holder) stop() {
	h.stdin.Close()
	_ = h.cmd.Process.Kill()
	_ = h.cmd.Wait()
}

// makeSocketDestroyed has another hand end the connection, as `ss -K` does.
func makeSocketDestroyed(r *run) error {
	return r.aborted(reset.SocketDestroyed, "TCP_STATE", func(_, server *sock) error {
		if err := server.locate(); err != nil {
			return err
		}
		if err := r.server.node.DestroySocket(server.local, server.remote); err != nil {
			return err
		}
		got, err := server.awaitError()
		if err == nil && got != unix.ECONNABORTED {
			err = fmt.Errorf("destroyed socket bears %v", got)
		}
		return err
	})
}

// DestroySocket ends a TCP connection of the namespace through SOCK_DIAG
// (CONFIG_INET_DIAG_DESTROY), whoever owns it.
func (n *Node) DestroySocket(local, remote netip.AddrPort) error {
	const sockDestroy = 21
	request := make([]byte, unix.SizeofNlMsghdr, 128)
	order := binary.NativeEndian
	order.PutUint16(request[4:], sockDestroy)
	order.PutUint16(request[6:], unix.NLM_F_REQUEST|unix.NLM_F_ACK)
	family := byte(unix.AF_INET)
	if local.Addr().Is6() {
		family = unix.AF_INET6
	}
	// struct inet_diag_req_v2
	request = append(request, family, unix.IPPROTO_TCP, 0, 0)
	request = order.AppendUint32(request, 0xffffffff) // any state
	request = binary.BigEndian.AppendUint16(request, local.Port())
	request = binary.BigEndian.AppendUint16(request, remote.Port())
	for _, a := range []netip.Addr{local.Addr(), remote.Addr()} {
		var field [16]byte
		copy(field[:], a.AsSlice())
		request = append(request, field[:]...)
	}
	request = order.AppendUint32(request, 0)          // any device
	request = order.AppendUint64(request, ^uint64(0)) // any cookie
	order.PutUint32(request[0:], uint32(len(request)))
	return n.Do(func() error {
		err := netlinkAck(unix.NETLINK_SOCK_DIAG, request)
		if errors.Is(err, unix.EOPNOTSUPP) {
			return &UnsupportedError{Need: "CONFIG_INET_DIAG_DESTROY"}
		}
		if err != nil {
			return fmt.Errorf("destroying %s to %s: %w", local, remote, err)
		}
		return nil
	})
}

// netlinkAck sends one request and returns what the kernel answers to it.
func netlinkAck(protocol int, request []byte) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		return err
	}
	defer closeFD(fd)
	if err := unix.Sendto(fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	answer := make([]byte, 4096)
	n := 0
	err = uninterrupted(func() (err error) {
		n, _, err = unix.Recvfrom(fd, answer, 0)
		return err
	})
	if err != nil {
		return err
	}
	if n < unix.SizeofNlMsghdr+4 || binary.NativeEndian.Uint16(answer[4:]) != unix.NLMSG_ERROR {
		return fmt.Errorf("answer of %d bytes is no acknowledgement", n)
	}
	if code := int32(binary.NativeEndian.Uint32(answer[unix.SizeofNlMsghdr:])); code != 0 {
		return unix.Errno(-code)
	}
	return nil
}
