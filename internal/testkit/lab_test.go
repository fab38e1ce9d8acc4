package testkit

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
)

func TestLabHasIdentity(t *testing.T) {
	start := time.Now()
	l := NewLab(t, WithBridge())
	t.Logf("lab built in %s", time.Since(start))
	seen := map[uint64]bool{}
	for _, n := range l.Nodes() {
		if n.Inode == 0 || n.Cookie == 0 || seen[n.Inode] || seen[n.Cookie] {
			t.Errorf("%s: inode %d, cookie %d: not an identity", n.Role, n.Inode, n.Cookie)
		}
		seen[n.Inode], seen[n.Cookie] = true, true
		var stat unix.Stat_t
		if err := unix.Stat(n.Path, &stat); err != nil || stat.Ino != n.Inode {
			t.Errorf("%s: %s is inode %d (%v), want %d", n.Role, n.Path, stat.Ino, err, n.Inode)
		}
	}
	if len(l.Nodes()) != 4 {
		t.Errorf("%d namespaces, want 4", len(l.Nodes()))
	}
}

func TestLabLeavesNothingBehind(t *testing.T) {
	var names []string
	t.Run("lab", func(t *testing.T) {
		l := NewLab(t)
		late, err := l.NewNode("late")
		if err != nil {
			t.Fatal(err)
		}
		early, err := l.NewNode("early")
		if err != nil {
			t.Fatal(err)
		}
		l.RemoveNode(early)
		if _, err := os.Stat(early.Path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there: %v", early.Path, err)
		}
		if l.nodeOf(late.Inode) != late || l.nodeOf(early.Inode) == early {
			t.Error("the lab does not know its namespaces")
		}
		for _, n := range l.Nodes() {
			names = append(names, n.Path)
		}
	})
	if len(names) != 4 {
		t.Fatalf("%d namespaces, want 4", len(names))
	}
	for _, path := range names {
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there: %v", path, err)
		}
	}
}

func TestLeftoversOfTheDeadAreRemoved(t *testing.T) {
	l := NewLab(t)
	// A process that has been waited for is dead for certain.
	cmd := exec.Command("true")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	dead := fmt.Sprintf("%s%d-1-client", namePrefix, cmd.Process.Pid)
	fd, err := newNamespace(dead)
	if err != nil {
		t.Fatal(err)
	}
	closeFD(fd)
	removeLeftovers()
	if _, err := os.Stat(filepath.Join(netnsDir, dead)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("leftover %s is still there: %v", dead, err)
	}
	if _, err := os.Stat(l.Client.Path); err != nil {
		t.Errorf("a living lab lost its namespace: %v", err)
	}
}

func TestDoRunsInsideAndComesBack(t *testing.T) {
	l := NewLab(t)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	own := inode(t)
	var inside uint64
	if err := l.Client.Do(func() error {
		inside = inode(t)
		// A namespace inside a namespace runs elsewhere and disturbs nothing.
		if err := l.Server.Do(func() error { return nil }); err != nil {
			return err
		}
		if again := inode(t); again != inside {
			return fmt.Errorf("moved from %d to %d", inside, again)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if inside != l.Client.Inode {
		t.Errorf("ran in %d, want %d", inside, l.Client.Inode)
	}
	if now := inode(t); now != own {
		t.Errorf("own namespace is %d now, was %d", now, own)
	}
	for range 50 {
		if err := l.Server.Do(func() error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	err := l.Server.Do(func() error { runtime.Goexit(); return nil })
	if !errors.Is(err, errGoexit) {
		t.Errorf("ending the goroutine gave %v", err)
	}
}

func TestMakersActInALateNamespace(t *testing.T) {
	l := NewLab(t)
	late, err := l.NewNode("late")
	if err != nil {
		t.Fatal(err)
	}
	o := newObserver(t, l)
	for _, family := range []reset.Family{reset.IPv4, reset.IPv6} {
		expects, err := Lookup(t, "closed-port").MakeInside(late, family, 2)
		if err != nil {
			t.Fatal(err)
		}
		if Total(expects) != 4 || expects[0].Node != late {
			t.Errorf("expected 4 records in %s: %v", late.Role, expects)
		}
		o.seen = nil
		l.AwaitCompare(t, expects, 0, func() []Observation {
			if err := o.read(); err != nil {
				t.Fatal(err)
			}
			return o.observations()
		})
	}
	if _, err := Lookup(t, "reject-forward-nftables").MakeInside(late, reset.IPv4, 1); err == nil {
		t.Error("a maker acted where it cannot")
	}
}

func inode(t *testing.T) uint64 {
	var stat unix.Stat_t
	if err := unix.Stat("/proc/thread-self/ns/net", &stat); err != nil {
		t.Error(err)
	}
	return stat.Ino
}

func TestCountersAreParsed(t *testing.T) {
	tests := []struct {
		name, text, err string
		want            uint64
	}{
		{"two groups", "Tcp: A OutRsts\nTcp: 1 42\nIp: X\nIp: 3\n", "", 42},
		{"negative limit", "Tcp: MaxConn OutRsts\nTcp: -1 7\n", "", 7},
		{"values missing", "Tcp: OutRsts\n", "has no values", 0},
		{"other group", "Tcp: OutRsts\nIp: 1\n", "does not fit", 0},
		{"too few", "Tcp: A OutRsts\nTcp: 1\n", "does not fit", 0},
		{"no number", "Tcp: OutRsts\nTcp: x\n", "TcpOutRsts", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := Counters{}
			err := c.parse([]byte(test.text))
			if test.err == "" && err != nil || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
				t.Fatalf("error is %v, want %q", err, test.err)
			}
			if c["TcpOutRsts"] != test.want {
				t.Errorf("TcpOutRsts is %d, want %d", c["TcpOutRsts"], test.want)
			}
		})
	}
}
