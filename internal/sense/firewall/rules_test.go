package firewall

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/netlink/nflog"
	"github.com/rstwatch/rstwatch/internal/netns"
	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// childVariable makes the test binary a sensor of one namespace, to be killed.
const childVariable = "RSTWATCH_TEST_FIREWALL_CHILD"

func TestMain(m *testing.M) {
	if path := os.Getenv(childVariable); path != "" {
		if err := child(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

func child(path string) error {
	n, err := netns.At(path)
	if err != nil {
		return err
	}
	cfg := DefaultConfig()
	cfg.Select = func(other netns.Namespace) bool { return other.ID == n.ID }
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	tracker, err := netns.New(netns.DefaultConfig(), log)
	if err != nil {
		return err
	}
	s, err := New(cfg, Deps{Namespaces: tracker, Log: log})
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	go func() { _ = tracker.Run(ctx) }()
	return s.Run(ctx, func() { fmt.Println("ready") }, func([]reset.Sighting) {})
}

// nft runs nft in a node's namespace.
func nft(t testing.TB, node *testkit.Node, args ...string) string {
	t.Helper()
	out, err := exec.Command("nsenter", append([]string{"--net=/run/netns/" + node.Name, "nft"}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("nft %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

const othersRules = `
table inet filter { chain input { type filter hook input priority 0; policy accept; tcp dport 9 counter reject with tcp reset comment "mine"; }; }
table ip rstwatch { chain output { type filter hook output priority 0; policy accept; }; }
table bridge other { chain forward { type filter hook forward priority 0; policy accept; }; }`

func TestRulesOfOthersUntouched(t *testing.T) {
	lab := testkit.NewLab(t)
	nft(t, lab.Server, othersRules)
	before := nft(t, lab.Server, "-s", "-a", "list", "ruleset")
	cfg := DefaultConfig()
	cfg.Select, cfg.Bridge = only(lab), true
	_, _, stop := start(t, cfg)
	during := nft(t, lab.Server, "-s", "-a", "list", "ruleset")
	t.Log(during)
	wanted := []string{"table inet rstwatch", "table bridge rstwatch", "tcp flags & rst == rst"}
	if !testkit.Running(t).Before(testkit.Release{Major: 5, Minor: 12}) { // tables have owners since
		wanted = append(wanted, "flags owner")
	}
	for _, want := range wanted {
		if !strings.Contains(during, want) {
			t.Errorf("rules while running lack %q", want)
		}
	}
	stop()
	if diff := cmp.Diff(before, nft(t, lab.Server, "-s", "-a", "list", "ruleset")); diff != "" {
		t.Errorf("rules after (-before +after):\n%s", diff)
	}
	if got := nft(t, lab.Client, "list", "ruleset"); got != "" {
		t.Errorf("rules left in a namespace that had none:\n%s", got)
	}
}

// TestKilled: kill -9 leaves nothing.
func TestKilled(t *testing.T) {
	lab := testkit.NewLab(t)
	nft(t, lab.Server, othersRules)
	before := nft(t, lab.Server, "-s", "-a", "list", "ruleset")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+lab.Server.Path)
	cmd.Stderr = t.Output()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || line != "ready\n" {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		t.Fatalf("child says %q: %v", line, err)
	}
	during := nft(t, lab.Server, "-s", "-a", "list", "ruleset")
	if !strings.Contains(during, "table inet rstwatch") {
		t.Errorf("no table while the child runs:\n%s", during)
	}
	// While it lives, a second instance must not take its table.
	err = lab.Server.Do(func() error { _, err := removeStale(); return err })
	var taken *TableTakenError
	if !errors.As(err, &taken) {
		t.Errorf("removing a living instance's table: %v, want TableTakenError", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	deadline := time.Now().Add(10 * time.Second)
	for after := ""; ; {
		after = nft(t, lab.Server, "-s", "-a", "list", "ruleset")
		if after == before {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("rules after kill -9 (-before +after):\n%s", cmp.Diff(before, after))
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// TestStale: what is removed at a start, and what is not, where the kernel
// knows no owners of tables.
func TestStale(t *testing.T) {
	lab := testkit.NewLab(t)
	const dead = "rstwatch pid 999999999 started 5"
	plain := func(comment string) func() error {
		return func() error {
			made, err := writeTable(DefaultConfig(), []uint8{unix.NFPROTO_INET}, comment, false)
			if err != nil {
				return err
			}
			return made.conn.Close() // and not made.close: the table stays
		}
	}
	tests := []struct {
		name    string
		make    func() error
		removed int
		taken   bool
	}{
		{"none", func() error { return nil }, 0, false},
		{"of a dead instance", plain(dead), 1, false},
		{"of our own process", plain(comment(os.Getpid())), 1, false},
		{"of a living process", plain(comment(os.Getppid())), 0, true},
		{"of a process number used again", plain(fmt.Sprintf("rstwatch pid %d started 1", os.Getppid())), 1, false},
		{"somebody else's rules", plain("my own table"), 0, true},
		{"somebody else's empty table", func() error { return exec.Command("nft", "add table inet rstwatch").Run() }, 0, true},
		{"ours with a rule of somebody else", func() error {
			return errors.Join(plain(dead)(), exec.Command("nft", "add rule inet rstwatch input counter").Run())
		}, 0, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			removed := 0
			if err := lab.Server.Do(tt.make); err != nil {
				t.Fatal(err)
			}
			before := nft(t, lab.Server, "list", "ruleset")
			err := lab.Server.Do(func() (err error) { removed, err = removeStale(); return err })
			var taken *TableTakenError
			if removed != tt.removed || errors.As(err, &taken) != tt.taken || (err != nil) != tt.taken {
				t.Errorf("removed %d, %v, want %d and taken %v", removed, err, tt.removed, tt.taken)
			}
			after := nft(t, lab.Server, "list", "ruleset")
			if tt.taken && after != before || !tt.taken && after != "" {
				t.Errorf("rules after:\n%s", after)
			}
			nft(t, lab.Server, "flush ruleset")
		})
	}
}

// TestPlainTable: where the kernel knows no owners, the table goes at exit.
func TestPlainTable(t *testing.T) {
	lab := testkit.NewLab(t)
	var made *table
	err := lab.Server.Do(func() (err error) {
		made, err = writeTable(DefaultConfig(), []uint8{unix.NFPROTO_INET, unix.NFPROTO_BRIDGE}, comment(os.Getpid()), false)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := nft(t, lab.Server, "list", "ruleset"); !strings.Contains(got, `comment "rstwatch pid`) {
		t.Errorf("rules bear no comment:\n%s", got)
	}
	if err := made.close(); err != nil {
		t.Fatal(err)
	}
	if got := nft(t, lab.Server, "list", "ruleset"); got != "" {
		t.Errorf("rules left:\n%s", got)
	}
}

func TestCountLost(t *testing.T) {
	s := &Sensor{}
	w := &watch{sensor: s, next: reset.Some(uint32(0))}
	for _, sequence := range []uint32{0, 1, 5, 6, 4294967295, 0} {
		if sequence == 4294967295 {
			w.next = reset.Some(uint32(4294967290))
		}
		w.countLost(&nflog.Packet{Sequence: reset.Some(sequence)})
	}
	if got := s.Counts(); got.Lost != 3+5 || got.Seen != 3+5 {
		t.Errorf("counts %+v, want 8 lost and 8 seen", got)
	}
	if w.countLost(&nflog.Packet{}); w.lost.Load() != 8 {
		t.Error("a packet without number counts")
	}
}

func TestProbe(t *testing.T) {
	testkit.RequireRoot(t)
	s, err := New(DefaultConfig(), Deps{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	before, err := exec.Command("nft", "list", "ruleset").CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Probe(); err != nil {
		t.Error(err)
	}
	after, err := exec.Command("nft", "list", "ruleset").CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(before), string(after)); diff != "" {
		t.Errorf("rules (-before +after):\n%s", diff)
	}
}
