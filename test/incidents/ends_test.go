package incidents

import (
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// dump captures the TCP packets of a device; stop ends it.
func dump(t *testing.T, n *testkit.Node, device string) (path string, stop func() string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), n.Role+".pcap")
	return path, testkit.Tcpdump(t, n, device, path, "-s", "256", "tcp")
}

// drain waits until what was captured is in the files: a SYN to port 1 is sent
// last.
func drain(t *testing.T, lab *testkit.Lab, files ...string) {
	t.Helper()
	_ = lab.Client.Do(func() error {
		c, err := net.DialTimeout("tcp", "10.77.2.2:1", 100*time.Millisecond)
		if err == nil {
			c.Close()
		}
		return err
	})
	for _, file := range files {
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			out, _ := exec.Command("tcpdump", "-n", "-r", file, "dst port 1").Output()
			if len(out) > 0 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: the last packet does not come", file)
			}
		}
	}
}

// TestBothEndsInFiles captures at both ends, and wants of each reset what became
// of it between them: the second case of plantegg's, which nothing else can tell,
// beside one that was sent and arrived, and one that a router dropped.
func TestBothEndsInFiles(t *testing.T) {
	tests := []struct {
		kind string
		rule string // of the router
		// What is said of each RST, at the end where it is: by the source's role.
		want map[string][]string
	}{
		{"unread-data", "", map[string][]string{"server": {"sent at the right end, seen to arrive at the left end"}}},
		{"unread-data", "tcp flags & rst == rst drop", map[string][]string{"server": {"sent at the right end, and never arrived at the left end"}}},
		{"path-rewritten", "", map[string][]string{"server": {"arrived at the left end, and the right end, where its source is, never sent it"}}},
	}
	for _, test := range tests {
		name := test.kind
		if test.rule != "" {
			name += " that is dropped"
		}
		t.Run(name, func(t *testing.T) {
			lab := testkit.NewLab(t)
			left, stopLeft := dump(t, lab.Client, "c0")
			right, stopRight := dump(t, lab.Server, "s0")
			scene := testkit.Scene{Family: reset.IPv4, Route: testkit.Routed}
			makeBehind(t, lab, test.kind, test.rule, scene)
			drain(t, lab, left, right)
			stopLeft()
			stopRight()
			out, err := exec.Command(program, "read", "--config", "/dev/null", "--output", "json", "--left", left, "--right", right, "not port 1").Output()
			if err != nil {
				t.Fatalf("%v: %s", err, stderrOf(err))
			}
			records := lastRevisions(t, string(out))
			told := 0
			for i := range records {
				r := &records[i]
				want := test.want["server"]
				if addr := r.Src.Addr().String(); !strings.HasPrefix(addr, "10.77.2.") {
					continue // an answer of the client's kernel
				}
				told++
				if !slices.ContainsFunc(r.Evidence, func(e reset.Evidence) bool { return strings.HasPrefix(e.Value, want[0]) }) {
					t.Errorf("want %q\n%s", want[0], line(r))
				}
				checkSides(t, r, test.kind)
			}
			if told == 0 {
				t.Errorf("no record\n%s", out)
			}
			text, err := exec.Command(program, "read", "--config", "/dev/null", "--left", left, "--right", right, "not port 1").Output()
			if err != nil || !strings.Contains(string(text), "both ends: "+test.want["server"][0]) {
				t.Errorf("the text does not say so: %v\n%s", err, text)
			}
		})
	}
}

// makeBehind plays a maker, perhaps while the router filters what it forwards: a
// maker then may wait in vain for its reset.
func makeBehind(t *testing.T, lab *testkit.Lab, kind, rule string, scene testkit.Scene) {
	t.Helper()
	if rule == "" {
		testkit.Lookup(t, kind).MustMake(t, lab, scene, 3)
		return
	}
	err := lab.Router.Do(func() error {
		cmd := exec.Command("nft", "-f", "-")
		cmd.Stdin = strings.NewReader("table inet cut {\nchain f {\ntype filter hook forward priority 0\n" + rule + "\n}\n}\n")
		cmd.Stderr = os.Stderr
		return cmd.Run()
	})
	if err != nil {
		t.Fatal(err)
	}
	_, _ = testkit.Lookup(t, kind).Make(lab, scene, 1)
}

// checkSides wants the verdict to be of what both ends show.
func checkSides(t *testing.T, r *reset.Reset, kind string) {
	t.Helper()
	switch {
	case kind == "path-rewritten" && r.Direction == reset.In:
		if r.Sender != reset.Path || r.Cause != reset.Forged || r.Confidence.Sender == reset.Certain {
			t.Errorf("said %s (%s), %s\n%s", r.Sender, r.Confidence.Sender, r.Cause, line(r))
		}
	case r.Direction == reset.In:
		if r.Sender != reset.Peer || r.Confidence.Sender != reset.Certain {
			t.Errorf("said %s (%s), want peer, certain: it was seen to leave\n%s", r.Sender, r.Confidence.Sender, line(r))
		}
	}
	if _, err := json.Marshal(r); err != nil {
		t.Error(err)
	}
}

func stderrOf(err error) string {
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		return string(exit.Stderr)
	}
	return ""
}
