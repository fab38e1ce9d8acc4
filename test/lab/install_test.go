package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rstwatch/rstwatch/internal/testkit"
)

// TestPurgeUnderADaemon: what a daemon is writing is not deleted under it.
func TestPurgeUnderADaemon(t *testing.T) {
	lab := testkit.NewLab(t)
	p := newPlace(t)
	image := p.path("image")
	for name, text := range map[string]string{"etc/group": "root:x:0:\n", "etc/rc.local": "#!/bin/sh\nexit 0\n"} {
		path := filepath.Join(image, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	p.dir = filepath.Join(image, "var/lib/rstwatch")
	if _, problems, err := p.command([]string{"install", "--root", image, "--init", "rc.local", "--group", ""}); err != nil {
		t.Fatalf("install: %v\n%s", err, problems)
	}
	d := start(t, p, only(lab.Nodes()...)...)
	expects := testkit.Visible(testkit.Lookup(t, "closed-port").MustMake(t, lab, lab.Scenes()[0], 2), seenByBPF)
	purge := []string{"uninstall", "--purge", "--root", image}
	for _, words := range [][]string{purge, append(purge[:len(purge):len(purge)], "--dry-run")} {
		_, problems, err := p.command(words)
		if status(err) != 1 || !strings.Contains(problems, fmt.Sprintf("kill %d", d.cmd.Process.Pid)) {
			t.Errorf("%v under a daemon: %v, said %q", words, err, problems)
		}
	}
	// Without purge it goes, and says that the daemon goes on.
	_, problems, err := p.command([]string{"uninstall", "--root", image})
	if err != nil || !strings.Contains(problems, "goes on recording") {
		t.Errorf("uninstall under a daemon: %v, said %q", err, problems)
	}
	d.stop()
	lab.Compare(t, expects, p.resets(t))

	if _, problems, err := p.command(purge); err != nil {
		t.Errorf("purge after the daemon: %v\n%s", err, problems)
	}
	if _, err := os.Stat(p.dir); !os.IsNotExist(err) {
		t.Errorf("the journal is still there: %v", err)
	}
}
