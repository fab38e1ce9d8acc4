package testkit

import (
	"bufio"
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

// listenerEnv, where set, makes this binary a child that listens beside another
// listener and accepts nothing: PATH of its namespace, address.
const listenerEnv = "RSTWATCH_TESTKIT_LISTENER"

func init() {
	job := os.Getenv(listenerEnv)
	if job == "" {
		return
	}
	if err := idleListener(job); err != nil {
		fmt.Fprintln(os.Stderr, "testkit listener:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// idleListener listens, says so, tells how many connections wait whenever it is
// asked, and exits when its standard input ends.
func idleListener(job string) error {
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
	l, err := reuseListener(int(ns.Fd()), at)
	if err != nil {
		return err
	}
	fmt.Println("listening")
	for asked := bufio.NewScanner(os.Stdin); asked.Scan(); {
		info, err := unix.GetsockoptTCPInfo(l.fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		if err != nil {
			return err
		}
		fmt.Println("queued", info.Unacked)
	}
	return nil
}

// reuseListener listens beside others on the same port.
func reuseListener(namespace int, at netip.AddrPort) (*sock, error) {
	l := &sock{fd: -1, local: at}
	domain := unix.AF_INET
	if at.Addr().Is6() {
		domain = unix.AF_INET6
	}
	err := InNamespace(namespace, func() (err error) {
		l.fd, err = unix.Socket(domain, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		return err
	})
	if err == nil {
		err = unix.SetsockoptInt(l.fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	}
	if err == nil {
		err = unix.Bind(l.fd, sockaddr(at))
	}
	if err == nil {
		err = unix.Listen(l.fd, 64)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listening on %s: %w", at, err), l.close())
	}
	return l, nil
}

// makeReuseport has a second program listen on a port for a moment, as a check
// of a server's configuration may: it takes a share of the connections into its
// queue, and ends. The first program goes on.
func makeReuseport(r *run) error {
	at := r.server.at(r.lab.NextPort())
	serving, err := reuseListener(r.server.node.fd, at)
	if err != nil {
		return err
	}
	r.lab.t.Cleanup(serving.vanish) // it goes on serving
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{listenerEnv + "=" + r.server.node.Path + " " + at.String()}
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting a listener: %w", err)
	}
	h := &holder{cmd: cmd, stdin: stdin, lines: bufio.NewReader(stdout)}
	defer h.stop()
	if line, err := h.lines.ReadString('\n'); err != nil || line != "listening\n" {
		return fmt.Errorf("listener said %q: %w", line, err)
	}
	clients, err := r.share(at, h)
	defer func() {
		for _, c := range clients {
			c.vanish()
		}
	}()
	if err != nil {
		return err
	}
	stdin.Close()
	if err := r.listenerGone(at, clients, cmd.Process.Pid); err != nil {
		return err
	}
	// What the first program has in its queue would be reset with its listener.
	for range len(clients) - r.n {
		c, err := serving.accept()
		if err != nil {
			return err
		}
		c.vanish()
	}
	return nil
}

// share connects until as many connections as the maker wants wait at the child.
func (r *run) share(at netip.AddrPort, h *holder) (clients []*sock, err error) {
	for queued := 0; queued < r.n; {
		if len(clients) > 40+4*r.n {
			return clients, errors.New("the second listener gets no share")
		}
		c, err := r.dial(r.client, at)
		clients = append(clients, c)
		if err != nil {
			return clients, fmt.Errorf("connecting: %w", err)
		}
		if err := c.locate(); err != nil {
			return clients, err
		}
		// The last ACK of the handshake must have arrived: data behind it has.
		if err := c.write([]byte("x")); err != nil {
			return clients, fmt.Errorf("writing: %w", err)
		}
		if err := c.awaitAcknowledged(); err != nil {
			return clients, err
		}
		if _, err := io.WriteString(h.stdin, "?\n"); err != nil {
			return clients, fmt.Errorf("asking a listener: %w", err)
		}
		if _, err := fmt.Fscanf(h.lines, "queued %d\n", &queued); err != nil {
			return clients, fmt.Errorf("asking a listener: %w", err)
		}
	}
	return clients, nil
}

// listenerGone describes the resets of those connections that waited at the
// listener that is gone: as many as it had said.
func (r *run) listenerGone(at netip.AddrPort, clients []*sock, pid int) error {
	if err := r.awaitSent(r.server.node, r.n); err != nil {
		return err
	}
	told := 0
	err := poll("the clients to be reset", func() (bool, error) {
		for i, c := range clients {
			if c == nil {
				continue
			}
			code, err := unix.GetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_ERROR)
			if err != nil {
				return false, err
			}
			if unix.Errno(code) != unix.ECONNRESET {
				continue
			}
			r.sent(shot{
				from: r.server, to: r.client, srcPort: at.Port(), dstPort: c.local.Port(),
				flags: reset.RST | reset.ACK, seq: reset.Some(c.rcvNxt), ack: reset.Some(c.sndNxt + 1),
				sender: reset.LocalApp, cause: reset.ListenerClosed, reason: "TCP_STATE", pid: pid,
				verdict: reset.Accepted,
			})
			c.vanish()
			clients[i] = nil
			told++
		}
		return told == r.n, nil
	})
	return err
}
