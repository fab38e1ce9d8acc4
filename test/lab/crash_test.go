package lab

import (
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// lastMoment is what a kill may cost: what waits to be joined, and what was not
// yet handed to the kernel.
const lastMoment = time.Second

// batch is resets that were made at a time.
type batch struct {
	expects []testkit.Expect
	made    time.Time
}

// makeUntil makes resets until it is told to stop.
func makeUntil(stop <-chan struct{}, lab *testkit.Lab, maker testkit.Maker) (list []batch, err error) {
	for {
		select {
		case <-stop:
			return list, nil
		default:
		}
		expects, err := maker.Make(lab, lab.Scenes()[len(list)%2], 10)
		if err != nil {
			return list, err
		}
		list = append(list, batch{testkit.Visible(expects, seenByBPF), time.Now()})
		time.Sleep(50 * time.Millisecond) // a rate that every machine can make
	}
}

// TestKillLosesTheLastMoment kills the daemon again and again while resets are
// made. What was made before the last moment is there, once; the journal
// verifies; the ledger goes on and balances.
func TestKillLosesTheLastMoment(t *testing.T) {
	lab := testkit.NewLab(t)
	p := newPlace(t)
	maker := testkit.Lookup(t, "closed-port")
	lines := p.path("lines.json")
	args := append(only(lab.Nodes()...), "--json-log", lines)
	var must, may []testkit.Expect
	for round := range 5 {
		d := start(t, p, args...)
		stop := make(chan struct{})
		var made []batch
		var failed error
		var making sync.WaitGroup
		making.Go(func() { made, failed = makeUntil(stop, lab, maker) })
		time.Sleep(lastMoment + time.Duration(round)*137*time.Millisecond)
		d.signal(syscall.SIGKILL)
		killed := time.Now()
		d.wait()
		close(stop)
		making.Wait()
		if failed != nil {
			t.Fatal(failed)
		}
		for _, b := range made {
			if b.made.Before(killed.Add(-lastMoment)) {
				must = append(must, b.expects...)
			} else {
				may = append(may, b.expects...)
			}
		}
		p.verify(t)
	}
	if testkit.Total(must) == 0 || testkit.Total(may) == 0 {
		t.Fatalf("%d resets before the last moments and %d in them: nothing was tested", testkit.Total(must), testkit.Total(may))
	}
	for i := range may {
		may[i].Optional = true
	}

	d := start(t, p, args...)
	expects := append(must, may...)
	last := testkit.Visible(maker.MustMake(t, lab, lab.Scenes()[0], 10), seenByBPF)
	expects = append(expects, last...)
	ledger := d.stop()
	records := p.resets(t)
	lab.Compare(t, expects, records)
	if ledger.Host.Written != uint64(len(records)) {
		t.Errorf("the journal has %d resets, the ledger counts %+v", len(records), ledger.Host)
	}
	t.Logf("%d resets had to be there, %d more were, of %d in the last moments", testkit.Total(must)+testkit.Total(last),
		len(records)-testkit.Total(must)-testkit.Total(last), len(may))
	p.verify(t)
	inLog(t, records, read(t, lines))
}

// inLog checks that a text log leaves nothing out; it may repeat what it wrote
// in the last second before a kill.
func inLog(t *testing.T, records []reset.Reset, text string) {
	t.Helper()
	have := make(map[reset.ID]int)
	for _, e := range entries(t, text) {
		if e.Reset != nil {
			have[e.Reset.ID]++
		}
	}
	missing, repeated := 0, 0
	for _, r := range records {
		switch n := have[r.ID]; {
		case n == 0:
			missing++
		case n > 1:
			repeated++
		}
	}
	if missing > 0 {
		t.Errorf("the JSON log lacks %d of %d resets", missing, len(records))
	}
	t.Logf("the JSON log repeats %d resets", repeated)
}

// TestKillLeavesNothingAttached looks for BPF programs of the daemon's after a
// kill -9: none is pinned, so none stays.
func TestKillLeavesNothingAttached(t *testing.T) {
	lab := testkit.NewLab(t)
	before := programs(t)
	d := start(t, newPlace(t), append(only(lab.Nodes()...), "--sensor", "bpf")...)
	during := programs(t)
	if len(during) <= len(before) {
		t.Fatalf("%d programs before, %d while the daemon runs: they cannot be seen", len(before), len(during))
	}
	own := make(map[uint32]bool)
	for id := range during {
		if !before[id] {
			own[id] = true
		}
	}
	d.signal(syscall.SIGKILL)
	d.wait()
	// Other programs of this machine may come and go: only those count that came
	// with the daemon.
	until(t, "the kernel to let go of the programs", func() bool {
		now := programs(t)
		for id := range own {
			if now[id] {
				return false
			}
		}
		return true
	})
}

// TestFullDisk fills the disk of the journal and of a log: the daemon goes on
// watching, says so, and has everything once there is room.
func TestFullDisk(t *testing.T) {
	lab := testkit.NewLab(t)
	p := newPlace(t)
	disk := p.path("disk")
	if err := os.Mkdir(disk, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=4m"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(disk, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	p.dir = disk + "/journal"
	lines := disk + "/lines.json"
	maker, scene := testkit.Lookup(t, "closed-port"), lab.Scenes()[0]
	d := start(t, p, append(only(lab.Nodes()...), "--json-log", lines)...)
	expects := testkit.Visible(maker.MustMake(t, lab, scene, 20), seenByBPF)
	lab.AwaitCompare(t, expects, 0, p.observed(t))
	if r := p.doctor(t); len(r.Problems) != 0 {
		t.Fatalf("problems before the disk is full: %q", r.Problems)
	}

	filler := disk + "/filler"
	fill(t, filler)
	// More than the rest of the pages that the files have already.
	expects = append(expects, testkit.Visible(maker.MustMake(t, lab, scene, 300), seenByBPF)...)
	var r report
	until(t, "doctor to tell of the full disk", func() bool {
		r = p.doctor(t)
		return r.Daemon != nil && r.Daemon.Journal.Stalled && r.Daemon.Journal.Held > 0
	})
	if len(r.Problems) == 0 || !r.Daemon.Balanced {
		t.Errorf("doctor says %+v", r)
	}

	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	until(t, "the journal to recover by itself", func() bool {
		r := p.doctor(t)
		return !r.Daemon.Journal.Stalled && r.Daemon.Journal.Held == 0
	})
	lab.AwaitCompare(t, expects, settled, p.observed(t))
	ledger := d.stop()
	records := p.resets(t)
	lab.Compare(t, expects, records)
	if ledger.Host.Lost != 0 || ledger.Host.Written != uint64(len(records)) {
		t.Errorf("the journal has %d resets, the ledger %+v", len(records), ledger.Host)
	}
	p.verify(t)
	if got, want := read(t, lines), p.cat(t); got != want {
		t.Errorf("the JSON log has %d bytes, journal cat prints %d", len(got), len(want))
	}
}

// TestFullDiskAtStart starts the daemon where nothing can be written.
func TestFullDiskAtStart(t *testing.T) {
	lab := testkit.NewLab(t)
	p := newPlace(t)
	disk := p.path("disk")
	if err := os.Mkdir(disk, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=1m"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(disk, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	filler := disk + "/filler"
	fill(t, filler)
	p.dir = disk + "/journal"
	d := start(t, p, only(lab.Nodes()...)...)
	expects := testkit.Visible(testkit.Lookup(t, "closed-port").MustMake(t, lab, lab.Scenes()[0], 20), seenByBPF)
	if r := p.doctor(t); len(r.Problems) == 0 {
		t.Error("doctor says that nothing is wrong")
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	lab.AwaitCompare(t, expects, settled, p.observed(t))
	d.stop()
	lab.Compare(t, expects, p.resets(t))
	p.verify(t)
}

// fill writes until the disk is full.
func fill(t *testing.T, path string) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	block := make([]byte, 4096)
	for range 1 << 14 {
		if _, err := file.Write(block); err != nil {
			return
		}
	}
	t.Fatal("the disk does not fill up")
}
