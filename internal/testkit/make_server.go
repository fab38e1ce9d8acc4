package testkit

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// serverMakers are resets of servers as people run them, each a private one in
// a directory of its own.
func serverMakers() []Maker {
	plain := func(s Scene) bool { return s.Family == reset.IPv4 && s.Route == Routed }
	server := func(name, kernel string, slow bool, make func(*run) error) Maker {
		return Maker{Name: name, Kernel: kernel, Slow: slow, Scenes: plain, make: make}
	}
	const closing, stray = "__tcp_close, data_was_unread", "tcp_timewait_state_process, TCP_TW_RST"
	return []Maker{
		server("nginx-too-large", stray, true, makeNginxTooLarge),
		server("nginx-timed-out", "__tcp_close, SOCK_LINGER: tcp_disconnect", true, makeNginxTimedOut),
		server("nginx-keepalive-race", stray, true, makeNginxKeepalive),
		server("haproxy-rejects", "__tcp_close", true, makeHaproxyRejects),
		server("haproxy-backend-refused", "tcp_v4_rcv, no_tcp_socket", true, makeHaproxyRefused),
		server("haproxy-relays", "__tcp_close, SOCK_LINGER: tcp_disconnect", true, makeHaproxyRelays),
		server("redis-client-killed", stray, true, makeRedisKilled),
		server("redis-full", closing, true, makeRedisFull),
		server("postgres-garbage", closing, true, makePostgresGarbage),
		server("postgres-backend-killed", closing, true, makePostgresKilled),
	}
}

// served is a server that runs in the scene's server namespace.
type served struct {
	run  *run
	dir  string
	port uint16
	cmd  *exec.Cmd
	user *syscall.Credential
	log  string
	end  syscall.Signal // that it ends by
}

// newServed makes the directory of a server that is yet to be started. The
// program is found by name, or by a pattern that matches its path.
func (r *run) newServed(program string) (*served, string, error) {
	path, err := exec.LookPath(program)
	if err != nil {
		matches, _ := filepath.Glob(program)
		if len(matches) == 0 {
			return nil, "", &UnsupportedError{Need: filepath.Base(program)}
		}
		path = matches[len(matches)-1]
	}
	dir, err := os.MkdirTemp("", "rwlab-")
	if err != nil {
		return nil, "", err
	}
	r.cleanup(func() error { return os.RemoveAll(dir) })
	s := &served{run: r, dir: dir, port: r.lab.NextPort(), log: filepath.Join(dir, "log"), end: syscall.SIGTERM}
	r.lab.NextPort() // a proxy calls from the port after its own
	return s, path, nil
}

// as gives the directory to a user, who the server is then run by.
func (s *served) as(name string) error {
	u, err := user.Lookup(name)
	if err != nil {
		return &UnsupportedError{Need: "the user " + name}
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return err
	}
	s.user = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return os.Chown(s.dir, uid, gid)
}

// write makes a file in the server's directory.
func (s *served) write(name, text string) (string, error) {
	path := filepath.Join(s.dir, name)
	return path, os.WriteFile(path, []byte(text), 0o644)
}

// start runs the server and waits until it listens.
func (s *served) start(program string, args ...string) error {
	if err := s.command(program, args...); err != nil {
		return err
	}
	s.run.cleanup(s.stop)
	if err := s.run.awaitState(s.run.server, s.port, 0, unix.BPF_TCP_LISTEN); err != nil {
		text, _ := os.ReadFile(s.log)
		return fmt.Errorf("%s does not listen: %w\n%s", filepath.Base(program), err, text)
	}
	return nil
}

// command starts a program in the server's namespace, its words in the log.
func (s *served) command(program string, args ...string) error {
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	s.cmd = exec.Command(program, args...)
	s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr = s.dir, log, log
	s.cmd.Env = []string{"PATH=/usr/bin:/bin", "LC_ALL=C", "HOME=" + s.dir}
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.user, Setpgid: true}
	// A child is born in the namespace of the thread that starts it.
	if err := s.run.server.node.Do(s.cmd.Start); err != nil {
		return fmt.Errorf("starting %s: %w", program, err)
	}
	return nil
}

// stop asks the server to end, with all its processes, and makes sure of it.
func (s *served) stop() error {
	if s.cmd == nil {
		return nil
	}
	group := -s.cmd.Process.Pid
	_ = syscall.Kill(group, syscall.SIGCONT)
	_ = s.cmd.Process.Signal(s.end)
	ended := make(chan struct{})
	go func() {
		_ = s.cmd.Wait() // its status says nothing of use
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(patience):
	}
	if err := syscall.Kill(group, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("ending a server: %w", err)
	}
	<-ended
	return nil
}

// call connects to the server.
func (s *served) call() (*sock, error) {
	c, err := s.run.dial(s.run.client, s.run.server.at(s.port))
	if err != nil {
		c.vanish()
		return nil, fmt.Errorf("connecting to a server: %w", err)
	}
	return c, nil
}

// reset is a RST of the server to a client's socket.
func (s *served) reset(c *sock, flags reset.Flags, cause reset.Cause, reason string) shot {
	a := shot{
		from: s.run.server, to: s.run.client, srcPort: s.port, dstPort: c.local.Port(),
		flags: flags, sender: reset.LocalKernel, cause: cause, reason: reason, ttl: 64, verdict: reset.Accepted,
	}
	if flags&reset.ACK != 0 {
		a.sender, a.pid = reset.LocalApp, s.cmd.Process.Pid
	}
	return a
}
