package classic

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rstwatch/rstwatch/internal/classicsetup/write"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// patience bounds every wait; waits that end well take milliseconds to seconds.
const patience = 30 * time.Second

// until polls for at most patience.
func until(t *testing.T, what string, ready func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ready(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waiting for %s: nothing within %s", what, patience)
		}
	}
}

// choices are the firewalls; each is proved with the real program.
var choices = []write.Choice{
	{Firewall: write.IPTables, Syslog: write.Rsyslog},
	{Firewall: write.NFTables, Syslog: write.Rsyslog},
}

// place is a directory with the files of a set-up. Absolute paths within the files are moved into it.
type place struct {
	t      *testing.T
	dir    string
	setup  write.Setup
	choice write.Choice
}

// newPlace writes a set-up whose prefix nobody else's kernel lines have.
func newPlace(t *testing.T, choice write.Choice, edit func(*write.Setup)) *place {
	t.Helper()
	testkit.RequireRoot(t)
	p := &place{t: t, dir: t.TempDir(), choice: choice, setup: write.Default()}
	// The kernel's log still holds the lines of tests before this one.
	p.setup.Prefix = "[rwc" + strconv.FormatInt(time.Now().UnixNano(), 36) + "] "
	p.setup.Path = filepath.Join(p.dir, "log", "rst.log")
	if edit != nil {
		edit(&p.setup)
	}
	if err := p.setup.Validate(); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Dir(p.setup.Path), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = exec.Command("chattr", "-R", "-a", p.dir).Run() })
	files, err := p.setup.Files(choice)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		p.write(f.Path, f.Text)
	}
	return p
}

func (p *place) at(path string) string { return filepath.Join(p.dir, path) }

func (p *place) write(path, text string) {
	p.t.Helper()
	if err := os.MkdirAll(filepath.Dir(p.at(path)), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(p.at(path), []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// run runs a command, which must succeed, and returns what it said.
func run(t *testing.T, name string, arguments ...string) string {
	t.Helper()
	out, err := exec.Command(name, arguments...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(arguments, " "), err, out)
	}
	return string(out)
}

// within runs a command in a namespace.
func within(t *testing.T, n *testkit.Node, name string, arguments ...string) string {
	t.Helper()
	return run(t, "nsenter", append([]string{"--net=" + n.Path, name}, arguments...)...)
}

// load loads the rules in a namespace, as the unit does.
func (p *place) load(n *testkit.Node) {
	p.t.Helper()
	p.command(n, write.LoadCommand(p.choice))
}

func (p *place) unload(n *testkit.Node) {
	p.t.Helper()
	p.command(n, write.UnloadCommand(p.choice))
}

func (p *place) command(n *testkit.Node, words []string) {
	p.t.Helper()
	for i, word := range words {
		if strings.HasPrefix(word, write.Dir) {
			words[i] = p.at(word)
		}
	}
	within(p.t, n, words[0], words[1:]...)
}

// daemon is a running rsyslogd with the rule under test before one that takes everything else.
type daemon struct {
	place   *place
	pidfile string
	socket  string
	rest    string // the file of everything else
}

// rsyslogd starts one that reads the kernel's log, as many do beside each other: /dev/kmsg gives every line to all.
func (p *place) rsyslogd() *daemon {
	p.t.Helper()
	d := &daemon{place: p, pidfile: p.at("pid"), socket: p.at("socket"), rest: p.at("rest.log")}
	p.write("rsyslog.conf", fmt.Sprintf(`global(workDirectory=%q)
module(load="imkmsg")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket=%q RateLimit.Interval="0")
include(file=%q)
*.* %s
`, p.dir, d.socket, p.at(write.PathOf(write.Rsyslog)), d.rest))
	cmd := exec.Command("rsyslogd", "-n", "-i", d.pidfile, "-f", p.at("rsyslog.conf"))
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	p.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(patience):
			_ = cmd.Process.Kill()
			p.t.Errorf("rsyslogd does not end: %s", said.String())
		}
	})
	d.await()
	return d
}

// await waits until the daemon listens.
func (d *daemon) await() {
	d.place.t.Helper()
	until(d.place.t, "the daemon's socket", func() bool {
		conn, err := net.Dial("unixgram", d.socket)
		if err == nil {
			err = conn.Close()
		}
		return err == nil
	})
}

// send hands rsyslogd a message, priority and all, as a syslog socket takes it.
func (d *daemon) send(message string) {
	d.place.t.Helper()
	conn, err := net.Dial("unixgram", d.socket)
	if err == nil {
		_, err = conn.Write([]byte(message))
		err = errors.Join(err, conn.Close())
	}
	if err != nil {
		d.place.t.Fatal(err)
	}
}

// lines returns those of a file that contain a text.
func lines(t *testing.T, path, text string) []string {
	t.Helper()
	content, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for line := range strings.Lines(string(content)) {
		if strings.Contains(line, text) {
			found = append(found, strings.TrimSuffix(line, "\n"))
		}
	}
	return found
}
