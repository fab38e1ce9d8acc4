package testkit

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// nginx is one process, without a master.
func (r *run) nginx(settings string) (*served, error) {
	s, program, err := r.newServed("nginx")
	if err != nil {
		return nil, err
	}
	config, err := s.write("nginx.conf", fmt.Sprintf(`daemon off; master_process off; pid %[1]s/pid; error_log stderr;
events {}
http {
  access_log off; %[4]s
  client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fastcgi;
  uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
  server { listen %[2]s:%[3]d; location / { return 200 "hello\n"; } location /upload { root %[1]s; } }
}
`, s.dir, r.server.addr, s.port, settings))
	if err != nil {
		return nil, err
	}
	return s, s.start(program, "-p", s.dir, "-e", "stderr", "-c", config)
}

// makeNginxTooLarge uploads more than is allowed: nginx says 413, throws away
// what has come, closes, and its kernel answers the rest of the upload.
func makeNginxTooLarge(r *run) error {
	s, err := r.nginx("client_max_body_size 1k; lingering_close off; lingering_timeout 100ms;")
	if err != nil {
		return err
	}
	const head = "POST /upload HTTP/1.1\r\nHost: lab\r\nContent-Length: 1000000\r\n\r\n"
	part := strings.Repeat("x", 1000)
	for range r.n {
		c, err := s.call()
		if err != nil {
			return err
		}
		defer c.vanish()
		if err := c.write([]byte(head + part)); err != nil {
			return fmt.Errorf("uploading: %w", err)
		}
		if err := c.awaitText("</html>\r\n"); err != nil {
			return err
		}
		if err := c.awaitEnd(); err != nil {
			return err
		}
		if err := r.awaitState(r.server, s.port, c.local.Port(), timeWait); err != nil {
			return err
		}
		if err := c.write([]byte(part)); err != nil {
			return fmt.Errorf("uploading on: %w", err)
		}
		if err := c.awaitReset(); err != nil {
			return err
		}
		a := s.reset(c, reset.RST, reset.TimeWait, "TCP_TIMEWAIT_SOCKET")
		a.also = Seen{Causes: []reset.Cause{reset.DataAfterClose}}
		r.sent(a)
	}
	return r.awaitSent(r.server.node, r.n)
}

// makeNginxTimedOut sends half a request: nginx waits for a second and then
// resets, as reset_timedout_connection says.
func makeNginxTimedOut(r *run) error {
	s, err := r.nginx("client_header_timeout 1s; reset_timedout_connection on;")
	if err != nil {
		return err
	}
	var clients []*sock
	for range r.n {
		c, err := s.call()
		if err != nil {
			return err
		}
		defer c.vanish()
		if err := c.write([]byte("GET / HTTP/1.1\r\nHost:")); err != nil {
			return fmt.Errorf("writing: %w", err)
		}
		clients = append(clients, c)
	}
	for _, c := range clients {
		if err := c.awaitReset(); err != nil {
			return err
		}
		r.sent(s.reset(c, reset.RST|reset.ACK, reset.LingerZero, "TCP_STATE"))
	}
	return r.awaitSent(r.server.node, r.n)
}

// makeNginxKeepalive has a request under way while nginx closes the connection
// that has been idle for as long as it may.
func makeNginxKeepalive(r *run) error {
	s, err := r.nginx("keepalive_timeout 1s;")
	if err != nil {
		return err
	}
	box, err := r.middlebox(0, linkDelay, nil)
	if err != nil {
		return err
	}
	const get = "GET / HTTP/1.1\r\nHost: lab\r\n\r\n"
	var clients []*sock
	for range r.n {
		c, err := s.call()
		if err != nil {
			return err
		}
		defer c.vanish()
		if err := c.write([]byte(get)); err != nil {
			return fmt.Errorf("asking: %w", err)
		}
		if err := c.awaitText("hello\n"); err != nil {
			return err
		}
		clients = append(clients, c)
	}
	box.set(box.hold)
	for _, c := range clients {
		if err := c.write([]byte(get)); err != nil {
			return fmt.Errorf("asking again: %w", err)
		}
	}
	if err := box.awaitHeld(r.n); err != nil {
		return err
	}
	for _, c := range clients {
		if err := r.awaitState(r.server, s.port, c.local.Port(), timeWait); err != nil {
			return err
		}
		if err := c.locate(); err != nil {
			return err
		}
	}
	box.release()
	for _, c := range clients {
		if err := c.awaitReset(); err != nil {
			return err
		}
		a := s.reset(c, reset.RST, reset.CloseRace, "TCP_TIMEWAIT_SOCKET")
		a.also = Seen{Causes: []reset.Cause{reset.TimeWait}}
		a.seen = seen(reset.Peer, reset.AfterClose, reset.CloseRace, reset.PeerNoConnection, reset.CauseUnknown)
		r.sent(a)
	}
	if err := r.awaitSent(r.server.node, r.n); err != nil {
		return err
	}
	return box.awaitPassed(r.n)
}

// awaitText reads until what was read ends with the text.
func (c *sock) awaitText(text string) error {
	var got []byte
	buffer := make([]byte, 4096)
	for !bytes.HasSuffix(got, []byte(text)) {
		n, err := unix.Read(c.fd, buffer)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err == nil && n == 0 {
			err = errors.New("connection ended")
		}
		if err != nil {
			return fmt.Errorf("reading %q, waiting for %q: %w", got, text, err)
		}
		got = append(got, buffer[:n]...)
	}
	return nil
}
