package explain

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rstwatch/rstwatch/internal/causes"
	"github.com/rstwatch/rstwatch/internal/reset"
)

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func TestStories(t *testing.T) {
	for _, s := range scenes() {
		t.Run(s.name, func(t *testing.T) {
			text := Text{Zone: setting.Zone}
			got := text.Append(nil, Tell(&s.reset, s.around, setting))
			golden(t, s.name+".txt", got)
			checkLines(t, string(got), 80)
		})
	}
}

// checkLines holds the text to its width. Commands are to be copied and are
// never broken; a word that is wider than a line stands alone.
func checkLines(t interface{ Errorf(string, ...any) }, text string, width int) {
	next := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		next = next || line == "Next" || strings.HasPrefix(line, "What to check next")
		if n := utf8.RuneCountInString(line); n > width && !next && len(strings.Fields(line)) > 3 {
			t.Errorf("a line of %d columns: %s", n, line)
		}
		if strings.TrimRight(line, " ") != line {
			t.Errorf("blanks at the end of %q", line)
		}
	}
}

// TestStoryIsJSON: the record is the journal's own line, and the parts that
// people read are there.
func TestStoryIsJSON(t *testing.T) {
	for _, s := range scenes() {
		data, err := json.Marshal(Tell(&s.reset, s.around, setting))
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Record reset.Entry `json:"record"`
			Who    Claim       `json:"who"`
			Line   []Moment    `json:"time_line"`
		}
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatal(err)
		}
		want := s.reset
		if s.name == "hostile" || s.name == "bare" {
			continue // what is not UTF-8, or not there, is not told again
		}
		if diff := cmp.Diff(&want, got.Record.Reset); diff != "" {
			t.Errorf("%s (-record +json):\n%s", s.name, diff)
		}
		if got.Who.Word != s.reset.Sender.String() || len(got.Line) == 0 {
			t.Errorf("%s: %s", s.name, data)
		}
	}
}

var bold = regexp.MustCompile(`\x1b\[[01]m`)

// TestNothingReachesTheTerminal: whatever others have written, no control
// character and no change of the direction of writing comes out, and no command
// has anything of it.
func TestNothingReachesTheTerminal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := func(name string) string {
			if rapid.Bool().Draw(t, "bytes") {
				return string(rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, name))
			}
			return rapid.String().Draw(t, name)
		}
		s := rapid.SampledFrom(scenes()).Draw(t, "scene")
		r := s.reset
		r.Host, r.Netns.Name, r.Summary, r.Rule, r.Claim = text("host"), text("netns"), text("summary"), text("rule"), text("claim")
		r.Interface = reset.Interface{In: text("in"), Out: text("out")}
		r.Process = &reset.Process{Comm: text("comm"), PID: reset.Some(rapid.Uint32().Draw(t, "pid")), Exit: &reset.Exit{Signal: text("signal")}}
		r.Evidence = []reset.Evidence{{Fact: text("fact"), Value: text("value"), For: text("for")}}
		r.Connection = &reset.Connection{State: text("state"), AgeMS: reset.Some(rapid.Int64().Draw(t, "age")), SinceSentMS: reset.Some(rapid.Int64().Draw(t, "sent"))}
		r.Time = reset.Time(rapid.Int64().Draw(t, "time"))
		story := Tell(&r, s.around, setting)
		out := Text{Zone: setting.Zone, Colour: rapid.Bool().Draw(t, "colour"), Width: rapid.IntRange(0, 200).Draw(t, "width")}
		plain := bold.ReplaceAll(out.Append(nil, story), nil)
		if !utf8.Valid(plain) {
			t.Fatalf("%q is not UTF-8", plain)
		}
		for _, c := range string(plain) {
			if c != '\n' && (!unicode.IsPrint(c) || unicode.Is(unicode.Bidi_Control, c)) {
				t.Fatalf("%q has the character %U", plain, c)
			}
		}
		for _, c := range story.Next {
			if unsafe := strings.Trim(c.Command, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"); strings.ContainsAny(unsafe, "$`\\\n;\"") {
				t.Fatalf("a command for no shell: %q", c.Command)
			}
		}
	})
}

// TestEveryCauseIsTold: with its page, and for each direction.
func TestEveryCauseIsTold(t *testing.T) {
	for _, page := range causes.All() {
		for _, direction := range []reset.Direction{reset.In, reset.Out, reset.Forward, reset.Transit} {
			r := base(1, direction, "10.0.0.7:3306", "[::ffff:10.0.0.5]:51334")
			verdict2(&r, reset.Peer, reset.Likely, page.Cause, reset.Likely, reset.HarmUnknown)
			story := Tell(&r, nil, setting)
			if story.Page != page.Path() || story.Why.Meaning != page.Title || len(story.Advice) == 0 {
				t.Errorf("%s, %s: %+v", page.Cause, direction, story)
			}
			text := Text{Zone: setting.Zone}
			got := text.Append(nil, story)
			checkLines(t, string(got), 80)
			if bytes.ContainsAny(got, "{}`") {
				t.Errorf("%s, %s: a mark of the page is left:\n%s", page.Cause, direction, got)
			}
		}
		checkLines(t, string((&Text{}).AppendPage(nil, page)), 80)
	}
}

func TestSpan(t *testing.T) {
	tests := map[string]int64{
		"0 ms": 0, "23.3 us": 23_300, "100 ms": 100e6, "350.2 s": 350_200e6, "12 min 44 s": 764_109e6,
		"2 h 0 min": 7_200e9, "3 days": 3 * 86_400e9, "-100 ms": -100e6,
	}
	for want, ns := range tests {
		if got := span(reset.Time(ns).Std().Sub(reset.Time(0).Std())); got != want {
			t.Errorf("%d ns is %q, want %q", ns, got, want)
		}
	}
}
