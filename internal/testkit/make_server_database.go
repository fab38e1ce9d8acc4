package testkit

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// redis keeps nothing.
func (r *run) redis(settings ...string) (*served, error) {
	s, program, err := r.newServed("redis-server")
	if err != nil {
		return nil, err
	}
	args := []string{
		"--port", strconv.Itoa(int(s.port)), "--bind", r.server.addr.String(), "--save", "", "--appendonly", "no",
		"--protected-mode", "no", "--daemonize", "no", "--dir", s.dir,
	}
	return s, s.start(program, append(args, settings...)...)
}

// makeRedisKilled lets an administrator kill a client, which asks on: redis has
// said goodbye with a FIN, and its kernel answers what comes after.
func makeRedisKilled(r *run) error {
	s, err := r.redis()
	if err != nil {
		return err
	}
	admin, err := s.call()
	if err != nil {
		return err
	}
	for range r.n {
		c, err := s.call()
		if err != nil {
			return err
		}
		defer c.vanish()
		if err := c.write([]byte("PING\r\n")); err != nil {
			return fmt.Errorf("asking: %w", err)
		}
		if err := c.awaitText("+PONG\r\n"); err != nil {
			return err
		}
		if err := admin.write([]byte(fmt.Sprintf("CLIENT KILL %s\r\n", c.local))); err != nil {
			return fmt.Errorf("killing a client: %w", err)
		}
		if err := admin.awaitText("+OK\r\n"); err != nil {
			return err
		}
		if err := c.awaitEnd(); err != nil {
			return err
		}
		if err := r.awaitState(r.server, s.port, c.local.Port(), timeWait); err != nil {
			return err
		}
		if err := c.write([]byte("PING\r\n")); err != nil {
			return fmt.Errorf("asking on: %w", err)
		}
		if err := c.awaitReset(); err != nil {
			return err
		}
		r.sent(s.reset(c, reset.RST, reset.TimeWait, "TCP_TIMEWAIT_SOCKET"))
	}
	if err := admin.write([]byte("QUIT\r\n")); err != nil {
		return err
	}
	if err := admin.awaitText("+OK\r\n"); err != nil {
		return err
	}
	if err := errors.Join(admin.awaitEnd(), admin.close()); err != nil {
		return err
	}
	return r.awaitSent(r.server.node, r.n)
}

// makeRedisFull asks a server that has as many clients as it takes: the
// question lies unread while redis says so and closes.
func makeRedisFull(r *run) error {
	s, err := r.redis("--maxclients", "1")
	if err != nil {
		return err
	}
	first, err := s.call()
	if err != nil {
		return err
	}
	if err := first.write([]byte("PING\r\n")); err != nil {
		return err
	}
	if err := first.awaitText("+PONG\r\n"); err != nil {
		return err
	}
	for range r.n {
		// While the server stands still, the question arrives before it answers.
		if err := s.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			return err
		}
		c, err := s.call()
		if err != nil {
			return err
		}
		defer c.vanish()
		if err := c.write([]byte("PING\r\n")); err != nil {
			return fmt.Errorf("asking: %w", err)
		}
		if err := c.awaitAcknowledged(); err != nil {
			return err
		}
		if err := s.cmd.Process.Signal(syscall.SIGCONT); err != nil {
			return err
		}
		if err := c.awaitReset(); err != nil {
			return err
		}
		r.sent(s.reset(c, reset.RST|reset.ACK, reset.UnreadData, "TCP_ABORT_ON_CLOSE"))
	}
	if err := first.write([]byte("QUIT\r\n")); err != nil {
		return err
	}
	if err := first.awaitText("+OK\r\n"); err != nil {
		return err
	}
	if err := errors.Join(first.awaitEnd(), first.close()); err != nil {
		return err
	}
	return r.awaitSent(r.server.node, r.n)
}

// postgres is a cluster of its own, which trusts everybody.
func (r *run) postgres() (*served, error) {
	s, initdb, err := r.newServed("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return nil, err
	}
	if err := s.as("postgres"); err != nil {
		return nil, err
	}
	s.end = syscall.SIGQUIT // it waits for nobody then
	data := filepath.Join(s.dir, "data")
	err = s.command(initdb, "-D", data, "-A", "trust", "-U", "postgres", "-N", "--no-instructions")
	if err == nil {
		err = s.cmd.Wait()
	}
	if err != nil {
		text, _ := os.ReadFile(s.log)
		return nil, fmt.Errorf("making a cluster: %w\n%s", err, text)
	}
	trust := "host all all 0.0.0.0/0 trust\n"
	if err := os.WriteFile(filepath.Join(data, "pg_hba.conf"), []byte(trust), 0o644); err != nil {
		return nil, err
	}
	err = s.start(filepath.Join(filepath.Dir(initdb), "postgres"), "-D", data, "-h", r.server.addr.String(),
		"-p", strconv.Itoa(int(s.port)), "-k", s.dir, "-c", "fsync=off", "-c", "autovacuum=off")
	if err != nil {
		return nil, err
	}
	return s, poll("a cluster to be ready", func() (bool, error) {
		text, err := os.ReadFile(s.log)
		return strings.Contains(string(text), "ready to accept connections"), err
	})
}

// makePostgresGarbage sends what is no startup packet, more than the server
// reads before it gives up.
func makePostgresGarbage(r *run) error {
	s, err := r.postgres()
	if err != nil {
		return err
	}
	for range r.n {
		c, err := s.call()
		if err != nil {
			return err
		}
		defer c.vanish()
		if err := c.write([]byte(strings.Repeat("GET / ", 2000))); err != nil {
			return fmt.Errorf("writing: %w", err)
		}
		if err := c.awaitReset(); err != nil {
			return err
		}
		a := s.reset(c, reset.RST|reset.ACK, reset.UnreadData, "TCP_ABORT_ON_CLOSE")
		a.pid = 0 // a backend's, which is gone
		r.sent(a)
	}
	return r.awaitSent(r.server.node, r.n)
}

// makePostgresKilled kills backends that have a query before them.
func makePostgresKilled(r *run) error {
	s, err := r.postgres()
	if err != nil {
		return err
	}
	var clients []*sock
	var backends, stopped []int
	// Whatever happens, none that stands still is left behind.
	defer func() {
		for _, backend := range stopped {
			_ = syscall.Kill(backend, syscall.SIGKILL)
		}
	}()
	for range r.n {
		c, err := s.call()
		if err != nil {
			return err
		}
		defer c.vanish()
		backend, err := c.logIn()
		if err != nil {
			return err
		}
		if err := syscall.Kill(backend, syscall.SIGSTOP); err != nil {
			return fmt.Errorf("stopping a backend: %w", err)
		}
		stopped = append(stopped, backend)
		if err := c.write([]byte("Q\x00\x00\x00\x0eselect 1;\x00")); err != nil {
			return fmt.Errorf("asking: %w", err)
		}
		if err := c.awaitAcknowledged(); err != nil {
			return err
		}
		clients, backends = append(clients, c), append(backends, backend)
	}
	// The others would follow the first.
	for _, backend := range backends {
		if err := syscall.Kill(backend, syscall.SIGKILL); err != nil {
			return fmt.Errorf("killing a backend: %w", err)
		}
	}
	stopped = nil
	for i, c := range clients {
		if err := c.awaitReset(); err != nil {
			return err
		}
		a := s.reset(c, reset.RST|reset.ACK, reset.ProcessKilled, "TCP_ABORT_ON_CLOSE")
		a.pid = backends[i]
		r.sent(a)
	}
	return r.awaitSent(r.server.node, r.n)
}

// logIn says who it is and reads until the server is ready; it returns the
// backend's process.
func (c *sock) logIn() (pid int, err error) {
	const who = "\x00\x03\x00\x00user\x00postgres\x00database\x00postgres\x00\x00"
	hello := binary.BigEndian.AppendUint32(nil, uint32(len(who)+4))
	if err := c.write(append(hello, who...)); err != nil {
		return 0, fmt.Errorf("logging in: %w", err)
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		kind, body, err := c.message()
		switch {
		case err != nil:
			return 0, fmt.Errorf("logging in: %w", err)
		case kind == 'E':
			return 0, fmt.Errorf("logging in: %q", body)
		case kind == 'K' && len(body) >= 4:
			pid = int(binary.BigEndian.Uint32(body))
		case kind == 'Z':
			return pid, nil
		}
	}
	return 0, errors.New("logging in: no end of it")
}

// message reads one message of PostgreSQL's protocol.
func (c *sock) message() (kind byte, body []byte, err error) {
	var head [5]byte
	if err := c.readFull(head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if n < 4 || n > 1<<16 {
		return 0, nil, fmt.Errorf("message of %d bytes", n)
	}
	body = make([]byte, n-4)
	return head[0], body, c.readFull(body)
}

func (c *sock) readFull(b []byte) error {
	for len(b) > 0 {
		n, err := unix.Read(c.fd, b)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err == nil && n == 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}
