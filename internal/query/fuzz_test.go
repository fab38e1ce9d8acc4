package query

import (
	"errors"
	"strings"
	"testing"
)

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"host 192.0.2.1 and not (port 80 or 443)", "src and dst net 10/8 or ip6 host ::1", "tcp[tcpflags] & (tcp-syn|tcp-ack) != 0",
		"ether src 2:0:0:0:0:1 && vlan 5 || less 40", `comm "a \" b" or interface eth* or netns 5 or "5"`, "sender peer or path and cause (scan or refused)",
		"net 10.0.0.3 mask 255.0.0.255", "-(len - 5) * 2 << 1 >= ip6[4:2] % 3", "((((len > 5))))", "portrange ssh-https",
	} {
		f.Add(seed)
	}
	r := sample()
	f.Fuzz(func(t *testing.T, text string) {
		filter, err := Parse(text)
		if err != nil {
			var e *SyntaxError
			if !errors.As(err, &e) || e.Offset < 0 || e.Offset > len(e.Text) || strings.ContainsAny(e.Error(), "\x1b\r\x00") {
				t.Fatalf("error %#v", err)
			}
			return
		}
		canonical := filter.String()
		again, err := Parse(canonical)
		if err != nil {
			if strings.Contains(err.Error(), "more than") || strings.Contains(err.Error(), "longer than") {
				return // parentheses that the canonical form adds count too
			}
			t.Fatalf("%q has the canonical form %q: %v", text, canonical, err)
		}
		if again.String() != canonical || again.Match(r) != filter.Match(r) {
			t.Fatalf("%q is %q, which is %q", text, canonical, again)
		}
		condition := filter.Prefilter()
		if filter.Match(r) && !condition.Pass(r) {
			t.Fatalf("%q matches and its prefilter stops it", text)
		}
	})
}
