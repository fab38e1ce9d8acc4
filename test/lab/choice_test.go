package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// TestOnlyWhatIsWanted: FILTER and --netns, each with the resets that it lets
// through, and those that it does not.
func TestOnlyWhatIsWanted(t *testing.T) {
	lab := testkit.NewLab(t)
	maker := testkit.Lookup(t, "closed-port")
	out := func(e testkit.Expect) bool { return e.Direction == reset.Out }
	tests := []struct {
		name   string
		nodes  []*testkit.Node
		filter string
		wanted func(testkit.Expect) bool
	}{
		{"one namespace", []*testkit.Node{lab.Router}, "", func(e testkit.Expect) bool { return e.Node == lab.Router }},
		{"verdict", lab.Nodes(), "sender local-kernel and direction out and ip6", func(e testkit.Expect) bool {
			return out(e) && e.Src.Addr().Is6()
		}},
		{"nothing", lab.Nodes(), "host 192.0.2.1", func(testkit.Expect) bool { return false }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := newPlace(t)
			args := only(test.nodes...)
			if test.filter != "" {
				args = append(args, test.filter)
			}
			d := start(t, p, args...)
			var wanted []testkit.Expect
			all := 0
			for _, scene := range lab.Scenes() {
				for _, e := range testkit.Visible(maker.MustMake(t, lab, scene, 2), seenByBPF) {
					all++
					if test.wanted(e) {
						wanted = append(wanted, e)
					}
				}
			}
			if len(wanted) == all {
				t.Fatal("everything is wanted: nothing is tested")
			}
			ledger := d.stop()
			lab.Compare(t, wanted, p.resets(t))
			if ledger.Host.Written != uint64(testkit.Total(wanted)) {
				t.Errorf("ledger %+v, want %d written", ledger.Host, testkit.Total(wanted))
			}
		})
	}
}

// TestNetnsByName takes a namespace by the name that ip netns gave it.
func TestNetnsByName(t *testing.T) {
	lab := testkit.NewLab(t)
	p := newPlace(t)
	d := start(t, p, "--netns", lab.Server.Name)
	var wanted []testkit.Expect
	for _, e := range testkit.Visible(testkit.Lookup(t, "closed-port").MustMake(t, lab, lab.Scenes()[0], 2), seenByBPF) {
		if e.Node == lab.Server {
			wanted = append(wanted, e)
		}
	}
	d.stop()
	records := p.resets(t)
	lab.Compare(t, wanted, records)
	for _, r := range records {
		if r.Netns.Name != lab.Server.Name {
			t.Errorf("the record's namespace is called %q, want %q", r.Netns.Name, lab.Server.Name)
		}
	}
	_, problems, err := p.command([]string{"run", "--netns", "no-such-namespace"})
	if status(err) != 2 || !strings.Contains(problems, "no-such-namespace") {
		t.Errorf("an unknown namespace: %v, said %q", err, problems)
	}
}

// TestNetnsThatIsNotThere: a number that no namespace has is told, since
// nothing would ever be seen.
func TestNetnsThatIsNotThere(t *testing.T) {
	testkit.RequireRoot(t)
	p := newPlace(t)
	d := start(t, p, "--sensor", "packet", "--netns", "99")
	const want = "no network namespace with the number 99"
	if r := p.doctor(t); len(r.Problems) != 1 || !strings.Contains(r.Problems[0], want) {
		t.Errorf("doctor says %q, want %q", r.Problems, want)
	}
	d.stop()
	_, problems, err := p.command([]string{"live", "--sensor", "packet", "--netns", "99", "--duration", "10ms"})
	if err != nil || !strings.Contains(problems, want) {
		t.Errorf("live: %v, said %q", err, problems)
	}
}

// TestRulesDecide records what the classic set-up's own rules log: its file is
// taken unchanged.
func TestRulesDecide(t *testing.T) {
	lab := testkit.NewLab(t)
	rules := filepath.Join("..", "..", "internal", "rules", "testdata", "drds_filter.conf")
	p := newPlace(t)
	classic := p.path("classic.log")
	d := start(t, p, append(only(lab.Nodes()...), "--rules", rules, "--classic", classic)...)
	var wanted []testkit.Expect
	for _, scene := range lab.Scenes() {
		for _, e := range testkit.Visible(testkit.Lookup(t, "unread-data").MustMake(t, lab, scene, 2), seenByBPF) {
			// INPUT and OUTPUT of IPv4; the ports of the lab are never 3406.
			if e.Direction != reset.Forward && e.Src.Addr().Is4() {
				wanted = append(wanted, e)
			}
		}
	}
	d.stop()
	if !strings.Contains(d.stderr(), "the file is for IPv4") {
		t.Errorf("nobody was told that IPv6 is left out: %q", d.stderr())
	}
	lab.Compare(t, wanted, p.resets(t))
	text := read(t, classic)
	if got := strings.Count(text, " [drds] IN="); got != testkit.Total(wanted) {
		t.Errorf("%d classic lines, want %d:\n%s", got, testkit.Total(wanted), text)
	}
	if strings.Count(text, " SEQ=") != testkit.Total(wanted) {
		t.Errorf("the rules ask for --log-tcp-sequence:\n%s", text)
	}
}

// TestLightSensorSaysWhatItMisses: without a packet hook, TCP's own resets are
// seen, the others are not, and doctor and coverage say so.
func TestLightSensorSaysWhatItMisses(t *testing.T) {
	lab := testkit.NewLab(t)
	p := newPlace(t)
	d := start(t, p, append(only(lab.Nodes()...), "--sensor", "bpf-light")...)
	scene := lab.Scenes()[0]
	made := testkit.Lookup(t, "unread-data").MustMake(t, lab, scene, 3)
	made = append(made, testkit.Lookup(t, "closed-port").MustMake(t, lab, scene, 3)...)
	testkit.Lookup(t, "reject-input-nftables").MustMake(t, lab, scene, 3)
	r := p.doctor(t)
	if r.Daemon == nil || r.Daemon.Sensor != "bpf-light" || !strings.Contains(r.Daemon.Blind, "forwarded") {
		t.Errorf("doctor says %+v", r.Daemon)
	}
	d.stop()
	records := p.resets(t)
	lab.Compare(t, sentBy(lab.Server, made), slices.DeleteFunc(slices.Clone(records), func(r reset.Reset) bool {
		return r.Direction != reset.Out
	}))
	for _, r := range records {
		if r.Sources.Has(reset.Wire) || r.Packet.TTL.OK && r.Direction == reset.Out {
			t.Errorf("the light sensor says what it cannot know: %+v", r)
		}
		if r.Direction == reset.Forward {
			t.Errorf("the light sensor saw a forwarded RST: %+v", r)
		}
	}
	for _, c := range p.coverage(t, lab.Server) {
		if !slices.Equal(c.Sensors, []string{"bpf-light"}) {
			t.Errorf("coverage names %q", c.Sensors)
		}
	}
}

func sentBy(node *testkit.Node, expects []testkit.Expect) []testkit.Expect {
	return slices.DeleteFunc(slices.Clone(expects), func(e testkit.Expect) bool {
		return e.Node != node || e.Direction != reset.Out
	})
}

// TestUncleanReboot: after a reboot that came shortly after a start, the next
// start leaves the first sensor out, says so, and stays with that.
func TestUncleanReboot(t *testing.T) {
	lab := testkit.NewLab(t)
	p := newPlace(t)
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	state := `{"boot_id":"11111111-2222-3333-4444-555555555555","sensor":"bpf","lower":0,"confirmed":false}` + "\n"
	if err := os.WriteFile(filepath.Join(p.dir, "start.json"), []byte(state), 0o640); err != nil {
		t.Fatal(err)
	}
	for round, want := range []string{"went down uncleanly", "still starting with sensor"} {
		d := start(t, p, only(lab.Nodes()...)...)
		r := p.doctor(t)
		if r.Daemon == nil || r.Daemon.Sensor != "packet" {
			t.Errorf("start %d watches with %+v, want packet", round, r.Daemon)
		}
		if !strings.Contains(strings.Join(r.Problems, "\n"), want) || !strings.Contains(d.stderr(), want) {
			t.Errorf("start %d: doctor says %q, the daemon %q; want %q", round, r.Problems, d.stderr(), want)
		}
		d.stop()
	}
	if err := os.Remove(filepath.Join(p.dir, "start.json")); err != nil {
		t.Fatal(err)
	}
	d := start(t, p, only(lab.Nodes()...)...)
	if r := p.doctor(t); r.Daemon == nil || r.Daemon.Sensor != "bpf" || len(r.Problems) > 0 {
		t.Errorf("with the note removed: %+v", r)
	}
	// A kill of the program is no crash of the machine.
	d.cmd.Process.Kill()
	d.wait()
	d = start(t, p, only(lab.Nodes()...)...)
	if r := p.doctor(t); r.Daemon == nil || r.Daemon.Sensor != "bpf" {
		t.Errorf("after a kill: %+v", r)
	}
	d.stop()
}

// TestFilterTheSensorCannotEvaluate is wrong usage, told before anything is
// written.
func TestFilterTheSensorCannotEvaluate(t *testing.T) {
	testkit.RequireRoot(t)
	for _, words := range [][]string{
		{"run", "--sensor", "packet", "sender local-app"},
		{"live", "--sensor", "packet", "cause no-listener"},
	} {
		p := newPlace(t)
		out, problems, err := p.command(words)
		if status(err) != 2 || out != "" || !strings.Contains(problems, "cannot be evaluated by the sensor packet") {
			t.Errorf("%v: %v, printed %q, said %q", words, err, out, problems)
		}
		if left, err := os.ReadDir(p.dir); err == nil && len(left) > 0 {
			t.Errorf("%v left %s behind", words, fmt.Sprint(left))
		}
	}
}
