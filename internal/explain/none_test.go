package explain

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// minute is a moment of the sample's watch: n minutes behind its begin.
func minute(n float64) reset.Time { return reset.TimeOf(at) + reset.Time(n*float64(time.Minute)) }

func covered(from, until float64, change ...func(*reset.Coverage)) reset.Entry {
	c := &reset.Coverage{
		Time: minute(until), Host: "db7", BootID: "0b7c", Netns: reset.Netns{ID: 4026531833}, Sensors: []string{"bpf"},
		From: minute(from), Until: minute(until),
	}
	for _, f := range change {
		f(c)
	}
	return reset.Entry{Coverage: c}
}

func said(event string, at float64, boot string) reset.Entry {
	return reset.Entry{Control: &reset.Control{Time: minute(at), Event: event, BootID: boot}}
}

func lost(n uint64) func(*reset.Coverage)      { return func(c *reset.Coverage) { c.Lost = n } }
func filter(text string) func(*reset.Coverage) { return func(c *reset.Coverage) { c.Filter = text } }
func netnsOf(name string) func(*reset.Coverage) {
	return func(c *reset.Coverage) { c.Netns = reset.Netns{ID: 9, Name: name} }
}
func bootOf(id string) func(*reset.Coverage) { return func(c *reset.Coverage) { c.BootID = id } }
func sensor(name string) func(*reset.Coverage) {
	return func(c *reset.Coverage) { c.Sensors = []string{name} }
}

// watches are stretches of watching, asked about from minute 0 to 14 at minute
// now, and what is to be said.
var watches = []struct {
	name    string
	now     float64
	entries []reset.Entry
	gaps    []string
	proven  bool
}{
	{"throughout", 99, []reset.Entry{covered(-1, 5), covered(5, 10), covered(10, 15)}, nil, true},
	{"two namespaces", 99, []reset.Entry{covered(-1, 7), covered(2, 7, netnsOf("blue")), covered(7, 15), covered(7, 9, netnsOf("blue"))}, nil, true},
	{"stopped and started", 99, []reset.Entry{covered(-1, 5), said("stop", 5, "0b7c"), said("start", 8, "0b7c"), covered(8, 15)},
		[]string{"5-8 the daemon was stopped"}, false},
	{"killed", 99, []reset.Entry{covered(-1, 5), said("start", 8, "0b7c"), covered(8, 15)},
		[]string{"5-8 the daemon ended without a last word (killed?), up to a minute of it may have been watched"}, false},
	{"stopped before", 99, []reset.Entry{covered(-5, -3), said("stop", -3, "0b7c"), said("start", 20, "0b7c"), covered(20, 25)},
		[]string{"0-14 the daemon was stopped"}, false},
	{"restarted", 99, []reset.Entry{covered(-1, 5), covered(8, 15, bootOf("1111"))}, []string{"5-8 the host was restarted"}, false},
	{"begun late", 99, []reset.Entry{covered(3, 15)}, []string{"0-3 no line of the journal tells of that time"}, false},
	{"nothing", 99, nil, []string{"0-14 no line of the journal tells of that time"}, false},
	{"ended early", 99, []reset.Entry{covered(-1, 10), said("stop", 10, "0b7c")}, []string{"10-14 the daemon was stopped"}, false},
	{"under way", 14, []reset.Entry{covered(-1, 13.5)}, nil, false},
	{"just begun", 14, []reset.Entry{covered(-1, 5), said("stop", 5, "0b7c"), said("start", 13.9, "0b7c")},
		[]string{"5-13 the daemon was stopped"}, false},
	{"without the host's", 99, []reset.Entry{covered(-1, 15, netnsOf("blue"))}, nil, false},
	{"lost, of the whole host", 99, []reset.Entry{covered(-1, 15, lost(3)), covered(-1, 15, lost(3), netnsOf("blue"))}, nil, false},
	{"lost, of each namespace", 99, []reset.Entry{covered(-1, 15, lost(3), sensor("packet")), covered(-1, 15, lost(4), sensor("packet"), netnsOf("blue"))}, nil, false},
	{"filter that takes it in", 99, []reset.Entry{covered(-1, 15, filter("port 443"))}, nil, true},
	{"filter that does not", 99, []reset.Entry{covered(-1, 15, filter("port 80"))}, nil, false},
	{"namespaces alone", 99, []reset.Entry{covered(-1, 15, netnsOf("blue"), filter("port 443; netns 9 77"))}, nil, false},
	{"a lighter sensor", 99, []reset.Entry{covered(-1, 15, sensor("bpf-light"))}, nil, false},
	{"rules", 99, []reset.Entry{covered(-1, 15, filter("rules /etc/rules"))}, nil, false},
	{"filter that may", 99, []reset.Entry{covered(-1, 15, filter("direction in"))}, nil, false},
}

func TestWatches(t *testing.T) {
	var all []byte
	for _, test := range watches {
		t.Run(test.name, func(t *testing.T) {
			target := target(t, "10.0.0.7:443 10.0.0.5:51334")
			found := search(t, Search{Target: target}, test.entries...)
			setting := setting
			setting.Now = minute(test.now)
			answer := TellNone(&target, found, Span{minute(0), minute(14)}, setting)
			var gaps []string
			for _, gap := range answer.Coverage.Gaps {
				gaps = append(gaps, inMinutes(gap.From)+"-"+inMinutes(gap.Until)+" "+gap.Reason)
			}
			if diff := cmp.Diff(test.gaps, gaps); diff != "" {
				t.Errorf("gaps (-want +got):\n%s", diff)
			}
			if answer.Proven != test.proven {
				t.Errorf("proven: %v", answer.Proven)
			}
			all = append(all, "== "+test.name+"\n"...)
			text := Text{Zone: setting.Zone}
			whole := string(text.AppendNone(nil, answer))
			checkLines(t, whole, 80)
			before, _, _ := strings.Cut(whole, "\nA connection also ends")
			all = append(all, before...)
		})
	}
	golden(t, "watches.txt", all)
}

func inMinutes(at reset.Time) string {
	return number(uint64((at - minute(0)) / reset.Time(time.Minute)))
}

// TestNone: the whole answer, with resets of the same hosts on other ports.
func TestNone(t *testing.T) {
	near := base(1, reset.In, "[2001:db8::5]:443", "[2001:db8::7]:40000")
	target := target(t, "[2001:db8::7]:443 [2001:db8::5]:51334")
	found := search(t, Search{Target: target}, covered(-1, 15), reset.Entry{Reset: &near})
	found.NearMatched += 3
	answer := TellNone(&target, found, Span{minute(-60 * 24), minute(14)}, setting)
	text := Text{Zone: setting.Zone}
	golden(t, "none.txt", text.AppendNone(nil, answer))
}

// TestSpansJoin: lines in any order make the same stretches.
func TestSpansJoin(t *testing.T) {
	orders := [][]reset.Entry{
		{covered(0, 2), covered(2, 4), covered(6, 8), covered(4, 6)},
		{covered(6, 8), covered(0, 2), covered(4, 6), covered(2, 4)},
		{covered(0, 8), covered(1, 2), covered(3, 3)},
	}
	for _, entries := range orders {
		found, err := (&Search{}).Run(context.Background(), &list{entries})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]Span{{minute(0), minute(8)}}, found.Watch.spans); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}
