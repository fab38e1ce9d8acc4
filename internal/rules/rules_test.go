package rules

import (
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rstwatch/rstwatch/internal/classic"
	"github.com/rstwatch/rstwatch/internal/reset"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func mustParse(t testing.TB, text string) *Set {
	t.Helper()
	s, err := Parse("test.rules", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// filter makes a file of rules in the filter table.
func filter(rules ...string) string {
	return "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:user - [0:0]\n:other - [0:0]\n" +
		strings.Join(rules, "\n") + "\nCOMMIT\n"
}

// rst is a reset of src and dst.
func rst(direction reset.Direction, src, dst string, edits ...func(*reset.Reset)) *reset.Reset {
	a, b := netip.MustParseAddrPort(src), netip.MustParseAddrPort(dst)
	r := &reset.Reset{
		Direction: direction, Time: 1e18,
		Src: reset.EndpointFrom(a.Addr(), a.Port()), Dst: reset.EndpointFrom(b.Addr(), b.Port()),
		Packet: reset.Packet{Family: reset.IPv4, Flags: reset.RST, Mark: reset.Some(uint32(0))},
	}
	if a.Addr().Is6() {
		r.Packet.Family = reset.IPv6
	}
	switch direction {
	case reset.In:
		r.Interface.In = "eth0"
	case reset.Out:
		r.Interface.Out = "eth0"
	case reset.Forward:
		r.Interface.In, r.Interface.Out = "eth0", "eth1"
	}
	for _, edit := range edits {
		edit(r)
	}
	return r
}

func flags(f reset.Flags) func(*reset.Reset) {
	return func(r *reset.Reset) { r.Packet.Flags = f | reset.RST }
}

func prefixes(s *Set, r *reset.Reset) string {
	var all []string
	s.Matches(r, func(one *Rule) { all = append(all, one.Prefix) })
	return strings.Join(all, " ")
}

func TestClassicFile(t *testing.T) {
	text, err := os.ReadFile("testdata/drds_filter.conf")
	if err != nil {
		t.Fatal(err)
	}
	s := mustParse(t, string(text))
	for _, tc := range []struct {
		name string
		r    *reset.Reset
		want string
	}{
		{"received", rst(reset.In, "10.0.0.1:80", "10.0.0.2:40000"), "[drds] "},
		{"sent", rst(reset.Out, "10.0.0.1:80", "10.0.0.2:40000"), "[drds] "},
		{"forwarded", rst(reset.Forward, "10.0.0.1:80", "10.0.0.2:40000"), ""},
		{"from port 3406", rst(reset.In, "10.0.0.1:3406", "10.0.0.2:40000"), ""},
		{"to port 3406", rst(reset.In, "10.0.0.1:40000", "10.0.0.2:3406"), "[drds] "},
		{"IPv6", rst(reset.In, "[fd77::1]:80", "[fd77::2]:40000"), ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := prefixes(s, tc.r); got != tc.want {
				t.Errorf("logged with %q, want %q", got, tc.want)
			}
		})
	}
	want := classic.Options{Prefix: "[drds] ", Level: 7, TCPSequence: true, TCPOptions: true, IPOptions: true}
	for _, rule := range s.Rules() {
		if diff := cmp.Diff(want, rule.Options()); diff != "" {
			t.Errorf("line %d (-want +got):\n%s", rule.Line, diff)
		}
	}
	wantNotices := []string{
		`line 7: a commented rule that would not load: missing space: --log-level 7: `,
		`the file is for IPv4`, `no rule meets forwarded resets`,
	}
	notices := s.Notices()
	for i, want := range wantNotices {
		if i >= len(notices) || !strings.Contains(notices[i].String(), want) {
			t.Errorf("notices %q, want one with %q at %d", notices, want, i)
		}
	}
	if got := s.Needs(); got != FieldDirection {
		t.Errorf("needs %v", got)
	}
}

func TestMatches(t *testing.T) {
	const log = " -j LOG --log-prefix "
	in := func(src string, edits ...func(*reset.Reset)) *reset.Reset {
		return rst(reset.In, src, "10.0.0.2:443", edits...)
	}
	for _, tc := range []struct {
		name  string
		rules []string
		r     *reset.Reset
		want  string
	}{
		{"everything", []string{"-A INPUT" + log + "a"}, in("10.0.0.1:80"), "a"},
		{"several rules", []string{"-A INPUT" + log + "a", "-A INPUT -p 6" + log + "b"}, in("10.0.0.1:80"), "a b"},
		{"other chain", []string{"-A OUTPUT" + log + "a"}, in("10.0.0.1:80"), ""},
		{"counters", []string{"[1:2] -A INPUT -c 3 4" + log + "a"}, in("10.0.0.1:80"), "a"},
		{"insertion", []string{"-A INPUT" + log + "a", "-I INPUT 1" + log + "b", "-I INPUT 2" + log + "c"}, in("10.0.0.1:80"), "b c a"},
		{"port range", []string{"-A INPUT -p tcp --sport 80:90" + log + "a"}, in("10.0.0.1:90"), "a"},
		{"open range", []string{"-A INPUT -p tcp ! --sport :90" + log + "a"}, in("10.0.0.1:90"), ""},
		{"service name", []string{"-A INPUT -p tcp --dport https" + log + "a"}, in("10.0.0.1:90"), "a"},
		{"multiport", []string{"-A INPUT -p tcp -m multiport --ports 1,440:450" + log + "a"}, in("10.0.0.1:90"), "a"},
		{"not multiport", []string{"-A INPUT -p tcp -m multiport ! --sports 1,90" + log + "a"}, in("10.0.0.1:90"), ""},
		{"network", []string{"-A INPUT -s 10.0.0.0/30" + log + "a", "-A INPUT -s 10.0.0.4/255.255.255.252" + log + "b"}, in("10.0.0.3:1"), "a"},
		{"odd mask", []string{"-A INPUT -s 10.9.9.3/255.0.0.255" + log + "a"}, in("10.0.0.3:1"), "a"},
		{"not a network", []string{"-A INPUT ! -d 10.0.0.0/8" + log + "a"}, in("10.0.0.3:1"), ""},
		{"list logs twice", []string{"-A INPUT -s 10.0.0.0/8,10.0.0.3,10.0.0.4" + log + "a"}, in("10.0.0.3:1"), "a a"},
		{"device", []string{"-A INPUT -i eth+" + log + "a", "-A INPUT ! -i eth0" + log + "b", "-A INPUT -i +" + log + "c"}, in("10.0.0.3:1"), "a c"},
		{"flags", []string{"-A INPUT -p tcp --tcp-flags ALL RST,ACK" + log + "a", "-A INPUT -p tcp ! --tcp-flags ACK ACK" + log + "b"}, in("10.0.0.3:1", flags(reset.ACK)), "a"},
		{"SYN and RST", []string{"-A INPUT -p tcp --tcp-flags SYN,RST SYN,RST" + log + "a"}, in("10.0.0.3:1", flags(reset.SYN)), "a"},
		{"ALL leaves out ECN", []string{"-A INPUT -p tcp --tcp-flags ALL RST" + log + "a"}, in("10.0.0.3:1", flags(reset.CWR)), "a"},
		{"not syn", []string{"-A INPUT -p tcp ! --syn" + log + "a"}, in("10.0.0.3:1"), "a"},
		{"mark", []string{"-A INPUT -m mark --mark 0x4/0xc" + log + "a", "-A INPUT -m mark ! --mark 7" + log + "b"}, in("10.0.0.3:1", func(r *reset.Reset) { r.Packet.Mark.V = 7 }), "a"},
		{"mark unknown", []string{"-A INPUT -m mark ! --mark 1" + log + "a"}, in("10.0.0.3:1", func(r *reset.Reset) { r.Packet.Mark.OK = false }), ""},
		{"accepted before", []string{"-A INPUT -i eth0 -j ACCEPT", "-A INPUT" + log + "a"}, in("10.0.0.3:1"), ""},
		{"rejected after", []string{"-A INPUT" + log + "a", "-A INPUT -p tcp -j REJECT --reject-with tcp-reset", "-A INPUT" + log + "b"}, in("10.0.0.3:1"), "a"},
		{"user chain", []string{"-A user" + log + "u", "-A user -j RETURN", "-A user" + log + "v", "-A INPUT -j user", "-A INPUT" + log + "a"}, in("10.0.0.3:1"), "u a"},
		{"verdict in a user chain", []string{"-A user -s 10.0.0.3 -j ACCEPT", "-A INPUT -j user", "-A INPUT" + log + "a"}, in("10.0.0.3:1"), ""},
		{"goto", []string{"-A user" + log + "u", "-A INPUT -g user", "-A INPUT" + log + "a"}, in("10.0.0.3:1"), "u"},
		{"goto returns to the caller's caller", []string{"-A other" + log + "o", "-A user -g other", "-A user" + log + "u", "-A INPUT -j user", "-A INPUT" + log + "a"}, in("10.0.0.3:1"), "o a"},
		{"what cannot matter", []string{"-A INPUT -p udp -m owner --uid-owner 1 -j LOG", "-A INPUT" + log + "a", "-A INPUT -m recent --set -j DROP"}, in("10.0.0.3:1"), "a"},
		{"comment", []string{`-A INPUT -m comment --comment "a \"quoted\" -j DROP" ` + log + `"x \"y\" "`}, in("10.0.0.3:1"), `x "y" `},
		{"equals sign", []string{`-A INPUT -j LOG --log-prefix="a b"`}, in("10.0.0.3:1"), "a b"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := prefixes(mustParse(t, filter(tc.rules...)), tc.r); got != tc.want {
				t.Errorf("logged with %q, want %q", got, tc.want)
			}
		})
	}
}

func TestConntrackStateIsNeeded(t *testing.T) {
	s := mustParse(t, filter(
		"-A INPUT -i lo -j ACCEPT",
		"-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
		"-A INPUT -m state ! --state NEW -j LOG --log-prefix a",
	))
	err := s.Require(AllFields&^FieldConntrack, "AF_PACKET")
	var e *Error
	if !errors.As(err, &e) || e.Line != 8 || !strings.Contains(e.Reason, "conntrack state, which AF_PACKET cannot know") {
		t.Errorf("error %v", err)
	}
	if err := s.Require(AllFields, "any"); err != nil {
		t.Error(err)
	}
	r := rst(reset.In, "10.0.0.1:1", "10.0.0.2:2")
	if got := prefixes(s, r); got != "" {
		t.Errorf("unknown state: logged with %q", got)
	}
	for state, want := range map[string]string{"ESTABLISHED": "", "NEW": "", "INVALID": "a"} {
		s.Conntrack = func(*reset.Reset) (string, bool) { return state, true }
		if got := prefixes(s, r); got != want {
			t.Errorf("%s: logged with %q, want %q", state, got, want)
		}
	}
}

func TestLimit(t *testing.T) {
	s := mustParse(t, filter(
		"-A INPUT -m limit --limit 2/second --limit-burst 3 -p tcp --sport 7 -j LOG --log-prefix first",
		"-A INPUT -p tcp --sport 7 -m limit --limit 60/min --limit-burst 1 -j LOG --log-prefix last",
	))
	at := int64(5e9)
	send := func(port string, after int64) string {
		at += after
		return prefixes(s, rst(reset.In, "10.0.0.1:"+port, "10.0.0.2:2", func(r *reset.Reset) { r.MonoNS = reset.Some(at) }))
	}
	var got []string
	for _, p := range []struct {
		port  string
		after int64
	}{{"7", 0}, {"8", 0}, {"7", 0}, {"7", 0}, {"7", 5e8}, {"7", 4e8}, {"7", 2e8}, {"8", 0}, {"7", 60e9}, {"7", -9e9}, {"7", 0}, {"7", 0}} {
		got = append(got, send(p.port, p.after))
	}
	// The first rule's limit comes before its port and pays for port 8 too.
	want := []string{"first last", "", "first", "", "first", "", "first last", "", "first last", "first", "first", ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := fmt.Sprint(s.Rules()[0].Suppressed(), s.Rules()[1].Suppressed()); got != "4 7" {
		t.Errorf("suppressed %s, want 4 7", got)
	}
}

func TestFamilies(t *testing.T) {
	six := rst(reset.In, "[fd77::1]:1", "[fd77::2]:2")
	four := rst(reset.In, "10.0.0.1:1", "10.0.0.2:2")
	for _, tc := range []struct{ name, text, four, six string }{
		{"nothing says", filter("-A INPUT -j LOG --log-prefix a"), "a", "a"},
		{"head", "# Generated by ip6tables-save v1.8.9 on Mon\n" + filter("-A INPUT -j LOG --log-prefix a"), "", "a"},
		{"address", filter("-A INPUT -s fd00::/8 -j LOG --log-prefix a", "-A INPUT -j LOG --log-prefix b"), "", "a b"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := mustParse(t, tc.text)
			if got := prefixes(s, four); got != tc.four {
				t.Errorf("IPv4: %q, want %q", got, tc.four)
			}
			if got := prefixes(s, six); got != tc.six {
				t.Errorf("IPv6: %q, want %q", got, tc.six)
			}
		})
	}
}

// TestErrors compares what each file in testdata/errors makes people read.
func TestErrors(t *testing.T) {
	files, err := filepath.Glob("testdata/errors/*.rules")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Parse(filepath.Base(path), strings.NewReader(string(text)))
			if err == nil {
				t.Fatal("accepted")
			}
			got := explain(err)
			golden := strings.TrimSuffix(path, ".rules") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func explain(err error) string {
	var b strings.Builder
	for _, one := range err.(interface{ Unwrap() []error }).Unwrap() {
		fmt.Fprintln(&b, one)
		if e := (*Error)(nil); errors.As(one, &e) && e.Hint != "" {
			fmt.Fprintf(&b, "  hint: %s\n", e.Hint)
		}
	}
	return b.String()
}

func FuzzParse(f *testing.F) {
	classic, err := os.ReadFile("testdata/drds_filter.conf")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(classic))
	f.Add(filter(`-A INPUT -s 10.0.0.0/8,fd00::/7 -m limit --limit 1/s -j user`, `-A user -g user`, `-A user -j LOG --log-prefix "\"`))
	f.Add(filter(`-A INPUT -p tcp -m multiport --ports 1:2,3 -m mark ! --mark 1/2 -m conntrack --ctstate NEW -j LOG`))
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse("fuzz", strings.NewReader(text))
		if (s == nil) == (err == nil) {
			t.Fatal("neither a set nor an error")
		}
		if err != nil {
			if _, ok := err.(interface{ Unwrap() []error }); !ok {
				t.Fatalf("an error without a place: %v", err)
			}
			return
		}
		for _, d := range []reset.Direction{reset.In, reset.Out, reset.Forward, reset.Transit} {
			r := rst(d, "10.0.0.1:1", "10.0.0.2:2")
			if _, ok := s.Match(r); ok && d == reset.Transit {
				t.Fatal("matched in no chain")
			}
		}
	})
}
