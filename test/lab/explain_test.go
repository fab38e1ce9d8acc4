package lab

import (
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rstwatch/rstwatch/internal/causes"
	"github.com/rstwatch/rstwatch/internal/explain"
	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// explained runs explain, which must end with the status, and returns what it
// printed.
func (p place) explained(t *testing.T, want int, args ...string) string {
	t.Helper()
	out, problems, err := p.command(append([]string{"explain"}, args...))
	if status(err) != want || want == 0 && problems != "" {
		t.Fatalf("explain %q ended with %v, want status %d\n%s%s", args, err, want, out, problems)
	}
	return out
}

func contains(t *testing.T, text string, wanted ...string) {
	t.Helper()
	for _, want := range wanted {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
}

// sentByServer makes a RST of each kind and waits for the server's record of the
// first, and for nothing more to come of it.
func sentByServer(t *testing.T, lab *testkit.Lab, p place, kinds ...string) (list []reset.Reset) {
	t.Helper()
	var all [][]testkit.Expect
	for i, kind := range kinds {
		all = append(all, testkit.Visible(testkit.Lookup(t, kind).MustMake(t, lab, lab.Scenes()[i], 1), seenByBPF))
	}
	lab.AwaitCompare(t, slices.Concat(all...), settled, p.observed(t))
	for _, expects := range all {
		list = append(list, p.final(t, lab, expects))
	}
	return list
}

// final waits for the server's last revision of one of these.
func (p place) final(t *testing.T, lab *testkit.Lab, expects []testkit.Expect) (found reset.Reset) {
	t.Helper()
	until(t, "the final record of the server", func() bool {
		for _, r := range p.resets(t) {
			if r.Direction == reset.Out && r.Netns.ID == lab.Server.Inode && r.Final && isOne(expects, &r) {
				found = r
				return true
			}
		}
		return false
	})
	return found
}

func isOne(expects []testkit.Expect, r *reset.Reset) bool {
	for _, e := range expects {
		if e.Src.Equal(r.Src) && e.Dst.Equal(r.Dst) {
			return true
		}
	}
	return false
}

// TestExplain asks about real resets in each way that there is, and about a
// connection without one: while somebody watches, afterwards, and over a time
// in which nobody did.
func TestExplain(t *testing.T) {
	lab := testkit.NewLab(t)
	p := newPlace(t)
	d := start(t, p, only(lab.Nodes()...)...)
	made := sentByServer(t, lab, p, "unread-data", "closed-port")
	unread, refused := made[0], made[1]

	story := p.explained(t, 0, "#"+unread.ID.Short())
	contains(t, story, "Reset "+unread.ID.Short(), unread.Src.String()+" > "+unread.Dst.String(),
		"WHO   local-app ", "WHY   unread-data ", "kernel-reason: TCP_ABORT_ON_CLOSE", "RST,ACK leaves", "the same packet at its other end",
		"not read", "What to do", "nstat -az", "docs/causes/unread-data.md")
	for _, words := range [][]string{{unread.ID.String()}, {unread.ID.Short()[1:]}} {
		if again := p.explained(t, 0, words...); again != story {
			t.Errorf("explain %q says:\n%s\nand with #:\n%s", words, again, story)
		}
	}
	for _, ends := range [][]string{{unread.Src.String(), unread.Dst.String()}, {unread.Dst.String(), unread.Src.String()}} {
		text := p.explained(t, 0, ends...)
		contains(t, text, "3 resets fit", "* #"+unread.ID.Short())
		if !strings.HasSuffix(text, "\n"+story) {
			t.Errorf("explain %q tells another story:\n%s", ends, text)
		}
	}
	contains(t, p.explained(t, 0, refused.Src.String(), refused.Dst.Addr().String()), "WHY   no-listener ", "SYN arrives")
	contains(t, p.explained(t, 0, "-o", "json", "#"+refused.ID.Short()), `"id":"`+refused.ID.String()+`"`, `"why":{"word":"no-listener","confidence":"certain"`)

	piped := p.pipe(t, lab)
	contains(t, piped["text"], "\nWHY   no-listener ", "Time line")
	contains(t, piped["json"], "\nWHY   no-listener ", "Time line")

	server, client := unread.Src.String(), reset.EndpointFrom(unread.Dst.Addr(), 1).String()
	contains(t, p.explained(t, 0, server, client), "No RST between "+server+" and "+client, "on other ports", "#"+unread.ID.Short())
	d.stop()
	contains(t, p.explained(t, 0, server, client), "passed in the namespaces watched", "watching throughout", "lost.", "not the host's own namespace")
	p.unwatched(t, lab, server)
}

// pipe explains what live tells, as text and as JSON.
func (p place) pipe(t *testing.T, lab *testkit.Lab) map[string]string {
	t.Helper()
	told := make(map[string]string)
	outputs := []string{"text", "json"}
	ended := make(chan error, len(outputs))
	for _, output := range outputs {
		out, err := os.Create(p.path("piped-" + output))
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		args := strings.Join(p.arguments(), " ")
		cmd := exec.Command("bash", "-c", "set -o pipefail; "+program+" live "+args+" --socket "+p.socket+
			" --duration 30s -n 1 -o "+output+" 'direction out' | "+program+" explain "+args)
		cmd.Stdout = out
		cmd.Stderr = out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		go func() { ended <- cmd.Wait() }()
	}
	until(t, "the readers", func() bool { return streams(t, p) == len(outputs) })
	// A reader that is connected need not be served yet: resets are made until both
	// have seen one.
	for left := len(outputs); left > 0; {
		testkit.Lookup(t, "closed-port").MustMake(t, lab, lab.Scenes()[0], 1)
		select {
		case err := <-ended:
			left--
			if err != nil {
				t.Errorf("the pipe: %v", err)
			}
		case <-time.After(100 * time.Millisecond):
		}
	}
	for _, output := range outputs {
		text, err := os.ReadFile(p.path("piped-" + output))
		if err != nil {
			t.Fatal(err)
		}
		told[output] = string(text)
	}
	return told
}

// unwatched asks about a reset that came while the daemon was stopped.
func (p place) unwatched(t *testing.T, lab *testkit.Lab, server string) {
	t.Helper()
	missed := testkit.Lookup(t, "closed-port").MustMake(t, lab, lab.Scenes()[0], 1)[0]
	moment := time.Now().UTC().Format(time.RFC3339Nano)
	start(t, p, only(lab.Nodes()...)...).stop()
	text := p.explained(t, 1, missed.Src.String(), missed.Dst.String())
	contains(t, text, "not watched throughout", "gap, ", "the daemon was stopped")
	text = p.explained(t, 1, missed.Src.String(), missed.Dst.String(), "--around", moment, "--within", "1ms")
	contains(t, text, "nobody was watching", "the daemon was stopped")
}

// TestCommandsOfPages runs commands that the pages give, of the programs that
// every host has, in a namespace: each must be one that its program takes.
func TestCommandsOfPages(t *testing.T) {
	lab := testkit.NewLab(t)
	ran := make(map[string]bool)
	for _, page := range causes.All() {
		for _, src := range []string{"10.77.2.2:3306", "[fd77:2::2]:3306"} {
			for _, direction := range []reset.Direction{reset.Out, reset.In} {
				r := reset.Reset{Direction: direction, Cause: page.Cause, Time: reset.TimeOf(time.Now()), Src: endOf(src), Dst: endOf(src)}
				for _, c := range explain.Tell(&r, nil, explain.Setting{}).Next {
					program, _, _ := strings.Cut(c.Command, " ")
					if !slices.Contains([]string{"ss", "nstat"}, program) || ran[c.Command] {
						continue
					}
					ran[c.Command] = true
					out, err := exec.Command("nsenter", "--net="+lab.Server.Path, "bash", "-c", c.Command).CombinedOutput()
					if err != nil || strings.Contains(string(out), "annot parse") || strings.Contains(string(out), "Error") {
						t.Errorf("%s: %v\n%s", c.Command, err, out)
					}
				}
			}
		}
	}
	if len(ran) < 20 {
		t.Errorf("%d commands", len(ran))
	}
}

func endOf(text string) reset.Endpoint {
	a := netip.MustParseAddrPort(text)
	return reset.EndpointFrom(a.Addr(), a.Port())
}
