package logfile

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// bsd is a line with the head of RFC 3164.
func bsd(at time.Time, port int) string {
	return at.Format(time.Stamp) + " vb kernel: [drds] " + logText(port) + "\n"
}

func date(text string) time.Time {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err) // a literal of a test
	}
	return at
}

func TestYears(t *testing.T) {
	tests := []struct {
		name    string
		written string
		lines   []string // "Nov 23 07:59:35"
		want    []string // the years
	}{
		{"this year", "2026-11-25T12:00:00Z", []string{"Nov 23 07:59:35"}, []string{"2026"}},
		{"a day that is still to come is last year's", "2026-11-25T12:00:00Z", []string{"Dec  1 00:00:00"}, []string{"2025"}},
		{"New Year within", "2026-01-03T00:00:00Z", []string{"Dec 31 23:59:59", "Jan  1 00:00:00"}, []string{"2025", "2026"}},
		{"New Year twice within", "2026-02-01T00:00:00Z", []string{"Mar  1 00:00:00", "Feb  1 00:00:00", "Jan  1 00:00:00"}, []string{"2024", "2025", "2026"}},
		{"a line that comes late", "2026-11-25T12:00:00Z", []string{"Nov 24 00:00:05", "Nov 23 23:59:59", "Nov 24 00:00:06"}, []string{"2026", "2026", "2026"}},
		{"a line that comes late at New Year", "2026-01-03T00:00:00Z", []string{"Dec 31 23:59:58", "Jan  1 00:00:00", "Dec 31 23:59:59", "Jan  1 00:00:01"}, []string{"2025", "2026", "2025", "2026"}},
		{"a leap day", "2026-11-25T12:00:00Z", []string{"Feb 29 12:00:00"}, []string{"2024"}},
		{"a leap day in a file of some years", "2026-11-25T12:00:00Z", []string{"Feb 29 12:00:00", "Feb 10 12:00:00", "Feb  1 12:00:00"}, []string{"2024", "2025", "2026"}},
		{"a leap day that an anchor alone would miss", "2026-11-25T12:00:00Z", []string{"Feb 29 12:00:00", "Feb 10 12:00:00"}, []string{"2024", "2025"}},
		{"written before this century, as archives without times say", "1980-01-01T00:00:00Z", []string{"Nov 23 07:59:35"}, []string{"2026"}},
		{"written in the future", "2031-01-01T00:00:00Z", []string{"Nov 23 07:59:35"}, []string{"2026"}},
		{"an old file", "2019-05-05T00:00:00Z", []string{"May  4 07:59:35"}, []string{"2019"}},
		{"a zone east of the file's time", "2025-12-31T23:30:00Z", []string{"Jan  1 00:20:00"}, []string{"2026"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var text strings.Builder
			for i, line := range tt.lines {
				fmt.Fprintf(&text, "%s vb kernel: %s\n", line, logText(i))
			}
			got := readFiles(t, testConfig(), write(t, t.TempDir(), "a.log", text.String(), date(tt.written)))
			var years []string
			for _, x := range got.Told {
				years = append(years, x.Time[:min(4, len(x.Time))])
			}
			if diff := cmp.Diff(tt.want, years); diff != "" {
				t.Errorf("years (-want +got):\n%s", diff)
			}
		})
	}
}

// TestYearsOfLinesBetween: the year turns by lines that are no resets, too.
func TestYearsOfLinesBetween(t *testing.T) {
	text := "Jul  1 00:00:00 vb kernel: " + logText(1) + "\nNov  1 00:00:00 vb systemd[1]: x\nMar  1 00:00:00 vb systemd[1]: x\nAug  1 00:00:00 vb kernel: " + logText(2) + "\n"
	got := readFiles(t, testConfig(), write(t, t.TempDir(), "a.log", text, date("2026-08-02T00:00:00Z")))
	want := []told{{"2025-07-01T00:00:00Z", "vb", 1, 1}, {"2026-08-01T00:00:00Z", "vb", 2, 4}}
	if diff := cmp.Diff(want, got.Told); diff != "" {
		t.Errorf("resets (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(2025, got.Counts.Dated[0].First); diff != "" {
		t.Errorf("first year (-want +got):\n%s", diff)
	}
}

// TestRotated: the files of one log are read as one, in whatever order they are
// named, and over New Year.
func TestRotated(t *testing.T) {
	begin := date("2025-12-28T00:00:00Z")
	for _, names := range [][]string{
		{"k.log.3.gz", "k.log.2.zst", "k.log.1", "k.log"},
		{"k.log-20251229", "k.log-20251230.gz", "k.log-20251231.gz", "k.log"},
		{"k.log-20251228.gz", "k.log-20251228.1.gz", "k.log-20251229.gz", "k.log"},
		{"k-20251229.log.gz", "k-20251230.log", "k-20251231.log", "k.log"},
		{"k.log-2025-12-29", "k.log-2025-12-30", "k.log-2025-12-31", "k.log"},
		{"k.log-2025122900", "k.log-2025122901", "k.log-2025122902", "k.log"},
		{"k.log-20251229-1766966400", "k.log-20251229-1766970000", "k.log-20251229-1766973600", "k.log"},
	} {
		for _, copied := range []bool{false, true} {
			dir := t.TempDir()
			var paths []string
			var want []uint16
			for i, name := range names {
				var text string
				for k := range 3 {
					at := begin.Add(time.Duration(i*48+k*16) * time.Hour) // to the 3rd of January
					text += bsd(at, i*10+k)
					want = append(want, uint16(i*10+k))
				}
				written := begin.Add(time.Duration(i+1) * 48 * time.Hour)
				if copied {
					written = now
				}
				paths = append(paths, write(t, dir, name, text, written))
			}
			random := rand.New(rand.NewPCG(1, uint64(len(names[0]))))
			random.Shuffle(len(paths), func(i, j int) { paths[i], paths[j] = paths[j], paths[i] })
			got := readFiles(t, testConfig(), paths...)
			var ports []uint16
			for _, x := range got.Told {
				ports = append(ports, x.Port)
			}
			if diff := cmp.Diff(want, ports); diff != "" {
				t.Errorf("%v, copied %v: order (-want +got):\n%s", names, copied, diff)
			}
			if first, last := got.Told[0].Time, got.Told[len(got.Told)-1].Time; first != "2025-12-28T00:00:00Z" || last != "2026-01-04T08:00:00Z" {
				t.Errorf("%v, copied %v: from %s to %s", names, copied, first, last)
			}
		}
	}
}

// TestDaysWithinABuffer: days between two equal ones are not passed over.
func TestDaysWithinABuffer(t *testing.T) {
	var text strings.Builder
	begin := date("2023-02-03T00:00:00Z")
	for at := begin; at.Before(now); at = at.Add(13 * time.Hour) {
		fmt.Fprintf(&text, "%s vb x: %s\n", at.Format(time.Stamp), strings.Repeat("w", 300))
	}
	in, err := Look(write(t, t.TempDir(), "a.log", text.String(), now), nil)
	if err != nil {
		t.Fatal(err)
	}
	days, err := in.days(context.Background())
	if err != nil || days.turns != 3 || days.last.month != 11 || days.last.day != 25 {
		t.Errorf("%+v, error %v", days, err)
	}
}

// TestYearsOfCopies: copies whose times say nothing are dated by the files that
// follow, or by the dates in their names.
func TestYearsOfCopies(t *testing.T) {
	for _, tt := range []struct{ name, older, younger string }{
		{"by what follows", "k.log.2", "k.log.1"},
		{"by the name", "k.log-20251121", "k.log-20260302"},
	} {
		dir := t.TempDir()
		older := write(t, dir, tt.older, bsd(date("2025-11-20T00:00:00Z"), 1), now)
		younger := write(t, dir, tt.younger, bsd(date("2026-03-01T00:00:00Z"), 2), now)
		got := readFiles(t, testConfig(), younger, older)
		want := []told{{"2025-11-20T00:00:00Z", "vb", 1, 1}, {"2026-03-01T00:00:00Z", "vb", 2, 1}}
		if diff := cmp.Diff(want, got.Told); diff != "" {
			t.Errorf("%s: resets (-want +got):\n%s", tt.name, diff)
		}
	}
	old := readFiles(t, testConfig(), write(t, t.TempDir(), "k.log-20230610.gz", bsd(date("2023-06-09T00:00:00Z"), 1), now))
	if old.Told[0].Time != "2023-06-09T00:00:00Z" {
		t.Errorf("by the name alone: %s", old.Told[0].Time)
	}
}

// TestSameLineSameID: a line has its id however often its log is rotated,
// compressed and copied, and equal lines of one second are as many as they are.
func TestSameLineSameID(t *testing.T) {
	at := date("2026-11-23T07:59:35Z")
	one, other := bsd(at, 1), bsd(at, 2)
	text := one + one + other + one + bsd(at.Add(time.Second), 1)
	dir := t.TempDir()
	written := at.Add(time.Hour)
	plain := readFiles(t, testConfig(), write(t, dir, "a.log", text, written))
	seen := map[reset.ID]bool{}
	for _, id := range plain.IDs {
		seen[id] = true
	}
	if len(seen) != 5 {
		t.Fatalf("%d ids of 5 lines", len(seen))
	}
	lines := strings.SplitAfter(text, "\n")
	tests := []struct {
		name  string
		paths []string
	}{
		{"compressed", []string{write(t, dir, "b.log.gz", text, written)}},
		{"written anew later", []string{write(t, dir, "c.log", text, now)}},
		{"split by a rotation within the second", []string{
			write(t, dir, "d.log", strings.Join(lines[2:], ""), written), write(t, dir, "d.log.1", strings.Join(lines[:2], ""), written),
		}},
		{"without the spaces at the ends of lines", []string{write(t, dir, "e.log", strings.ReplaceAll(text, " \n", "\n"), written)}},
		{"with another copy of it", []string{filepath.Join(dir, "a.log"), filepath.Join(dir, "b.log.gz")}},
		{"rotated, and compressed beside it", []string{write(t, dir, "f.log.1", text, written), write(t, dir, "f.log.1.gz", text, written)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := readFiles(t, testConfig(), tt.paths...)
			if diff := cmp.Diff(plain.IDs, got.IDs); diff != "" {
				t.Errorf("ids (-want +got):\n%s", diff)
			}
		})
	}
}

// TestSeveralLogs: logs of several hosts are read in the order of time.
func TestSeveralLogs(t *testing.T) {
	dir := t.TempDir()
	at := date("2026-11-23T07:00:00Z")
	var a, b string
	for i := range 10 {
		a += bsd(at.Add(time.Duration(2*i)*time.Second), 2*i)
		b += bsd(at.Add(time.Duration(2*i+1)*time.Second), 2*i+1)
	}
	got := readFiles(t, testConfig(), write(t, dir, "b", b, now), write(t, dir, "a", a, now))
	for i, x := range got.Told {
		if int(x.Port) != i {
			t.Fatalf("reset %d is that of port %d", i, x.Port)
		}
	}
	if len(got.Told) != 20 || got.Counts.Copies != 0 {
		t.Errorf("%d resets, counts %+v", len(got.Told), got.Counts)
	}
}

// TestZone: times without a zone are the chosen one's, summer time included.
func TestZone(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	cfg := testConfig()
	cfg.Zone = berlin
	got := readText(t, cfg, bsd(date("2026-07-01T12:00:00Z"), 1)+bsd(date("2026-11-01T12:00:00Z"), 2)+"2026-11-02T12:00:00Z vb kernel: "+logText(3)+"\n")
	want := []string{"2026-07-01T10:00:00Z", "2026-11-01T11:00:00Z", "2026-11-02T12:00:00Z"}
	for i, x := range got.Told {
		if x.Time != want[i] {
			t.Errorf("line %d is of %s, want %s", i, x.Time, want[i])
		}
	}
}

// TestAnyOrderOfNames: whatever the order in which files are named, they are
// put in one order.
func TestAnyOrderOfNames(t *testing.T) {
	want := []string{"k.log-20261101.gz", "k.log-20261102.gz", "k.log-20261102.1.gz", "k.log-20261103", "k.log"}
	numbered := []string{"k.log.12.gz", "k.log.3.gz", "k.log.2", "k.log.1", "k.log"}
	rapid.Check(t, func(t *rapid.T) {
		for _, want := range [][]string{want, numbered} {
			var inputs []*Input
			for _, name := range rapid.Permutation(want).Draw(t, "order") {
				inputs = append(inputs, &Input{Name: name})
			}
			var got []string
			list := sets(inputs)
			for _, m := range list[0] {
				got = append(got, m.input.Name)
			}
			if len(list) != 1 || !slices.Equal(got, want) {
				t.Fatalf("%d logs, the first %v", len(list), got)
			}
		}
	})
}

// TestTurnsAgree: of a log of some years with a line at least each half year the
// years are found, whatever else is between.
func TestTurnsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := date("2016-01-01T00:00:00Z").Add(time.Duration(rapid.IntRange(0, 3*365*24).Draw(t, "begin")) * time.Hour)
		var times []time.Time
		for range rapid.IntRange(1, 40).Draw(t, "lines") {
			times = append(times, at)
			at = at.Add(time.Duration(rapid.IntRange(0, 200*24).Draw(t, "gap")) * time.Hour)
		}
		var s span
		var turn turns
		for _, at := range times {
			_, month, day := at.Date()
			s.add(&stamp{kind: yearless, month: int(month), day: day, hour: at.Hour()}, &turn)
		}
		last := times[len(times)-1]
		latest := last.Add(time.Duration(rapid.IntRange(0, 300*24).Draw(t, "written")) * time.Hour)
		if got := s.base(latest, time.Time{}, time.UTC); got != times[0].Year() {
			t.Fatalf("%d, want %v", got, times)
		}
	})
}
