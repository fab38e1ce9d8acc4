package verdicts

import (
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// fromFile is the sensor that is none: tcpdump writes what one device of an end
// sees, and "rstwatch read" judges the file.
const fromFile = "read"

// dumped are the device and the addresses of the ends that are captured.
var dumped = map[string]struct {
	device  string
	vantage []string
}{
	"client": {"c0", []string{"10.77.1.2", "fd77:1::2"}},
	"server": {"s0", []string{"10.77.2.2", "fd77:2::2"}},
}

func (w *watcher) file() string { return filepath.Join(w.dir, "capture.pcap") }

// dump starts tcpdump.
func (w *watcher) dump(t *testing.T) {
	t.Helper()
	w.cmd = exec.Command("nsenter", "--net="+w.nodes[0].Path, "tcpdump", "-i", dumped[w.of].device, "-U",
		"--immediate-mode", "-B", "65536", "-s", "256", "-Z", "root", "-w", w.file(), "tcp")
	w.run(t)
}

// dumps reports whether tcpdump captures.
func (w *watcher) dumps() bool { return strings.Contains(w.stderr(), "listening on") }

// readFile are the records that the file gives.
func (w *watcher) readFile(t *testing.T) []reset.Reset {
	t.Helper()
	out, err := exec.Command(program, "read", "--config", "/dev/null", "--output", "json",
		"--vantage", strings.Join(dumped[w.of].vantage, ","), w.file()).Output()
	if err != nil {
		t.Fatalf("reading the file of %s: %v", w, err)
	}
	records := lastRevisions(t, string(out))
	for i := range records {
		// A file does not say in which namespace it was written.
		records[i].Netns.ID = w.nodes[0].Inode
	}
	return records
}

// passed reports whether a RST of these ends passed the captured device.
func (w *watcher) passed(src, dst reset.Endpoint) bool {
	beside := netip.MustParsePrefix("10.77.3.0/24")
	beside6 := netip.MustParsePrefix("fd77:3::/64")
	for _, end := range []reset.Endpoint{src, dst} {
		if end.Addr().IsLoopback() || beside.Contains(end.Addr()) || beside6.Contains(end.Addr()) {
			return false
		}
	}
	return true
}

// run starts the watcher's program.
func (w *watcher) run(t *testing.T) {
	t.Helper()
	w.cmd.Stderr = w
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if w.cmd.Env == nil {
		w.cmd.Env = os.Environ()
	}
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { w.ended <- w.cmd.Wait() }()
	t.Cleanup(func() { _ = w.cmd.Process.Kill() })
}
