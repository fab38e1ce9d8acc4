package explain

import (
	"strings"
	"testing"

	"github.com/rstwatch/rstwatch/internal/reset"
)

const wholeID = "01M7ZBFX8DGKHW1VVGKBV905JF"

func TestParseTarget(t *testing.T) {
	tests := []struct {
		name, args, want string
	}{
		{"short", "#0QXB4M", "#0QXB4M"},
		{"short without mark", "0qxb4m", "#0QXB4M"},
		{"letters that look alike", "OIL4", "#0114"},
		{"longer end", "KBV905JF", "#KBV905JF"},
		{"whole", wholeID, wholeID},
		{"whole, lower case", strings.ToLower(wholeID), wholeID},
		{"tuple", "10.0.0.7:443 10.0.0.5:51334", "10.0.0.7:443 and 10.0.0.5:51334"},
		{"as a line shows it", "10.0.0.7:443 > 10.0.0.5:51334", "10.0.0.7:443 and 10.0.0.5:51334"},
		{"IPv6", "[2001:db8::7]:443 [2001:db8::5]:51334", "[2001:db8::7]:443 and [2001:db8::5]:51334"},
		{"any port", "10.0.0.7:443 10.0.0.5", "10.0.0.7:443 and 10.0.0.5"},
		{"any port, IPv6", "2001:db8::7 [2001:db8::5]", "2001:db8::7 and 2001:db8::5"},
		{"mapped", "[::ffff:10.0.0.7]:443 10.0.0.5:1", "10.0.0.7:443 and 10.0.0.5:1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			target, err := ParseTarget(strings.Fields(test.args))
			if err != nil || target.String() != test.want {
				t.Errorf("%q, error %v; want %q", target.String(), err, test.want)
			}
			if quoted, err := ParseTarget([]string{test.args}); err != nil || quoted != target {
				t.Errorf("in one argument: %v, error %v", quoted, err)
			}
		})
	}
}

func TestParseTargetRefuses(t *testing.T) {
	tests := []struct{ name, args, message string }{
		{"nothing", "", "want an id"},
		{"too short", "abc", "4 at least"},
		{"too long", wholeID + "0", "4 at least"},
		{"zeros", "00000000000000000000000000", "no reset has"},
		{"no id", "umount", "is no id"},
		{"word", "hello-world", "is no id"},
		{"one end", "10.0.0.7:443", "one end of a connection"},
		{"three words", "a b c", "3 words"},
		{"no port", "10.0.0.7:443 host", "no address with a port"},
		{"a name", "10.0.0.7:443 db7:51334", "names are not looked up"},
		{"big port", "10.0.0.7:443 10.0.0.5:65536", `port "65536"`},
		{"two families", "10.0.0.7:443 [2001:db8::7]:443", "IPv6"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if target, err := ParseTarget(strings.Fields(test.args)); err == nil || !strings.Contains(err.Error(), test.message) {
				t.Errorf("%q, error %v; want one with %q", target.String(), err, test.message)
			}
		})
	}
}

func TestFits(t *testing.T) {
	r := base(0, reset.In, "10.0.0.12:5432", "10.0.0.7:40112")
	r.NAT = &reset.NAT{Original: reset.Tuple{Src: end("10.0.0.7:40112"), Dst: end("10.9.9.9:5432")}}
	tests := []struct {
		args string
		want bool
	}{
		{"10.0.0.12:5432 10.0.0.7:40112", true},
		{"10.0.0.7:40112 10.0.0.12:5432", true},
		{"10.0.0.7 10.0.0.12:5432", true},
		{"10.0.0.7 10.0.0.12", true},
		{"10.9.9.9:5432 10.0.0.7:40112", true},
		{"10.0.0.12:5432 10.0.0.7:40113", false},
		{"10.0.0.12:40112 10.0.0.7:5432", false},
		{"#" + r.ID.Short(), true},
		{r.ID.String()[3:], true},
		{r.ID.String(), true},
		{"#" + flip(r.ID.Short()), false},
	}
	for _, test := range tests {
		target, err := ParseTarget([]string{test.args})
		if err != nil {
			t.Fatal(err)
		}
		if got := target.Fits(&r); got != test.want {
			t.Errorf("%s fits: %v", test.args, got)
		}
	}
}

// flip changes the first character.
func flip(text string) string {
	if text[0] == '0' {
		return "1" + text[1:]
	}
	return "0" + text[1:]
}

// FuzzParseTarget: no text makes it panic; what it takes is written as something
// that it takes again.
func FuzzParseTarget(f *testing.F) {
	for _, seed := range []string{"#0QXB4M", wholeID, "10.0.0.7:443 > [2001:db8::5]:1", "10.0.0.7 10.0.0.5:9", "[fe80::1%eth0]:1 ::2", "[]: :"} {
		f.Add(seed)
	}
	r := base(0, reset.In, "10.0.0.12:5432", "10.0.0.7:40112")
	f.Fuzz(func(t *testing.T, text string) {
		target, err := ParseTarget([]string{text})
		if err != nil {
			return
		}
		target.Fits(&r)
		target.near(&r)
		again, err := ParseTarget([]string{strings.Replace(target.String(), " and ", " ", 1)})
		if err != nil || again != target {
			t.Fatalf("%q is %q, and that is %v, error %v", text, target.String(), again, err)
		}
	})
}
