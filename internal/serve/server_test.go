package serve

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rstwatch/rstwatch/internal/journal"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// service is a server with a journal to serve from.
type service struct {
	socket  string
	journal *journal.Writer
	server  *Server
	client  http.Client
}

func newService(t *testing.T) *service {
	t.Helper()
	dir := t.TempDir()
	s := &service{socket: filepath.Join(dir, "s")}
	config := journal.DefaultConfig()
	config.Dir, config.AppendOnly = filepath.Join(dir, "journal"), false
	var err error
	if s.journal, err = journal.Open(config, journal.Deps{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.journal.Close() })
	s.server = s.listen(t)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.server.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the server ended with %v", err)
		}
		if _, err := os.Stat(s.socket); !os.IsNotExist(err) {
			t.Errorf("the socket is still there: %v", err)
		}
	})
	s.client.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", s.socket)
	}}
	t.Cleanup(s.client.CloseIdleConnections)
	return s
}

func (s *service) deps() Deps {
	return Deps{Journal: s.journal.Dir(), Log: slog.New(slog.DiscardHandler), Status: func() any { return map[string]int{"pid": 7} }}
}

func (s *service) listen(t *testing.T) *Server {
	t.Helper()
	server, err := Listen(Config{Socket: s.socket}, s.deps())
	if err != nil {
		t.Fatal(err)
	}
	return server
}

func (s *service) get(t *testing.T, path string) *http.Response {
	t.Helper()
	response, err := s.client.Get("http://rstwatch" + path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	return response
}

// write records a reset of now, to the port.
func (s *service) write(t *testing.T, port uint16) {
	t.Helper()
	now := time.Now()
	r := reset.Reset{
		ID: reset.NewOrigin("serve").NewID(now.UnixNano(), uint64(port)), Revision: 1, Time: reset.TimeOf(now), Direction: reset.Out,
		Src: reset.EndpointFrom(netip.MustParseAddr("10.0.0.7"), 3306), Dst: reset.EndpointFrom(netip.MustParseAddr("10.0.0.5"), port),
		Packet: reset.Packet{Family: reset.IPv4, Flags: reset.RST},
	}
	if err := s.journal.Append([]reset.Entry{{Reset: &r}}); err != nil {
		t.Fatal(err)
	}
}

// TestStream sends what is written after the question, and what the filter
// matches of it; coverage and control lines are not resets.
func TestStream(t *testing.T) {
	s := newService(t)
	s.write(t, 1)
	response := s.get(t, "/api/v1/stream?filter="+url.QueryEscape("dst port 2 or dst port 4"))
	if got := response.Header.Get("Content-Type"); got != "application/x-ndjson" {
		t.Errorf("content type %q", got)
	}
	for port := uint16(2); port <= 4; port++ {
		s.write(t, port)
	}
	lines := bufio.NewScanner(response.Body)
	for _, want := range []uint16{2, 4} {
		if !lines.Scan() {
			t.Fatalf("the stream ended: %v", lines.Err())
		}
		e, err := reset.ParseJSON(lines.Bytes())
		if err != nil || e.Reset == nil || e.Reset.Dst.Port() != want {
			t.Errorf("line %s (%v), want port %d", lines.Bytes(), err, want)
		}
		if e.Reset != nil && e.Reset.Summary == "" {
			t.Errorf("record without its sentence: %s", lines.Bytes())
		}
	}
}

// TestWrongFilter is the asker's mistake, and the answer shows where it is.
func TestWrongFilter(t *testing.T) {
	s := newService(t)
	response := s.get(t, "/api/v1/stream?filter=prot+80")
	text, _ := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusBadRequest || !strings.Contains(string(text), "^") {
		t.Errorf("%s: %s", response.Status, text)
	}
}

// TestReadersAreBounded: one more than the most is told to come back.
func TestReadersAreBounded(t *testing.T) {
	s := newService(t)
	for range maxStreams {
		if response := s.get(t, "/api/v1/stream"); response.StatusCode != http.StatusOK {
			t.Fatal(response.Status)
		}
	}
	if response := s.get(t, "/api/v1/stream"); response.StatusCode != http.StatusTooManyRequests {
		t.Errorf("one too many: %s", response.Status)
	}
	if response := s.get(t, "/api/v1/doctor"); response.StatusCode != http.StatusOK {
		t.Errorf("doctor, while all streams are taken: %s", response.Status)
	}
}

func TestDoctor(t *testing.T) {
	s := newService(t)
	var got map[string]int
	if err := json.NewDecoder(s.get(t, "/api/v1/doctor").Body).Decode(&got); err != nil || got["pid"] != 7 {
		t.Errorf("got %v, %v", got, err)
	}
	response, err := s.client.Post("http://rstwatch/api/v1/doctor", "text/plain", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("nothing can be written, and POST gave %s", response.Status)
	}
}

// TestListen: a socket that answers is left alone, one that was left behind is
// replaced, anything else in its place stays.
func TestListen(t *testing.T) {
	s := newService(t)
	if _, err := Listen(Config{Socket: s.socket}, s.deps()); err == nil {
		t.Error("took a socket that answers")
	}
	if response := s.get(t, "/api/v1/doctor"); response.StatusCode != http.StatusOK {
		t.Errorf("the first server does not answer any more: %s", response.Status)
	}

	stale := filepath.Join(t.TempDir(), "stale")
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	left.SetUnlinkOnClose(false)
	left.Close()
	server, err := Listen(Config{Socket: stale}, s.deps())
	if err != nil {
		t.Fatalf("a socket that was left behind: %v", err)
	}
	server.Close()

	precious := filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(precious, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	if server, err := Listen(Config{Socket: precious}, s.deps()); err == nil {
		server.Close()
		t.Error("listened in the place of a file")
	}
	if text, err := os.ReadFile(precious); err != nil || string(text) != "text" {
		t.Errorf("a file that is no socket was removed: %v", err)
	}
}

// TestRights: the group's members may connect where there is such a group, else
// the owner alone.
func TestRights(t *testing.T) {
	s := newService(t)
	own, err := user.LookupGroupId("0")
	if err != nil || os.Geteuid() != 0 {
		own = &user.Group{}
	}
	tests := []struct {
		name, group string
		want        os.FileMode
	}{
		{"no group", "", 0o600},
		{"a group that does not exist", "no-such-group-here", 0o600},
		{"a group", own.Name, map[bool]os.FileMode{true: 0o660, false: 0o600}[own.Name != ""]},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			socket := filepath.Join(t.TempDir(), "s")
			server, err := Listen(Config{Socket: socket, Group: test.group}, s.deps())
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			info, err := os.Stat(socket)
			if err != nil || info.Mode().Perm() != test.want {
				t.Errorf("mode %v (%v), want %v", info.Mode(), err, test.want)
			}
		})
	}
}
