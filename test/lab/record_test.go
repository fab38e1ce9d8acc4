package lab

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// kinds are resets of every sort: sent by an application, by the kernel, by a
// firewall, by raw and packet sockets; dropped on the way out; received and
// taken, asked back, ignored.
var kinds = []string{
	"unread-data", "linger-zero", "listener-closed", "shutdown-then-data", "time-wait", "half-open", "closed-port",
	"process-killed", "accept-overflow", "output-dropped",
	"reject-input-nftables", "reject-forward-nftables", "reject-bridge", "inject-raw", "inject-packet",
	"forged-exact", "forged-in-window", "forged-below-window",
}

// makeKinds makes n of each kind, in each of its scenes, and returns what shows
// itself at the hooks, but for one kind.
func makeKinds(t *testing.T, lab *testkit.Lab, n int, hooks testkit.Hooks, without string) []testkit.Expect {
	t.Helper()
	var all []testkit.Expect
	for _, kind := range kinds {
		if kind == without {
			continue
		}
		maker := testkit.Lookup(t, kind)
		for _, scene := range maker.ScenesIn(lab) {
			expects, err := maker.Make(lab, scene, n)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, expects...)
		}
	}
	return testkit.Visible(all, hooks)
}

// TestEveryRecordIsThereOnce is the main claim, of the whole program: one
// record a RST, namespace and direction; the text logs say the same; the
// ledger balances and counts what was made.
func TestEveryRecordIsThereOnce(t *testing.T) {
	t.Run("bpf", func(t *testing.T) {
		everyRecord(t, testkit.NewLab(t, testkit.WithBridge()), "bpf", seenByBPF, "")
	})
	t.Run("packet", func(t *testing.T) {
		everyRecord(t, testkit.NewLab(t, testkit.WithBridge()), "packet", testkit.Device|testkit.Bridged, "")
	})
	// Whether a bridge passes packets to netfilter is the machine's setting, and
	// what an earlier rule drops does not reach ours.
	t.Run("nflog", func(t *testing.T) {
		everyRecord(t, testkit.NewLab(t), "nflog", testkit.Inet, "output-dropped")
	})
}

func everyRecord(t *testing.T, lab *testkit.Lab, sensor string, hooks testkit.Hooks, without string) {
	p := newPlace(t)
	classic, lines := p.path("classic.log"), p.path("lines.json")
	d := start(t, p, append(only(lab.Nodes()...), "--sensor", sensor, "--classic", classic, "--json-log", lines)...)
	expects := makeKinds(t, lab, 2, hooks, without)
	lab.AwaitCompare(t, expects, settled, p.observed(t))

	ledger := d.stop()
	records := p.resets(t)
	lab.Compare(t, expects, records)
	if ledger.Host.Written != uint64(len(records)) || ledger.Host.Lost != 0 {
		t.Errorf("the journal has %d resets, the ledger %+v", len(records), ledger.Host)
	}
	p.verify(t)
	if diff := cmp.Diff(p.cat(t), read(t, lines)); diff != "" {
		t.Errorf("the JSON log is not what journal cat prints (-journal +log):\n%s", diff)
	}
	if diff := cmp.Diff(p.cat(t, "-o", "classic"), read(t, classic)); diff != "" {
		t.Errorf("the classic log is not what journal cat renders (-journal +log):\n%s", diff)
	}
	if got := strings.Count(read(t, classic), " [drds] "); got != len(records) {
		t.Errorf("%d classic lines of %d resets", got, len(records))
	}
	for _, r := range records {
		if r.Packet.Raw == nil && r.Sources.Has(reset.Wire) {
			t.Errorf("%s was on the wire, and the record has no raw packet", r.ID)
		}
	}
}

// TestTermLosesNothing stops the daemon the moment the resets are made.
func TestTermLosesNothing(t *testing.T) {
	lab := testkit.NewLab(t)
	for round := range 3 {
		p := newPlace(t)
		d := start(t, p, only(lab.Nodes()...)...)
		scene := lab.Scenes()[round%2]
		expects := testkit.Lookup(t, "closed-port").MustMake(t, lab, scene, 200)
		d.stop()
		lab.Compare(t, testkit.Visible(expects, seenByBPF), p.resets(t))
	}
}

// TestLogsGoOn renames a log under the daemon, as an outside logrotate does,
// then stops and starts it: no line is missing or doubled anywhere.
func TestLogsGoOn(t *testing.T) {
	lab := testkit.NewLab(t)
	p := newPlace(t)
	p.configure(t, "[classic]\nappend_only = false\n[json_log]\nappend_only = false\n")
	classic, lines := p.path("classic.log"), p.path("lines.json")
	args := append(only(lab.Nodes()...), "--classic", classic, "--json-log", lines)
	maker, scene := testkit.Lookup(t, "closed-port"), lab.Scenes()[0]
	var expects []testkit.Expect
	batch := func() {
		expects = append(expects, testkit.Visible(maker.MustMake(t, lab, scene, 5), seenByBPF)...)
		lab.AwaitCompare(t, expects, settled, p.observed(t))
	}

	d := start(t, p, args...)
	batch()
	first := p.cat(t, "-o", "classic")
	until(t, "the classic log", func() bool { return read(t, classic) == first })
	if err := os.Rename(classic, classic+".old"); err != nil {
		t.Fatal(err)
	}
	d.signal(syscall.SIGHUP)
	until(t, "the log to be opened anew", func() bool { _, err := os.Stat(classic); return err == nil })
	batch()
	d.stop()
	if got := read(t, classic+".old"); got != first {
		t.Errorf("the renamed log changed after SIGHUP: %q, was %q", got, first)
	}

	for range 2 {
		d = start(t, p, args...)
		batch()
		d.stop()
	}
	if diff := cmp.Diff(p.cat(t, "-o", "classic"), first+read(t, classic)); diff != "" {
		t.Errorf("classic logs (-journal +logs):\n%s", diff)
	}
	if diff := cmp.Diff(p.cat(t), read(t, lines)); diff != "" {
		t.Errorf("JSON log (-journal +log):\n%s", diff)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Clean(path))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(text)
}
