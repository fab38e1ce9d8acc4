package testkit

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// processMakers are the resets that come of what happens to a process.
func processMakers() []Maker {
	killed := func(h *holder) error { return h.cmd.Process.Kill() }
	terminated := func(h *holder) error { return h.cmd.Process.Signal(syscall.SIGTERM) }
	left := func(h *holder) error { return h.tell() }
	const onClose = "TCP_ABORT_ON_CLOSE"
	of := func(name, kernel string, d death) Maker {
		return Maker{Name: name, Kernel: kernel, make: d.make}
	}
	return []Maker{
		of("process-killed", "do_exit, __tcp_close", death{"unread", reset.ProcessKilled, onClose, killed}),
		of("process-exited", "do_exit, __tcp_close", death{"unread", reset.UnreadData, onClose, left}),
		of("process-terminated", "do_exit, __tcp_close", death{"unread", reset.ProcessKilled, onClose, terminated}),
		of("process-out-of-memory", "oom_kill_process, do_exit, __tcp_close", death{"hog", reset.ProcessKilled, onClose, (*holder).starve}),
		of("process-killed-linger", "do_exit, tcp_disconnect", death{"linger", reset.ProcessKilled, "TCP_STATE", killed}),
		of("process-exited-linger", "do_exit, tcp_disconnect", death{"linger", reset.LingerZero, "TCP_STATE", left}),
		of("process-killed-listening", "do_exit, inet_csk_listen_stop", death{"listen", reset.ProcessKilled, "TCP_STATE", killed}),
		of("process-exited-listening", "do_exit, inet_csk_listen_stop", death{"listen", reset.ListenerClosed, "TCP_STATE", left}),
		of("closed-by-thread", "__tcp_close, data_was_unread", death{"thread", reset.UnreadData, onClose, left}),
		of("closed-on-exec", "do_close_on_exec, __tcp_close", death{"exec", reset.UnreadData, onClose, left}),
		{Name: "socket-destroyed", Kernel: "tcp_abort, SOCK_DESTROY", make: makeSocketDestroyed},
	}
}

// death is how a process that holds a connection comes to its end, or to that
// of the connection.
type death struct {
	mode   string // of the child
	cause  reset.Cause
	reason string
	end    func(*holder) error
}

// make lets n processes end.
func (d death) make(r *run) error {
	for range r.n {
		if err := d.makeOne(r); err != nil {
			return err
		}
	}
	return r.awaitSent(r.server.node, r.n)
}

func (d death) makeOne(r *run) error {
	address := netip.AddrPortFrom(r.server.addr, r.lab.NextPort())
	if d.mode == "hog" { // before there is anything that could be reset
		if _, _, err := memoryCgroup(); err != nil {
			return err
		}
	}
	h, err := startHolder(r.server.node, address, d.mode)
	if err != nil {
		return err
	}
	defer h.stop()
	client, err := r.dial(r.client, address)
	defer client.vanish()
	if err != nil {
		return fmt.Errorf("connecting to a child: %w", err)
	}
	if err := client.locate(); err != nil {
		return err
	}
	seq, ack := client.rcvNxt, client.sndNxt
	if d.mode != "linger" && d.mode != "listen" {
		const unread = "unread"
		if err := client.write([]byte(unread)); err != nil {
			return fmt.Errorf("writing to a child: %w", err)
		}
		ack += uint32(len(unread))
	}
	if err := h.awaitHolding(); err != nil {
		return err
	}
	r.lab.pause()
	if err := d.end(h); err != nil {
		return fmt.Errorf("ending a child: %w", err)
	}
	if err := client.awaitReset(); err != nil {
		return err
	}
	r.sent(shot{
		from: r.server, to: r.client, srcPort: address.Port(), dstPort: client.local.Port(),
		flags: reset.RST | reset.ACK, seq: reset.Some(seq), ack: reset.Some(ack), ttl: 64,
		sender: reset.LocalApp, cause: d.cause, reason: d.reason, pid: h.cmd.Process.Pid,
		verdict: reset.Accepted,
	})
	return nil
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
