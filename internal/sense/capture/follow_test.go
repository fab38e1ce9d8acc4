package capture

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// grown is a file that is written while it is read.
type grown struct {
	path string
	rest []byte
}

func (g *grown) write(t *testing.T, n int) {
	t.Helper()
	file, err := os.OpenFile(g.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write(g.rest[:n]); err != nil {
		t.Fatal(err)
	}
	g.rest = g.rest[n:]
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}

// follow reads the file, and tells of each reset.
func follow(t *testing.T, ctx context.Context, path string) (r *Reader, seqs chan uint32, ended chan error) {
	t.Helper()
	r, err := New(Config{Follow: true}, []string{path}, nil)
	if err != nil {
		t.Fatal(err)
	}
	seqs, ended = make(chan uint32, 16), make(chan error, 1)
	go func() {
		ended <- r.Run(ctx, func(f *Found) error { seqs <- f.Sighting.Packet.Seq.V; return nil })
	}()
	return r, seqs, ended
}

func await[V any](t *testing.T, from chan V, what string) (v V) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(20 * time.Second):
		t.Fatalf("waiting for %s", what)
	}
	return v
}

// TestFollow: packets that come while the file is read, in pieces, until another
// file has its name.
func TestFollow(t *testing.T) {
	one := ethernet(segment(server, client, reset.RST, 1, 0, ""))
	two := ethernet(segment(server, client, reset.RST, 70000, 0, ""))
	first := file{link: linkEthernet}.pcap(sample{start, one})
	whole := file{link: linkEthernet}.pcap(sample{start, one}, sample{start + 5e9, two})
	g := &grown{path: filepath.Join(t.TempDir(), "growing.pcap"), rest: whole}
	g.write(t, 10) // not even the file's header
	_, seqs, ended := follow(t, t.Context(), g.path)
	g.write(t, len(first)-10)
	if seq := await(t, seqs, "the first reset, which nothing follows"); seq != 1 {
		t.Errorf("SEQ %d", seq)
	}
	g.write(t, 30)
	g.write(t, len(g.rest))
	if err := os.Rename(g.path, g.path+".1"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(g.path, first, 0o600); err != nil {
		t.Fatal(err)
	}
	if seq := await(t, seqs, "the second reset"); seq != 70000 {
		t.Errorf("SEQ %d", seq)
	}
	if err := await(t, ended, "the end"); err != nil {
		t.Error(err)
	}
}

// TestFollowEnds: with the context, and where the file is cut down.
func TestFollowEnds(t *testing.T) {
	whole := file{link: linkEthernet}.pcap(sample{start, ethernet(segment(server, client, reset.RST, 1, 0, ""))})
	for name, test := range map[string]struct {
		end  func(path string, stop func()) error
		want string
	}{
		"stopped":  {func(_ string, stop func()) error { stop(); return nil }, ""},
		"cut down": {func(path string, _ func()) error { return os.Truncate(path, 30) }, "was cut down to 30 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			g := &grown{path: filepath.Join(t.TempDir(), "growing.pcap"), rest: whole}
			g.write(t, len(whole))
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			r, seqs, ended := follow(t, ctx, g.path)
			await(t, seqs, "the reset")
			if err := test.end(g.path, stop); err != nil {
				t.Fatal(err)
			}
			if err := await(t, ended, "the end"); err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			broken := r.Counts().Broken
			if (len(broken) > 0) != (test.want != "") || test.want != "" && !strings.Contains(broken[0].Err.Error(), test.want) {
				t.Errorf("the file is told to be broken by %v, want %q", broken, test.want)
			}
		})
	}
}
