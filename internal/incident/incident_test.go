package incident

import (
	"cmp"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/rstwatch/rstwatch/internal/reset"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// one is the nth reset of a story, so many milliseconds after its begin.
func one(n, later int, direction reset.Direction, src, dst string, changes ...func(*reset.Reset)) *reset.Reset {
	r := &reset.Reset{
		ID: id(n), Revision: 1, Final: true, Host: "db7", Direction: direction,
		Time: reset.TimeOf(time.Date(2026, 11, 21, 15, 27, 4, 118e6, time.UTC)) + reset.Time(later)*1e6,
		Src:  reset.Endpoint{AddrPort: netip.MustParseAddrPort(src)}, Dst: reset.Endpoint{AddrPort: netip.MustParseAddrPort(dst)},
		Harm: reset.LostData,
	}
	for _, change := range changes {
		change(r)
	}
	r.Summary = "A sentence on " + r.Src.String() + "."
	return r
}

func id(n int) reset.ID { return reset.ID{0: 1, 14: byte(n >> 8), 15: byte(n)} }

func by(sender reset.Sender, cause reset.Cause) func(*reset.Reset) {
	return func(r *reset.Reset) {
		r.Sender, r.Cause, r.Confidence = sender, cause, reset.Confidence{Sender: reset.Certain, Cause: reset.Likely}
	}
}

func of(comm string, pid uint32) func(*reset.Reset) {
	return func(r *reset.Reset) { r.Process = &reset.Process{Comm: comm, PID: reset.Some(pid)} }
}

func killed(r *reset.Reset) { r.Process.Exit = &reset.Exit{Signal: "SIGKILL"} }

func causedBy(n int) func(*reset.Reset) {
	return func(r *reset.Reset) { r.CausedBy = append(r.CausedBy, id(n)) }
}

func related(n int) func(*reset.Reset) {
	return func(r *reset.Reset) { r.Related = append(r.Related, id(n)) }
}

func twin(n int) func(*reset.Reset) { return func(r *reset.Reset) { r.Twin = id(n) } }

// death is a process that dies and resets so many clients, each in namespaces of
// this host; the clients' records follow.
func death(clients int) (story []*reset.Reset) {
	for i := range clients {
		client := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i%12 + 1)}), uint16(50000+i)).String()
		sent := one(2*i+1, i, reset.Out, "10.9.0.1:3306", client, by(reset.LocalApp, reset.ProcessKilled), of("mysqld", 2211), killed, twin(2*i+2))
		if i > 0 {
			sent.CausedBy = []reset.ID{id(1)}
		}
		received := one(2*i+2, i, reset.In, "10.9.0.1:3306", client, by(reset.LocalApp, reset.ProcessKilled), of("hikari", 8812), twin(2*i+1))
		story = append(story, sent, received)
	}
	return story
}

// relay is a reset that passes through two proxies of this host.
func relay() []*reset.Reset {
	return []*reset.Reset{
		one(1, 0, reset.In, "198.51.100.9:443", "10.0.0.7:40112", by(reset.Peer, reset.PeerAbort), of("outer", 7)),
		one(2, 3, reset.Out, "10.0.0.7:8080", "10.0.0.8:40113", by(reset.LocalApp, reset.Relayed), of("outer", 7), causedBy(1), twin(3)),
		one(3, 3, reset.In, "10.0.0.7:8080", "10.0.0.8:40113", by(reset.LocalApp, reset.Relayed), of("inner", 8), twin(2)),
		one(4, 5, reset.Out, "10.0.0.8:80", "10.0.0.1:40114", by(reset.LocalApp, reset.Relayed), of("inner", 8), causedBy(3)),
	}
}

func grouped(story []*reset.Reset) []Incident {
	g := New(DefaultConfig())
	for _, r := range story {
		g.Add(r)
	}
	list, _ := g.Incidents()
	return list
}

// short is what a test looks at.
type short struct {
	Resets, Links, Burst int
	First                reset.ID
}

func shorten(list []Incident) (all []short) {
	for _, i := range list {
		all = append(all, short{i.Resets, i.Grouped.Links, i.Grouped.Burst, i.First.ID})
	}
	return all
}

func TestGrouping(t *testing.T) {
	noListener := func(n, later, port int) *reset.Reset {
		src := netip.AddrPortFrom(netip.MustParseAddr("10.0.0.5"), uint16(port)).String()
		return one(n, later, reset.Out, src, "10.0.0.7:40112", by(reset.LocalKernel, reset.NoListener))
	}
	forgotten := func(n, later int, client string) *reset.Reset {
		return one(n, later, reset.In, "10.0.0.12:5432", client, by(reset.Path, reset.IdleTimeout))
	}
	tests := []struct {
		name  string
		story []*reset.Reset
		want  []short
	}{
		{"nothing", nil, nil},
		{"one reset is no incident", []*reset.Reset{noListener(1, 0, 80)}, nil},
		{"both ends of one packet are no incident", []*reset.Reset{
			one(1, 0, reset.Out, "10.0.0.5:80", "10.0.0.7:40112", twin(2)), one(2, 0, reset.In, "10.0.0.5:80", "10.0.0.7:40112", twin(1)),
		}, nil},
		{"a death", death(50), []short{{50, 49, 0, id(1)}}},
		{"a chain of proxies", relay(), []short{{3, 2, 0, id(1)}}},
		{"the first comes last", []*reset.Reset{
			one(2, 3, reset.Out, "10.0.0.7:8080", "10.0.0.8:40113", by(reset.LocalApp, reset.Relayed), causedBy(1)),
			one(1, 0, reset.In, "198.51.100.9:443", "10.0.0.7:40112", by(reset.Peer, reset.PeerAbort)),
		}, []short{{2, 1, 0, id(1)}}},
		{"the first names the others", []*reset.Reset{
			one(1, 0, reset.Out, "10.0.0.7:8080", "10.0.0.8:40113", by(reset.LocalApp, reset.LingerZero), related(2)),
			one(2, 3, reset.Out, "10.0.0.7:8081", "10.0.0.9:40113", by(reset.LocalApp, reset.LingerZero)),
		}, []short{{2, 1, 0, id(1)}}},
		{"a port without a listener", []*reset.Reset{
			noListener(1, 0, 80), noListener(2, 500, 80), noListener(3, 900, 80), noListener(4, 1000, 80), noListener(5, 1900, 80),
		}, []short{{5, 0, 4, id(1)}}},
		{"too few at once", []*reset.Reset{noListener(1, 0, 80), noListener(2, 500, 80), noListener(3, 900, 80), noListener(4, 1000, 80)}, nil},
		{"not at once", []*reset.Reset{
			noListener(1, 0, 80), noListener(2, 1500, 80), noListener(3, 3000, 80), noListener(4, 4500, 80), noListener(5, 6000, 80),
		}, nil},
		{"many ports are not one cause", []*reset.Reset{
			noListener(1, 0, 80), noListener(2, 1, 81), noListener(3, 2, 82), noListener(4, 3, 83), noListener(5, 4, 84),
		}, nil},
		{"a device forgot", []*reset.Reset{
			forgotten(1, 0, "10.0.0.7:40112"), forgotten(2, 10, "10.0.0.7:40113"), forgotten(3, 20, "10.0.0.7:40114"),
			forgotten(4, 30, "10.0.0.8:40115"), forgotten(5, 40, "10.0.0.8:40116"),
		}, []short{{5, 0, 4, id(1)}}},
		{"a busy proxy", []*reset.Reset{
			one(1, 0, reset.In, "198.51.100.9:443", "10.0.0.7:40112", by(reset.Peer, reset.PeerAbort), of("proxy", 7)),
			one(2, 1, reset.Out, "10.0.0.7:8080", "10.0.0.8:1", by(reset.LocalApp, reset.Relayed), of("proxy", 7), causedBy(1)),
			one(3, 2, reset.In, "198.51.100.8:443", "10.0.0.7:40113", by(reset.Peer, reset.PeerAbort), of("proxy", 7)),
			one(4, 3, reset.Out, "10.0.0.7:8080", "10.0.0.8:2", by(reset.LocalApp, reset.Relayed), of("proxy", 7), causedBy(3)),
		}, []short{{2, 1, 0, id(1)}, {2, 1, 0, id(3)}}},
		{"two, an hour apart", append(relay(), func() []*reset.Reset {
			again := relay()
			for i, r := range again {
				r.ID, r.Time, r.Twin = id(100+i), r.Time+reset.Time(time.Hour), reset.ID{}
				if len(r.CausedBy) > 0 {
					r.CausedBy = []reset.ID{id(100)}
				}
			}
			return again
		}()...), []short{{3, 2, 0, id(1)}, {3, 2, 0, id(100)}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := shorten(grouped(test.story))
			if diff := gocmp.Diff(test.want, got); diff != "" {
				t.Errorf("incidents (-want +got):\n%s", diff)
			}
		})
	}
}

// TestPacketsAreCountedOnce: what a packet cost, whom it met, and what is not known
// of it are the same in whichever order its records are read, and the end that sent
// it knows best.
func TestPacketsAreCountedOnce(t *testing.T) {
	const clients = 20
	story := death(clients)
	harms := []reset.Harm{reset.LostData, reset.HarmUnknown, reset.HarmNone}
	want := map[string]int{"lost-data": clients}
	for i, r := range story {
		if r.Direction == reset.In {
			r.Harm = harms[i%len(harms)]
		}
	}
	routed := one(100, 0, reset.Forward, "10.9.0.1:3306", "10.0.0.1:50000", by(reset.LocalApp, reset.ProcessKilled), twin(1))
	routed.Harm = reset.HarmUnknown
	story = append(story, routed)
	// The refusal of a SYN does not name its other end.
	story[2].Twin = reset.ID{}
	orders := map[string]func(a, b *reset.Reset) int{
		"as they came":       func(a, b *reset.Reset) int { return slices.Compare(a.ID[:], b.ID[:]) },
		"received first":     func(a, b *reset.Reset) int { return cmp.Compare(a.Direction, b.Direction) },
		"sent first":         func(a, b *reset.Reset) int { return cmp.Compare(b.Direction, a.Direction) },
		"the other way":      func(a, b *reset.Reset) int { return slices.Compare(b.ID[:], a.ID[:]) },
		"in no order at all": func(a, b *reset.Reset) int { return cmp.Compare(a.ID[15]*97, b.ID[15]*97) },
	}
	for name, order := range orders {
		t.Run(name, func(t *testing.T) {
			list := grouped(slices.SortedFunc(slices.Values(story), order))
			if len(list) != 1 {
				t.Fatalf("%d incidents", len(list))
			}
			got := list[0]
			if diff := gocmp.Diff(want, got.Harm); diff != "" {
				t.Errorf("harm (-want +got):\n%s", diff)
			}
			met := got.MorePeers
			for _, p := range got.Peers {
				if met += p.Resets; p.Address == "10.9.0.1" {
					t.Errorf("it met itself %d times", p.Resets)
				}
			}
			if got.Resets != clients || met != clients || got.Grouped.Links < clients-1 || got.Grouped.Links > clients || len(got.Unknown) != 0 {
				t.Errorf("%d resets, of %d peers, %d links, not known: %q", got.Resets, met, got.Grouped.Links, got.Unknown)
			}
		})
	}
}

// TestDestroyerIsNamed: connections of many that one process destroyed are one
// incident, and its doing.
func TestDestroyerIsNamed(t *testing.T) {
	var story []*reset.Reset
	for n := range 6 {
		r := one(n+1, n, reset.Out, "10.0.0.7:8080", "10.0.0.8:1", by(reset.LocalApp, reset.SocketDestroyed), of("victim", uint32(n+1)), killed)
		r.Src = reset.EndpointFrom(r.Src.Addr(), uint16(n+1))
		r.Process.By = &reset.Process{Comm: "ss", PID: reset.Some[uint32](99)}
		story = append(story, r)
	}
	list := grouped(story)
	if len(list) != 1 || list[0].Resets != 6 || list[0].First.Process != "ss/99" || list[0].First.Exit != "" {
		t.Errorf("incidents: %+v", list)
	}
}

// TestText holds what people read.
func TestText(t *testing.T) {
	hostile := relay()
	hostile[1].Process.Comm = "a\x1b[2J\u202eb"
	open := relay()[1:]
	open[0].Final = false
	for name, story := range map[string][]*reset.Reset{"death": death(50), "relay": relay(), "hostile": hostile, "open": open} {
		t.Run(name, func(t *testing.T) {
			list := grouped(story)
			if len(list) != 1 {
				t.Fatalf("%d incidents", len(list))
			}
			got := list[0].Text(time.UTC)
			path := filepath.Join("testdata", name+".txt")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(string(want), got); diff != "" {
				t.Errorf("text (-want +got):\n%s", diff)
			}
			if strings.ContainsAny(got, "\x1b\u202e") {
				t.Errorf("what a terminal obeys: %q", got)
			}
		})
	}
}

// TestBounds: whatever comes, no memory grows beyond its bound.
func TestBounds(t *testing.T) {
	c := DefaultConfig()
	c.MaxResets, c.MaxIncidents = 64, 4
	g := New(c)
	n := 0
	for minute := range 200 {
		for range minute%7 + 2 {
			n++
			r := one(n, minute*120000, reset.Out, "10.0.0.7:8080", "10.0.0.8:40113", of("p", uint32(minute)), by(reset.LocalApp, reset.Cause(n%30)))
			r.CausedBy, r.Host = []reset.ID{id(n - 1)}, strings.Repeat("h", n%40)
			if minute%7 == 0 {
				r.CausedBy = nil
			}
			g.Add(r)
		}
		if len(g.byID) > 64 || len(g.done) > 4 || len(g.groups) > 40 || len(g.bursts) > 40 {
			t.Fatalf("minute %d: %d ids, %d done, %d groups, %d bursts", minute, len(g.byID), len(g.done), len(g.groups), len(g.bursts))
		}
		for one := range g.groups {
			if len(one.stages) > maxStages || len(one.peers) > maxPeers || len(one.hosts) > maxHosts {
				t.Fatalf("a group has %d stages, %d peers, %d hosts", len(one.stages), len(one.peers), len(one.hosts))
			}
		}
	}
	list, dropped := g.Incidents()
	if len(list) != 4 || dropped == 0 {
		t.Errorf("%d incidents, %d dropped", len(list), dropped)
	}
}

// TestScanIsBounded: of more events at once than can be followed, the burst among
// them is still found.
func TestScanIsBounded(t *testing.T) {
	c := DefaultConfig()
	c.MaxOpen = 64
	g := New(c)
	for n := range 5000 {
		src := netip.AddrPortFrom(netip.MustParseAddr("10.0.0.5"), uint16(n+1000)).String()
		if n%50 == 0 {
			src = "10.0.0.5:80"
		}
		g.Add(one(n+1, n/100, reset.Out, src, "10.0.0.7:40112", by(reset.LocalKernel, reset.NoListener)))
		if len(g.groups) > 65 || len(g.bursts) > 65 {
			t.Fatalf("%d groups, %d bursts", len(g.groups), len(g.bursts))
		}
	}
	list, _ := g.Incidents()
	if len(list) != 1 || list[0].Resets != 100 {
		t.Errorf("incidents: %+v", list)
	}
}
