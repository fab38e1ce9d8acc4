package classic

import (
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rstwatch/rstwatch/internal/classicsetup/write"
)

// rotation is the written file for logrotate, with the test's own daemon in place of the host's.
func (p *place) rotation(d *daemon) {
	p.t.Helper()
	text, err := os.ReadFile(p.at(write.PathOf(write.Logrotate)))
	if err != nil {
		p.t.Fatal(err)
	}
	p.write("rotation", strings.NewReplacer(
		"systemctl kill", "false", "/run/rsyslogd.pid", d.pidfile,
		// Names by the day allow one rotation a day.
		"dateformat -%Y%m%d", "dateformat -%s",
	).Replace(string(text)))
}

// rotate runs logrotate as its timer does, but now, and returns whether it was content.
func (p *place) rotate(config string) error {
	out, err := exec.Command("logrotate", "-f", "-s", p.at("state"), p.at(config)).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// attribute tells whether a file is append-only.
func attribute(t *testing.T, path string) bool {
	t.Helper()
	words := strings.Fields(run(t, "lsattr", path))
	return len(words) > 0 && strings.Contains(words[0], "a")
}

// TestRotationLosesNothing writes lines before, while and after the log is rotated: each is in one of the files, once.
func TestRotationLosesNothing(t *testing.T) {
	p := newPlace(t, choices[0], nil)
	d := p.rsyslogd()
	p.rotation(d)
	sent := 0
	send := func(n int) {
		for range n {
			d.send(fmt.Sprintf("<7>Nov 22 10:00:00 kernel: %sIN= OUT=x number %d.", p.setup.Prefix, sent))
			sent++
		}
	}
	send(100)
	until(t, "the first lines", func() bool { return len(lines(t, p.setup.Path, "number")) == 100 })
	run(t, "chattr", "+a", p.setup.Path)
	for round := range 3 {
		// The names of rotated files have the second in them, by time(2), which is some milliseconds behind.
		last := time.Now().Unix()
		until(t, "another second", func() bool { return time.Now().Add(-50*time.Millisecond).Unix() > last })
		done := make(chan error, 1)
		go func() { done <- p.rotate("rotation") }()
		for ended := false; !ended; {
			select {
			case err := <-done:
				if err != nil {
					t.Fatal(err)
				}
				ended = true
			default:
				send(10)
			}
		}
		if !attribute(t, p.setup.Path) {
			t.Errorf("after rotation %d the log is not append-only", round)
		}
		send(10)
		// The daemon has heard of it once it writes to the new file.
		until(t, "lines in the new file", func() bool { return len(lines(t, p.setup.Path, fmt.Sprintf("number %d.", sent-1))) == 1 })
	}
	var numbers []string
	names, err := filepath.Glob(p.setup.Path + "*")
	if err != nil {
		t.Fatal(err)
	}
	plain, compressed := 0, 0
	for _, name := range names {
		if strings.HasSuffix(name, ".gz") {
			compressed++
		} else if plain++; !attribute(t, name) {
			t.Errorf("%s is not append-only", name)
		}
		for line := range strings.Lines(unzipped(t, name)) {
			if _, number, ok := strings.Cut(strings.TrimSpace(line), "number "); ok {
				numbers = append(numbers, number)
			}
		}
	}
	if plain != 2 || compressed != 2 {
		t.Errorf("%d plain and %d compressed files, want 2 and 2: %q", plain, compressed, names)
	}
	want := make([]string, sent)
	for i := range want {
		want[i] = fmt.Sprintf("%d.", i)
	}
	slices.Sort(want)
	slices.Sort(numbers)
	if diff := cmp.Diff(want, numbers); diff != "" {
		t.Errorf("lines (-sent +kept):\n%s", diff)
	}
	t.Logf("%d lines through three rotations", sent)
}

// TestFailedRotationLeavesProtection makes the rename fail: the log is append-only and written to as before. The old way,
// with the attribute set by postrotate, is the counter-proof.
func TestFailedRotationLeavesProtection(t *testing.T) {
	p := newPlace(t, choices[0], nil)
	d := p.rsyslogd()
	p.rotation(d)
	d.send("<7>Nov 22 10:00:00 kernel: " + p.setup.Prefix + "first")
	until(t, "the first line", func() bool { return len(lines(t, p.setup.Path, "first")) == 1 })
	run(t, "chattr", "+a", p.setup.Path)

	text, err := os.ReadFile(p.at("rotation"))
	if err != nil {
		t.Fatal(err)
	}
	// In a directory that cannot be changed the rename fails, after prerotate has run; on a full disk it is the new file.
	failing := strings.Replace(string(text), "prerotate\n", "prerotate\n\t\tchattr +i "+filepath.Dir(p.setup.Path)+"\n", 1)
	failing = strings.Replace(failing, "lastaction\n", "lastaction\n\t\tchattr -i "+filepath.Dir(p.setup.Path)+"\n", 1)
	p.write("failing", failing)
	t.Cleanup(func() { _ = exec.Command("chattr", "-i", filepath.Dir(p.setup.Path)).Run() })
	if err := p.rotate("failing"); err == nil {
		t.Fatal("the rotation did not fail")
	}
	if !attribute(t, p.setup.Path) {
		t.Error("the log is not append-only after a rotation that failed")
	}
	d.send("<7>Nov 22 10:00:00 kernel: " + p.setup.Prefix + "second")
	until(t, "the second line in the same file", func() bool { return len(lines(t, p.setup.Path, "second")) == 1 })

	before, _, _ := strings.Cut(failing, "lastaction\n")
	p.write("old", strings.Replace(before, "postrotate\n", "postrotate\n\t\tchattr +a "+p.setup.Path+"\n", 1)+"}\n")
	if err := p.rotate("old"); err == nil {
		t.Fatal("the old rotation did not fail")
	}
	if attribute(t, p.setup.Path) {
		t.Error("without lastaction the log is append-only all the same: this test proves nothing")
	}
}

// unzipped returns the text of a file.
func unzipped(t *testing.T, path string) string {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var r io.Reader = file
	if strings.HasSuffix(path, ".gz") {
		if r, err = gzip.NewReader(file); err != nil {
			t.Fatal(err)
		}
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
