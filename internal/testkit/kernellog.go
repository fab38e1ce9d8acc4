package testkit

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// KernelLog follows /dev/kmsg from where it stood when the test began. While
// it is open the kernel's LOG target speaks in every network namespace.
//
// The kernel's log is one for the whole machine: use prefixes that nobody else
// has.
type KernelLog struct {
	file *os.File

	mu      sync.Mutex
	lines   []string
	overrun bool
}

// nfLogAllNetns lets LOG rules in network namespaces write to the kernel log.
const nfLogAllNetns = "/proc/sys/net/netfilter/nf_log_all_netns"

// OpenKernelLog opens the kernel's log for the time of the test, and restores
// the sysctl that it sets. It needs root.
func OpenKernelLog(t testing.TB) *KernelLog {
	t.Helper()
	RequireRoot(t)
	old, err := os.ReadFile(nfLogAllNetns)
	if err == nil {
		err = os.WriteFile(nfLogAllNetns, []byte("1"), 0o644)
	}
	if err != nil {
		t.Fatalf("letting namespaces log: %v", err)
	}
	t.Cleanup(func() {
		if err := os.WriteFile(nfLogAllNetns, old, 0o644); err != nil {
			t.Errorf("restoring nf_log_all_netns: %v", err)
		}
	})
	file, err := os.OpenFile("/dev/kmsg", os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatalf("opening the kernel's log: %v", err)
	}
	if _, err := file.Seek(0, 2); err != nil {
		t.Fatalf("seeking to the end of the kernel's log: %v", err)
	}
	k := &KernelLog{file: file}
	done := make(chan struct{})
	go k.follow(done)
	t.Cleanup(func() {
		file.Close()
		<-done
	})
	return k
}

// follow reads record by record: one read returns one.
func (k *KernelLog) follow(done chan<- struct{}) {
	defer close(done)
	buffer := make([]byte, 8192)
	for {
		n, err := k.file.Read(buffer)
		switch {
		case errors.Is(err, unix.EPIPE): // records were overwritten before they were read
			k.mu.Lock()
			k.overrun = true
			k.mu.Unlock()
			continue
		case err != nil:
			return
		}
		_, text, ok := bytes.Cut(buffer[:n], []byte{';'})
		if !ok {
			continue
		}
		text, _, _ = bytes.Cut(text, []byte{'\n'})
		k.mu.Lock()
		k.lines = append(k.lines, unescape(string(text)))
		k.mu.Unlock()
	}
}

// Lines returns the texts so far that contain the marker, in order.
func (k *KernelLog) Lines(marker string) []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var found []string
	for _, line := range k.lines {
		if strings.Contains(line, marker) {
			found = append(found, line)
		}
	}
	return found
}

// Await waits until at least n texts with the marker are there and returns
// all. It fails the test after ten seconds, or if the log was overrun.
func (k *KernelLog) Await(t testing.TB, marker string, n int) []string {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		lines := k.Lines(marker)
		k.mu.Lock()
		overrun := k.overrun
		k.mu.Unlock()
		switch {
		case overrun:
			t.Fatal("the kernel's log was overrun: lines are lost")
		case len(lines) >= n:
			return lines
		case time.Now().After(deadline):
			t.Fatalf("%d lines with %q in the kernel's log, want %d", len(lines), marker, n)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// unescape undoes the \xNN of /dev/kmsg.
func unescape(text string) string {
	if !strings.Contains(text, `\x`) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if strings.HasPrefix(text[i:], `\x`) && i+4 <= len(text) {
			if v, err := strconv.ParseUint(text[i+2:i+4], 16, 8); err == nil {
				b.WriteByte(byte(v))
				i += 3
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}
