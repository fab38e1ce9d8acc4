package rotate

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// requireRoot skips, or fails where tests must not skip: this package knows
// nothing of the lab's.
func requireRoot(t *testing.T, programs ...string) {
	t.Helper()
	give := t.Skipf
	if os.Getenv("RSTWATCH_TEST_REQUIRE") == "1" || os.Getenv("CI") == "true" {
		give = t.Fatalf
	}
	if os.Geteuid() != 0 {
		give("needs root")
	}
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			give("needs %s", program)
		}
	}
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func mountTmpfs(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

// A full disk costs the lines that do not fit, whole, counted, and nothing
// else; space makes it go on by itself.
func TestFullDisk(t *testing.T) {
	requireRoot(t)
	dir := mountTmpfs(t, "256k")
	cfg := DefaultConfig(filepath.Join(dir, "x.log"))
	cfg.AppendOnly, cfg.Now, cfg.MaxBytes, cfg.Keep = false, newClock().Now, 64<<10, 0
	cfg.Compress = CompressNone
	ballast := filepath.Join(dir, "ballast")
	w := open(t, cfg)
	var want strings.Builder
	lost := uint64(0)
	for i := range 4000 {
		switch i {
		case 1000: // the disk fills
			fill(t, ballast)
		case 3000:
			if err := os.Remove(ballast); err != nil {
				t.Fatal(err)
			}
		}
		line := fmt.Sprintf("%06d %s\n", i, strings.Repeat("x", i%60))
		_, err := w.Write([]byte(line))
		switch {
		case err == nil:
			want.WriteString(line)
		case errors.Is(err, unix.ENOSPC):
			lost++
		default:
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want.String(), content(t, cfg.Path)); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	got := w.Stats()
	if lost == 0 || got.LostLines != lost || got.Lines+got.LostLines != 4000 {
		t.Errorf("%d writes failed; stats %+v", lost, got)
	}
	if !strings.Contains(want.String(), "\n003999 ") {
		t.Error("it did not recover")
	}
}

func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
}

// mountExt4 makes a real ext4, whose append-only attribute is the real one.
func mountExt4(t *testing.T) string {
	t.Helper()
	image := filepath.Join(t.TempDir(), "image")
	dir := t.TempDir()
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, 16<<20); err != nil {
		t.Fatal(err)
	}
	run(t, "mkfs.ext4", "-q", "-F", image)
	run(t, "mount", "-o", "loop", image, dir)
	t.Cleanup(func() { run(t, "umount", dir) })
	return dir
}

func isAppendOnly(t *testing.T, path string) bool {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	flags, err := unix.IoctlGetInt(int(f.Fd()), unix.FS_IOC_GETFLAGS)
	if err != nil {
		t.Fatal(err)
	}
	return flags&appendOnly != 0
}

// On ext4 the live file is append-only at every moment that somebody could
// look, a crash within a rotation included, and nobody can truncate it.
func TestAppendOnlyAttribute(t *testing.T) {
	requireRoot(t, "mkfs.ext4", "mount", "umount")
	p := &power{left: -1}
	c := newClock()
	cfg := DefaultConfig(filepath.Join(mountExt4(t), "x.log"))
	cfg.Now, cfg.crash = c.Now, p.crash
	w := open(t, cfg)
	write(t, w, "one\n")
	if !isAppendOnly(t, cfg.Path) {
		t.Fatal("the attribute is not set")
	}
	if err := os.Truncate(cfg.Path, 0); !errors.Is(err, unix.EPERM) {
		t.Errorf("truncating: %v", err)
	}
	want := "one\n"
	for crash := -1; crash < 4; crash++ { // none, then at each step of a rotation
		c.add(24 * time.Hour)
		p.in(crash)
		line := fmt.Sprintf("after crash %d\n", crash)
		_, err := w.Write([]byte(line))
		if errors.Is(err, errCrash) {
			_ = w.Close()
			<-w.keeper.done
			p.in(-1)
			w = open(t, cfg)
			_, err = w.Write([]byte(line))
		}
		if err != nil {
			t.Fatal(err)
		}
		want += line
		if !isAppendOnly(t, cfg.Path) {
			t.Errorf("not append-only after a crash at step %d", crash)
		}
	}
	// The last crash may have struck the compression and not the rotation: as
	// after every crash, a new start ends what it left.
	p.in(-1)
	_ = w.Close()
	<-w.keeper.done
	w = open(t, cfg)
	settled(t, cfg)
	if diff := cmp.Diff(want, content(t, cfg.Path)); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	// A torn line is taken away although the file is append-only.
	f, err := os.OpenFile(cfg.Path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("torn"); err != nil {
		t.Fatal(err)
	}
	f.Close()
	open(t, cfg)
	if !isAppendOnly(t, cfg.Path) || !strings.HasSuffix(content(t, cfg.Path), "\n") {
		t.Error("the torn line was not taken away, or the attribute was")
	}
}

// The real logrotate, as people have it: with the classic set-up's own file,
// copytruncate and chattr, and with create and a signal.
func TestOutsideLogrotate(t *testing.T) {
	requireRoot(t, "logrotate", "chattr", "mkfs.ext4")
	for _, tc := range []struct {
		name, rules string
		reopens     bool
	}{
		{"copytruncate", "copytruncate\nprerotate\nchattr -a FILE\nendscript\npostrotate\nchattr +a FILE\nendscript", false},
		{"create", "create 0640 root root\nprerotate\nchattr -a FILE\nendscript", true},
		{"nocreate", "nocreate\nprerotate\nchattr -a FILE\nendscript", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := mountExt4(t)
			cfg := DefaultConfig(filepath.Join(dir, "drds-tcp.log"))
			cfg.Daily, cfg.Compress, cfg.Keep = false, CompressNone, 0
			rules := filepath.Join(t.TempDir(), "rules")
			text := fmt.Sprintf("%s\n{\ndaily\nrotate 30\ncompress\ndateext\ndateformat -%%Y%%m%%d-%%s\nsu root root\n%s\n}\n", cfg.Path, tc.rules)
			if err := os.WriteFile(rules, []byte(strings.ReplaceAll(text, "FILE", cfg.Path)), 0o600); err != nil {
				t.Fatal(err)
			}
			w := open(t, cfg)
			var want strings.Builder
			for i := range 3 {
				line := fmt.Sprintf("round %d\n", i)
				want.WriteString(line)
				write(t, w, line)
				run(t, "logrotate", "-f", "-s", filepath.Join(dir, "state"), rules)
				if tc.reopens {
					if err := w.Reopen(); err != nil {
						t.Fatal(err)
					}
				}
				waitForSecond(t) // logrotate's names have seconds
			}
			write(t, w, "end\n")
			want.WriteString("end\n")
			if !isAppendOnly(t, cfg.Path) {
				t.Error("the attribute is not set")
			}
			if diff := cmp.Diff(want.String(), outsideContent(t, cfg.Path)); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
		})
	}
}

func waitForSecond(t *testing.T) {
	t.Helper()
	now := time.Now().Unix()
	// The kernel's coarse clock, which time(2) reads, is some milliseconds late.
	poll(t, func() bool { return time.Now().Add(-50*time.Millisecond).Unix() > now })
}

func outsideContent(t *testing.T, path string) string {
	t.Helper()
	files, err := filepath.Glob(path + "-*.gz")
	if err != nil {
		t.Fatal(err)
	}
	var all bytes.Buffer
	for _, file := range append(files, path) {
		r, err := OpenFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := all.ReadFrom(r); err != nil {
			t.Fatal(err)
		}
		r.Close()
	}
	return all.String()
}
