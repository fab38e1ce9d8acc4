package klog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// running is a sensor that runs.
type running struct {
	sensor *Sensor
	stop   func()

	mu  sync.Mutex
	got []reset.Sighting
}

func (r *running) sink(batch []reset.Sighting) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, batch...)
}

func (r *running) sightings() []reset.Sighting {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

type failer interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
	Errorf(string, ...any)
}

// run starts a sensor; stop ends it and waits.
func run(t failer, cfg Config) *running {
	t.Helper()
	s, err := New(cfg, Deps{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Probe(); err != nil {
		t.Fatal(err)
	}
	r := &running{sensor: s}
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- s.Run(ctx, func() { close(ready) }, r.sink) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	select {
	case <-ready:
	case err := <-done:
		done <- nil
		cancel()
		t.Fatalf("Run ended: %v", err)
	}
	return r
}

func (r *running) await(t failer, n int) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for len(r.sightings()) < n {
		if time.Now().After(deadline) {
			t.Fatalf("%d sightings, want %d; counts %+v", len(r.sightings()), n, r.sensor.Counts())
		}
		time.Sleep(time.Millisecond)
	}
}

// TestKmsg lets the kernel itself log resets of the lab.
func TestKmsg(t *testing.T) {
	lab := testkit.NewLab(t)
	testkit.OpenKernelLog(t) // lets namespaces log
	prefix := fmt.Sprintf("[rwklog%d]", os.Getpid())
	rule := func(chain string) string {
		return fmt.Sprintf(`chain %s { type filter hook %s priority 0; tcp flags & rst == rst log prefix "%s " flags tcp sequence,options; };`, chain, chain, prefix)
	}
	nft := exec.Command("nsenter", "--net=/run/netns/"+lab.Server.Name, "nft", "table inet t { "+rule("input")+rule("output")+"}")
	if out, err := nft.CombinedOutput(); err != nil {
		t.Fatalf("nft: %v: %s", err, out)
	}
	cfg := DefaultConfig()
	cfg.Prefix = prefix
	r := run(t, cfg)
	defer r.stop()
	for _, name := range []string{"closed-port", "unread-data", "linger-zero"} {
		for _, scene := range []testkit.Scene{{Family: reset.IPv4, Route: testkit.Routed}, {Family: reset.IPv6, Route: testkit.Routed}} {
			t.Run(name+"/"+scene.String(), func(t *testing.T) {
				var expects []testkit.Expect
				for _, e := range testkit.Lookup(t, name).MustMake(t, lab, scene, 3) {
					if e.Node == lab.Server && e.Hooks&testkit.Inet != 0 {
						expects = append(expects, e)
					}
				}
				before := reset.TimeOf(time.Now().Add(-time.Minute))
				lab.AwaitCompare(t, expects, 20*time.Millisecond, func() []testkit.Observation {
					var list []testkit.Observation
					for _, s := range r.sightings() {
						if s.Time < before || s.Time > reset.TimeOf(time.Now()) || s.MonoNS == 0 || s.Netns != (reset.Netns{}) {
							t.Errorf("sighting %+v", s)
						}
						o := testkit.Observation{Netns: lab.Server.Inode, Src: s.Src, Dst: s.Dst, Flags: s.Packet.Flags, Seq: s.Packet.Seq, Direction: reset.In}
						if s.Hook == reset.HookLocalOut {
							o.Direction = reset.Out
						}
						list = append(list, o)
					}
					return list
				})
				r.mu.Lock()
				r.got = nil
				r.mu.Unlock()
			})
		}
	}
}

// TestKmsgForged: what a process writes is not believed.
func TestKmsgForged(t *testing.T) {
	testkit.RequireRoot(t)
	prefix := fmt.Sprintf("[rwforged%d]", os.Getpid())
	cfg := DefaultConfig()
	cfg.Prefix = prefix
	r := run(t, cfg)
	defer r.stop()
	log := testkit.OpenKernelLog(t)
	if err := os.WriteFile(Kmsg, []byte("<4>"+logLine(prefix+" ", "1")+"\n"), 0); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(Kmsg, []byte(prefix+" end\n"), 0); err != nil {
		t.Fatal(err)
	}
	log.Await(t, prefix+" end", 1)
	r.stop() // reads on to the present end
	if got := r.sightings(); len(got) != 0 {
		t.Errorf("believed %+v", got)
	}
}

// TestJournalctl follows a program that speaks as journalctl does.
func TestJournalctl(t *testing.T) {
	program := filepath.Join(t.TempDir(), "journalctl")
	script := "#!/bin/sh\nprintf '%s\\n' '__REALTIME_TIMESTAMP=1700000000000001' 'MESSAGE=" + logLine("[drds] ", "9") + "' ''\nexec sleep 60\n"
	if err := os.WriteFile(program, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	cfg := DefaultConfig()
	cfg.Path, cfg.Journalctl = Journal, program
	r := run(t, cfg)
	defer r.stop()
	r.await(t, 1)
	if got := r.sightings()[0]; got.Dst.Port() != 9 || got.Time != 1700000000000001000 {
		t.Errorf("sighting %+v", got)
	}
}

func TestJournalctlFails(t *testing.T) {
	program := filepath.Join(t.TempDir(), "journalctl")
	if err := os.WriteFile(program, []byte("#!/bin/sh\necho no journal here >&2\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	cfg := DefaultConfig()
	cfg.Path, cfg.Journalctl = Journal, program
	s, err := New(cfg, Deps{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context(), nil, func([]reset.Sighting) {}); err == nil || !strings.Contains(err.Error(), "no journal here") {
		t.Errorf("error %v, want what the program said", err)
	}
	cfg.Journalctl = "/nonexistent/journalctl"
	s, err = New(cfg, Deps{})
	if err != nil {
		t.Fatal(err)
	}
	var probe *ProbeError
	if err := s.Probe(); !errors.As(err, &probe) || probe.Missing != "journalctl" {
		t.Errorf("Probe: %v", err)
	}
}

// TestFile is a state machine: a daemon writes lines in pieces, its file is
// renamed away while it still writes to it, or copied and truncated. Every
// line must be told once, in order within each file.
func TestFile(t *testing.T) {
	dir := t.TempDir()
	round := 0
	rapid.Check(t, func(t *rapid.T) {
		round++
		path := filepath.Join(dir, fmt.Sprint("log", round))
		w := &writer{t: t, path: path}
		w.open()
		w.write(logLine("[old] ", "7") + "\n" + logLine("[old] ", "8")[:50]) // before the start
		cfg := DefaultConfig()
		cfg.Path, cfg.Poll = path, time.Millisecond
		r := run(t, cfg)
		defer r.stop()
		defer w.close()
		w.write("\n") // ends a line whose start was not seen: torn, or no line at all
		steps := rapid.IntRange(1, 12).Draw(t, "steps")
		for range steps {
			switch rapid.SampledFrom([]string{"line", "pieces", "long", "rename", "truncate"}).Draw(t, "step") {
			case "line":
				w.line()
			case "pieces":
				text := w.text()
				cut := rapid.IntRange(1, len(text)-1).Draw(t, "cut")
				w.write(text[:cut])
				if rapid.Bool().Draw(t, "wait") {
					time.Sleep(3 * time.Millisecond)
				}
				w.write(text[cut:])
			case "long":
				w.write(strings.Repeat("x", rapid.IntRange(1, 3*64<<10).Draw(t, "length")) + "\n")
			case "rename":
				r.await(t, len(w.want)) // two between two looks are one too many
				w.rename()
			case "truncate":
				r.await(t, len(w.want))
				w.truncate()
			}
		}
		r.await(t, len(w.want))
		r.stop()
		got := ports(r.sightings())
		slices.Sort(got)
		if diff := cmp.Diff(w.want, got); diff != "" {
			t.Fatalf("lines (-want +got):\n%s", diff)
		}
	})
}

// writer plays the daemon and logrotate.
type writer struct {
	t     *rapid.T
	path  string
	file  *os.File
	next  uint16
	want  []uint16
	count int
}

func (w *writer) must(err error) {
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *writer) open() {
	f, err := os.OpenFile(w.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	w.must(err)
	w.file = f
}

func (w *writer) close() { w.file.Close() }

func (w *writer) write(text string) {
	_, err := w.file.WriteString(text)
	w.must(err)
}

func (w *writer) text() string {
	w.next++
	w.want = append(w.want, w.next)
	return "Nov 23 07:40:12 host kernel: [  1.000000] " + logLine("[drds] ", fmt.Sprint(w.next)) + "\n"
}

func (w *writer) line() { w.write(w.text()) }

// rename moves the file away, writes one line more to it, and starts a new one.
func (w *writer) rename() {
	w.count++
	w.must(os.Rename(w.path, fmt.Sprint(w.path, ".", w.count)))
	w.line()
	old := w.file
	w.open()
	w.line()
	_, err := old.WriteString(w.text()) // the daemon had not been told yet
	w.must(err)
	w.must(old.Close())
}

// truncate empties the file, and waits until that can be seen before more is
// written than was there.
func (w *writer) truncate() {
	w.must(w.file.Truncate(0))
	time.Sleep(20 * time.Millisecond)
}
