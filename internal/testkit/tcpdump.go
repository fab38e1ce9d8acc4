package testkit

import (
	"bufio"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// Tcpdump captures on a device of the node into a file, with further arguments,
// and returns once it does. It fails the test, or skips it where no program is
// required, if there is no tcpdump. What it said is returned when it is stopped;
// the file is whole then but for packets that still were in its buffer.
func Tcpdump(t testing.TB, n *Node, device, path string, arguments ...string) (stop func() string) {
	t.Helper()
	if _, err := exec.LookPath("tcpdump"); err != nil {
		if Required() {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	fixed := []string{"--net=" + n.Path, "tcpdump", "-i", device, "-U", "--immediate-mode", "-B", "65536", "-Z", "root", "-w", path}
	cmd := exec.Command("nsenter", append(fixed, arguments...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(stderr)
	for line := ""; !strings.Contains(line, "listening on"); {
		if line, err = lines.ReadString('\n'); err != nil {
			t.Fatalf("starting tcpdump: %v", err)
		}
	}
	rest := make(chan []byte, 1)
	go func() { text, _ := io.ReadAll(lines); rest <- text }()
	said, stopped := "", false
	stop = func() string {
		if stopped {
			return said
		}
		stopped = true
		_ = cmd.Process.Signal(syscall.SIGINT)
		text := <-rest
		if err := cmd.Wait(); err != nil {
			t.Errorf("tcpdump: %v: %s", err, text)
		}
		said = string(text)
		return said
	}
	t.Cleanup(func() { stop() })
	return stop
}
