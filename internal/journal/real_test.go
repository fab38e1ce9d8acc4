package journal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// childDir makes this test binary a writer that is to be killed.
const childDir = "RSTWATCH_TEST_JOURNAL_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := child(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

func childConfig(dir string) Config {
	cfg := DefaultConfig()
	cfg.Dir, cfg.AppendOnly = dir, false
	cfg.SegmentBytes, cfg.BlockBytes, cfg.SyncInterval = 64<<10, 4<<10, 5*time.Millisecond
	return cfg
}

// child appends batches until it is killed, and prints how many entries were
// acknowledged after each. Its first entry is the number in its second variable.
func child(dir string) error {
	from, err := strconv.Atoi(os.Getenv(childDir + "_FROM"))
	if err != nil {
		return err
	}
	w, err := Open(childConfig(dir), Deps{})
	if err != nil {
		return err
	}
	for n := from; ; {
		size := 1 + rand.IntN(120)
		if err := w.Append(numbered(n, size)); err != nil {
			return err
		}
		n += size
		fmt.Println(n)
		if rand.IntN(20) == 0 {
			if err := w.Rotate(); err != nil {
				return err
			}
		}
		if rand.IntN(30) == 0 {
			if err := w.Tidy(context.Background()); err != nil {
				return err
			}
		}
	}
}

// A real process is killed with SIGKILL, again and again, while it appends,
// rotates and compresses.
func TestKilledForReal(t *testing.T) {
	rounds := 25
	if testing.Short() {
		rounds = 3
	}
	dir := filepath.Join(t.TempDir(), "journal")
	from := 0
	for round := range rounds {
		acknowledged := runChild(t, dir, from)
		entries, _ := readAll(t, dir, ReadOptions{})
		got := numbers(t, entries)
		if len(got) < acknowledged {
			t.Fatalf("round %d: %d entries are there, %d were acknowledged", round, len(got), acknowledged)
		}
		if !slices.Equal(got, upTo(len(got))) {
			t.Fatalf("round %d: %s", round, firstFault(got))
		}
		from = len(got)
	}
	if from < rounds {
		t.Fatalf("only %d entries in %d rounds", from, rounds)
	}
	report, err := Verify(context.Background(), nil, dir, nil)
	if err != nil || !report.OK() {
		t.Errorf("Verify: %v, %v", report.Faults, err)
	}
	t.Logf("%d entries in %d segments survived %d kills", from, report.Segments, rounds)
}

// runChild returns how many entries the child had acknowledged when it died.
func runChild(t *testing.T, dir string, from int) (acknowledged int) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir, childDir+"_FROM="+strconv.Itoa(from))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	stopAt := 1 + rand.IntN(80)
	for n := 0; lines.Scan(); n++ {
		acknowledged, _ = strconv.Atoi(lines.Text())
		if n == stopAt {
			// The instant of the kill is not that of the line: the child goes on.
			time.AfterFunc(time.Duration(rand.IntN(3000))*time.Microsecond, func() { _ = cmd.Process.Kill() })
		}
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if acknowledged == 0 {
		t.Fatal("the child acknowledged nothing")
	}
	return acknowledged
}

// smallDisk mounts a tmpfs of its own.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	testkit.RequireRoot(t)
	dir := t.TempDir()
	if err := unix.Mount("rstwatch-test", dir, "tmpfs", unix.MS_NODEV|unix.MS_NOSUID, "size="+size+",mode=0700"); err != nil {
		t.Fatalf("mounting a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Errorf("unmounting %s: %v", dir, err)
		}
	})
	return dir
}

// A real disk fills up and is freed again: what found room in memory is
// written, the rest is counted, and the journal says so.
func TestFullDisk(t *testing.T) {
	disk := smallDisk(t, "2m")
	cfg := childConfig(filepath.Join(disk, "journal"))
	cfg.HoldBytes = 200 << 10
	cfg.Compress = false
	ballast := filepath.Join(disk, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	w := open(t, cfg, Deps{})
	n := 0
	var stall *StallError
	for stall == nil {
		if err := w.Append(numbered(n, 100)); err != nil && !errors.As(err, &stall) {
			t.Fatalf("Append: %v", err)
		}
		n += 100
	}
	if !errors.Is(stall, unix.ENOSPC) {
		t.Errorf("error %v, want one that wraps ENOSPC", stall)
	}
	for w.Stats().LostResets < 1000 {
		if err := w.Append(numbered(n, 100)); err == nil {
			t.Fatal("Append says nothing of the full disk")
		}
		n += 100
	}
	if held := w.Stats().HeldBytes; held > uint64(cfg.HoldBytes) {
		t.Errorf("%d bytes are held, want at most %d", held, cfg.HoldBytes)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the journal to go on by itself", func() bool { return !w.Stats().Stalled })
	after := n
	if err := errors.Join(w.Append(numbered(after, 50)), w.Close()); err != nil {
		t.Fatal(err)
	}
	s := w.Stats()
	entries, control := readAll(t, cfg.Dir, ReadOptions{})
	got := numbers(t, entries)
	lost := int(s.LostResets)
	want := append(upTo(after-lost), numbers(t, numbered(after, 50))...)
	if !slices.Equal(got, want) {
		t.Errorf("%d entries, want %d: %d lost of %d", len(got), len(want), lost, after)
	}
	if int(s.Resets) != len(got) || s.HeldEntries != 0 {
		t.Errorf("counters %+v for %d entries", s, len(got))
	}
	told := slices.ContainsFunc(control, func(c reset.Control) bool {
		return c.Event == "lost" && strings.Contains(c.Message, fmt.Sprintf("%d entries", lost))
	})
	if !told {
		t.Errorf("no control entry tells that %d entries were lost: %v", lost, control)
	}
	if report, err := Verify(context.Background(), nil, cfg.Dir, nil); err != nil || !report.OK() {
		t.Errorf("Verify: %v, %v", report.Faults, err)
	}
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func hasAppendFlag(t *testing.T, path string) bool {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	flags, err := unix.IoctlGetUint32(int(f.Fd()), unix.FS_IOC_GETFLAGS)
	if err != nil {
		t.Fatal(err)
	}
	return flags&appendFlag != 0
}

func TestAppendOnlyAttribute(t *testing.T) {
	testkit.RequireRoot(t)
	cfg := testConfig(t)
	cfg.AppendOnly = true
	probe := filepath.Join(filepath.Dir(cfg.Dir), "probe")
	if err := os.WriteFile(probe, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := (Disk{}).SetAppendOnly(probe, true); errors.Is(err, errors.ErrUnsupported) {
		if testkit.Required() {
			t.Fatalf("the tests' directory must be on a file system with attributes: %v", err)
		}
		t.Skipf("no attributes here: %v", err)
	}
	t.Cleanup(func() {
		for _, name := range append(segmentFiles(t, cfg.Dir), "../probe") {
			_ = Disk{}.SetAppendOnly(filepath.Join(cfg.Dir, name), false)
		}
	})
	w := open(t, cfg, Deps{})
	if err := errors.Join(w.Append(storms(0, 10)), w.Rotate(), w.Append(storms(10, 10)), w.Sync(), w.Tidy(context.Background())); err != nil {
		t.Fatal(err)
	}
	files := segmentFiles(t, cfg.Dir)
	if len(files) != 2 || !strings.HasSuffix(files[0], zstdSuffix) {
		t.Fatalf("files %v, want one compressed and one not", files)
	}
	for _, name := range files {
		if path := filepath.Join(cfg.Dir, name); !hasAppendFlag(t, path) {
			t.Errorf("%s lacks the attribute", name)
		} else if err := os.WriteFile(path, nil, 0o600); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("overwriting %s: %v, want it refused", name, err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	// As if a crash had come while it was lifted.
	live := filepath.Join(cfg.Dir, files[1])
	if err := (Disk{}).SetAppendOnly(live, false); err != nil {
		t.Fatal(err)
	}
	w = open(t, cfg, Deps{})
	if !hasAppendFlag(t, live) {
		t.Error("the attribute was not restored")
	}
	if err := errors.Join(w.Append(storms(20, 10)), w.Close()); err != nil {
		t.Fatal(err)
	}
	got, _ := readAll(t, cfg.Dir, ReadOptions{})
	same(t, storms(0, 30), got)
}

func segmentFiles(t *testing.T, dir string) (files []string) {
	t.Helper()
	names, err := Disk{}.Names(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if _, ok := parseSegment(name); ok {
			files = append(files, name)
		}
	}
	slices.Sort(files)
	return files
}

func TestOneWriterOnly(t *testing.T) {
	cfg := testConfig(t)
	w := open(t, cfg, Deps{})
	_, err := Open(cfg, Deps{})
	var locked *LockedError
	if !errors.As(err, &locked) || locked.PID != os.Getpid() {
		t.Errorf("second Open: %v, want a LockedError with process %d", err, os.Getpid())
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	w = open(t, cfg, Deps{})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Append(nil); !errors.Is(err, ErrClosed) {
		t.Errorf("Append after Close: %v, want ErrClosed", err)
	}
}

func TestModes(t *testing.T) {
	cfg := testConfig(t)
	old := unix.Umask(0o077)
	defer unix.Umask(old)
	w := open(t, cfg, Deps{})
	if err := errors.Join(w.Append(storms(0, 1)), w.Close()); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(cfg.Dir); err != nil || info.Mode().Perm() != dirMode {
		t.Errorf("directory: %v, %v; want mode %o", info.Mode(), err, dirMode)
	}
	for _, name := range segmentFiles(t, cfg.Dir) {
		info, err := os.Stat(filepath.Join(cfg.Dir, name))
		if err != nil || info.Mode().Perm() != fileMode {
			t.Errorf("%s: %v, %v; want mode %o", name, info.Mode(), err, fileMode)
		}
	}
}

// A reader follows through blocks, rotation and compression, beside the writer.
func TestFollow(t *testing.T) {
	cfg := childConfig(filepath.Join(t.TempDir(), "journal"))
	w := open(t, cfg, Deps{})
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	const total = 6000
	done := make(chan error, 1)
	go func() {
		for n := 0; n < total; n += 60 {
			if err := w.Append(numbered(n, 60)); err != nil {
				done <- err
				return
			}
			if n%600 == 0 {
				if err := errors.Join(w.Sync(), w.Tidy(ctx)); err != nil {
					done <- err
					return
				}
			}
		}
		done <- nil
	}()
	r, err := NewReader(cfg.Dir, ReadOptions{Follow: true, Poll: time.Millisecond, OnDamage: noDamage(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for n := 0; n < total; {
		entry, err := r.Next(ctx)
		if err != nil {
			t.Fatalf("after %d entries: %v", n, err)
		}
		if entry.Reset == nil {
			continue
		}
		if got := numbers(t, []reset.Entry{entry})[0]; got != n {
			t.Fatalf("entry %d stands at place %d", got, n)
		}
		n++
	}
	if err := errors.Join(<-done, w.Close()); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := r.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Next at the end: %v, want it to wait until the context ends", err)
	}
}

func TestReaderEndsAtTornEnd(t *testing.T) {
	cfg := testConfig(t)
	w := open(t, cfg, Deps{})
	if err := errors.Join(w.Append(storms(0, 10)), w.Append(storms(10, 10)), w.Close()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(cfg.Dir, segmentFiles(t, cfg.Dir)[0])
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, info.Size()-1); err != nil {
		t.Fatal(err)
	}
	r, err := NewReader(cfg.Dir, ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	n := 0
	for {
		entry, err := r.Next(context.Background())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if entry.Reset != nil {
			n++
		}
	}
	if stretches, _ := r.Damaged(); n != 10 || stretches != 1 {
		t.Errorf("%d resets and %d damaged stretches, want 10 and 1", n, stretches)
	}
}
