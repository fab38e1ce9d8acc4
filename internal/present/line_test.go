package present

import (
	"bytes"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rstwatch/rstwatch/internal/reset"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func endpointOf(text string) reset.Endpoint {
	a := netip.MustParseAddrPort(text)
	return reset.EndpointFrom(a.Addr(), a.Port())
}

// samples are the resets of the golden files, of every length that meets.
func samples() []reset.Reset {
	at := time.Date(2026, 11, 21, 15, 27, 4, 118_000_000, time.UTC)
	origin := reset.NewOrigin("present")
	base := func(i int, direction reset.Direction, src, dst string) reset.Reset {
		t := at.Add(time.Duration(i) * 7 * time.Millisecond)
		return reset.Reset{
			ID: origin.NewID(t.UnixNano(), uint64(i)+1), Time: reset.TimeOf(t), Direction: direction,
			Src: endpointOf(src), Dst: endpointOf(dst),
		}
	}
	verdict := func(r reset.Reset, sender reset.Sender, cause reset.Cause, sure reset.Level, harm reset.Harm, pid uint32, comm string) reset.Reset {
		r.Sender, r.Cause, r.Harm = sender, cause, harm
		r.Confidence = reset.Confidence{Sender: sure, Cause: sure}
		if comm != "" || pid != 0 {
			r.Process = &reset.Process{PID: reset.Some(pid), Comm: comm}
		}
		return r
	}
	list := []reset.Reset{
		verdict(base(0, reset.Out, "10.0.0.7:3306", "10.0.0.5:51334"), reset.LocalApp, reset.UnreadData, reset.Certain, reset.LostData, 2211, "mysqld"),
		verdict(base(1, reset.In, "10.0.0.12:5432", "10.0.0.7:40112"), reset.Path, reset.IdleTimeout, reset.Likely, reset.LostData, 8812, "hikari"),
		verdict(base(2, reset.Out, "10.244.1.17:43822", "10.0.3.9:443"), reset.LocalKernel, reset.UntranslatedReply, reset.Likely, reset.FailedConnect, 0, ""),
		verdict(base(3, reset.In, "[2001:db8::15]:6379", "[2001:db8::7]:50514"), reset.Peer, reset.Refused, reset.Likely, reset.FailedConnect, 4410, "worker"),
		verdict(base(4, reset.In, "198.51.100.20:443", "10.0.0.7:38210"), reset.Path, reset.Forged, reset.Possible, reset.HarmNone, 9917, "curl"),
		verdict(base(5, reset.Forward, "255.255.255.255:65535", "255.255.255.255:65535"), reset.LocalFirewall, reset.FirewallReject, reset.Certain, reset.HarmUnknown, 0, ""),
		verdict(base(6, reset.Out, "[2001:db8:1111:2222:3333:4444:5555:6666]:65535", "[2001:db8:1111:2222:3333:4444:5555:7777]:65535"),
			reset.LocalInject, reset.Injected, reset.Certain, reset.HarmAbsent, 4194303, "fifteen-letters"),
		// Names that a program gives itself.
		verdict(base(7, reset.Out, "10.0.0.7:1", "10.0.0.5:2"), reset.LocalApp, reset.LingerZero, reset.Certain, reset.LostData, 66, "\x1b]0;owned\x07\x1b[2J"),
		verdict(base(8, reset.Out, "10.0.0.7:3", "10.0.0.5:4"), reset.LocalApp, reset.LingerZero, reset.Certain, reset.LostData, 67, "a\u202egnp.exe\nroot\r\xff"),
		verdict(base(9, reset.Out, "10.0.0.7:5", "10.0.0.5:6"), reset.LocalApp, reset.LingerZero, reset.Certain, reset.LostData, 68, "naïve-Ω"),
	}
	list[9].Netns.Name = "blue"
	// Whose socket it was is not known yet, who destroyed it is.
	destroyed := verdict(base(10, reset.Out, "10.0.0.7:7", "10.0.0.5:8"), reset.LocalApp, reset.SocketDestroyed, reset.Certain, reset.HarmUnknown, 0, "")
	destroyed.Process = &reset.Process{By: &reset.Process{PID: reset.Some[uint32](3882), Comm: "ss"}}
	list = append(list, destroyed)
	// Nothing is known of this one, as of a line of an old log.
	return append(list, reset.Reset{Direction: reset.Transit})
}

func render(text *Text) []byte {
	text.Zone = time.UTC
	var b []byte
	list := samples()
	for i := range list {
		b = append(text.Append(b, &list[i]), '\n')
	}
	return b
}

func TestGolden(t *testing.T) {
	tests := []struct {
		name string
		text Text
	}{
		{"pipe", Text{Netns: true}},
		{"colour", Text{Netns: true, Colour: true}},
		{"full-time", Text{FullTime: true}},
		{"width-120", Text{Width: 120, Netns: true}},
		{"width-100", Text{Width: 100, Netns: true}},
		{"width-80", Text{Width: 80, Netns: true}},
		{"width-40", Text{Width: 40}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := render(&test.text)
			path := filepath.Join("testdata", test.name+".txt")
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
		})
	}
}

var colourCode = regexp.MustCompile(`\x1b\[[0-9]*m`)

// TestNothingReachesTheTerminal: whatever a name holds, a line has no character
// that a terminal acts upon, and is one line.
func TestNothingReachesTheTerminal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := samples()[0]
		r.Process.Comm = string(rapid.SliceOfN(rapid.Byte(), 0, 16).Draw(t, "comm"))
		r.Netns.Name = rapid.String().Draw(t, "netns")
		text := Text{Netns: true, Colour: rapid.Bool().Draw(t, "colour"), Width: rapid.SampledFrom([]int{0, 60, 120, 200}).Draw(t, "width")}
		line := colourCode.ReplaceAll(text.Append(nil, &r), nil)
		if !utf8.Valid(line) {
			t.Fatalf("%q is not UTF-8", line)
		}
		for _, c := range string(line) {
			if !safe(c) {
				t.Fatalf("%q has the character %U", line, c)
			}
		}
	})
}

// TestOptionalColumnsNeverWrap: a line is wider than the terminal only if its
// addresses alone are.
func TestOptionalColumnsNeverWrap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := samples()
		r := rapid.SampledFrom(list).Draw(t, "reset")
		text := Text{Netns: true, Width: rapid.IntRange(1, 200).Draw(t, "width"), FullTime: rapid.Bool().Draw(t, "full")}
		line := text.Append(nil, &r)
		bare := Text{Netns: true, Width: 1, FullTime: text.FullTime}
		least := utf8.RuneCount(bare.Append(nil, &r))
		if width := utf8.RuneCount(line); width > max(text.Width, least) {
			t.Fatalf("%q has %d columns, and the terminal %d", line, width, text.Width)
		}
	})
}

// TestColumnsStandUnderEachOther: in a pipe every line has its columns at the
// same places, as far as the addresses let them.
func TestColumnsStandUnderEachOther(t *testing.T) {
	text := Text{}
	for _, r := range samples()[:5] {
		line := string(text.Append(nil, &r))
		if at := strings.Index(line, " "+endpoint(r.Src)); at != 57 {
			t.Errorf("%q: the addresses begin at column %d", line, at)
		}
		if at := strings.Index(line, "#"); at != 113 {
			t.Errorf("%q: the id begins at column %d", line, at)
		}
	}
}

// TestColourTouchesNoText: without its escapes a coloured line is the plain one.
func TestColourTouchesNoText(t *testing.T) {
	plain, coloured := render(&Text{}), render(&Text{Colour: true})
	if diff := cmp.Diff(string(plain), string(colourCode.ReplaceAll(coloured, nil))); diff != "" {
		t.Errorf("(-plain +coloured):\n%s", diff)
	}
	if bytes.Equal(plain, coloured) {
		t.Error("no colour")
	}
}

func TestClean(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"plain", "nginx: worker", "nginx: worker"},
		{"escape", "\x1b[31mred", "?[31mred"},
		{"newline", "a\nb\tc", "a?b?c"},
		{"C1 control", "a\u009bb", "a?b"},
		{"direction", "a\u202eb\u2066c", "a?b?c"},
		{"zero width", "a\u200bb", "a?b"},
		{"broken UTF-8", "a\xffb", "a?b"},
		{"letters", "naïve-Ω日本", "naïve-Ω日本"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, Clean(test.text)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func ExampleText_Append() {
	text := Text{Zone: time.UTC}
	for _, r := range samples()[:2] {
		fmt.Println(string(text.Append(nil, &r)))
	}
	// Output:
	// 15:27:04.118  local-app       unread-data        lost out 10.0.0.7:3306 > 10.0.0.5:51334            mysqld/2211  #GMEWBC
	// 15:27:04.125 ~path           ~idle-timeout       lost in  10.0.0.12:5432 > 10.0.0.7:40112           hikari/8812  #1C04D6
}
