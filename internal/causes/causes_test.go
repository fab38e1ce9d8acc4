package causes

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	pages "github.com/rstwatch/rstwatch/docs/causes"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// TestEveryCauseHasItsPage: and no page is there without a cause.
func TestEveryCauseHasItsPage(t *testing.T) {
	names, err := fs.Glob(pages.Files, "*.md")
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, name := range names {
		words = append(words, strings.TrimSuffix(name, ".md"))
	}
	want := slices.Sorted(slices.Values(reset.CauseWords()))
	if diff := cmp.Diff(want, slices.Sorted(slices.Values(words))); diff != "" {
		t.Errorf("pages (-causes +pages):\n%s", diff)
	}
	for _, word := range words {
		if page, err := read(word); err != nil {
			t.Error(err)
		} else if page.Cause.String() != word {
			t.Errorf("the page of %s says %s", word, page.Cause)
		}
	}
}

// TestPagesAreComplete holds each page to what explain takes from it.
func TestPagesAreComplete(t *testing.T) {
	for _, p := range All() {
		if Of(p.Cause) != p {
			t.Errorf("%s: its page is not found", p.Cause)
		}
		if len(p.Title) > 72 || len(p.Meaning) < 60 || strings.Count(p.Meaning, ". ") > 0 {
			t.Errorf("%s: a title of %d characters, and the meaning %q", p.Cause, len(p.Title), p.Meaning)
		}
		for _, direction := range []reset.Direction{reset.Out, reset.In} {
			if len(p.ChecksFor(direction)) == 0 && len(p.ChecksFor(otherWay(direction))) == 0 {
				t.Errorf("%s: no commands for a RST that goes %s", p.Cause, direction)
			}
		}
		for line := range strings.Lines(p.Markdown) {
			if len([]rune(line)) > 121 && !strings.HasPrefix(line, "|") && !strings.Contains(line, " # ") {
				t.Errorf("%s: a line of %d characters: %s", p.Cause, len([]rune(line)), line)
			}
		}
		for _, check := range p.Checks {
			if len(check.Question) > 90 || strings.HasSuffix(check.Question, ".") {
				t.Errorf("%s: the question %q: short, and no sentence", p.Cause, check.Question)
			}
		}
	}
}

func otherWay(d reset.Direction) reset.Direction {
	if d == reset.Out {
		return reset.In
	}
	return reset.Out
}

// TestSendersAreWords: each page names the senders that its cause goes with.
func TestSendersAreWords(t *testing.T) {
	quoted := regexp.MustCompile("`([^`]+)`")
	for _, p := range All() {
		found := 0
		for _, match := range quoted.FindAllStringSubmatch(strings.Join(p.Senders, "\n"), -1) {
			if slices.Contains(reset.SenderWords(), match[1]) {
				found++
			} else if !slices.Contains(reset.CauseWords(), match[1]) {
				t.Errorf("%s goes with %q, which is neither a sender nor a cause", p.Cause, match[1])
			}
		}
		if found == 0 {
			t.Errorf("%s names no sender", p.Cause)
		}
	}
}

// TestLinksLead: within the pages, and from them.
func TestLinksLead(t *testing.T) {
	for _, p := range All() {
		for _, match := range link.FindAllStringSubmatch(p.Markdown, -1) {
			target := match[2]
			if strings.Contains(target, "://") || strings.Contains(target, "#") {
				t.Errorf("%s: %s leads out of the pages", p.Cause, match[0])
				continue
			}
			if _, err := os.Stat(filepath.Join("../../docs/causes", target)); err != nil {
				t.Errorf("%s: %s leads nowhere", p.Cause, match[0])
			}
			if word := strings.TrimSuffix(target, ".md"); word != match[1] {
				t.Errorf("%s: %s leads to another cause than it names", p.Cause, match[0])
			}
		}
	}
}

// TestCommandsAreSafe: what may have a space or brackets stands in quotes, and
// every program is one that administrators have.
func TestCommandsAreSafe(t *testing.T) {
	programs := []string{
		"arping", "cat", "conntrack", "coredumpctl", "getent", "ip", "iptables-save", "journalctl", "ls", "nft",
		"nstat", "ping", "rstwatch", "ss", "strace", "sysctl", "tcpdump", "traceroute", "uptime",
	}
	quoted := regexp.MustCompile(`'[^']*'`)
	for _, p := range All() {
		for _, check := range p.Checks {
			program, _, _ := strings.Cut(check.Command, " ")
			if !slices.Contains(programs, program) {
				t.Errorf("%s: %q is no known program", p.Cause, program)
			}
			bare := quoted.ReplaceAllString(check.Command, "")
			for name := range placeholders(bare) {
				if name == "before" || name == "after" || program == "ss" {
					t.Errorf("%s: {%s} stands without quotes in %s", p.Cause, name, check.Command)
				}
			}
			if strings.ContainsAny(bare, "\"$;&<>*?()\\`") {
				t.Errorf("%s: %s: a shell would act upon it", p.Cause, check.Command)
			}
			if strings.Contains(strings.Join(quoted.FindAllString(check.Command, -1), ""), "{comm}") {
				t.Errorf("%s: a name in a filter", p.Cause)
			}
		}
	}
}

func TestFill(t *testing.T) {
	value := func(name, _ string) string {
		return map[string]string{
			"local": "10.0.0.7", "remote": "[2001:db8::7]", "before": "2026-11-21 15:26:04 UTC",
			"comm": "a'; reboot; '", "device": "-x", "pid": "", "netns": "a\nb", "caused_by": "$(id)",
		}[name]
	}
	tests := []struct {
		name, command, want string
		ok                  bool
	}{
		{"nothing to fill", "ss -tln", "ss -tln", true},
		{"addresses", "ss 'src {local} and dst {remote}'", "ss 'src 10.0.0.7 and dst [2001:db8::7]'", true},
		{"time", "journalctl --since '{before}'", "journalctl --since '2026-11-21 15:26:04 UTC'", true},
		{"not known", "ls /proc/{pid}", "", false},
		{"hostile", "pgrep {comm}", "", false},
		{"option", "arping -I {device}", "", false},
		{"line", "ip netns exec {netns} ss", "", false},
		{"expansion", "rstwatch explain {caused_by}", "", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, ok := Check{Command: test.command}.Fill(value)
			if ok != test.ok || ok && got != test.want {
				t.Errorf("%q, %v; want %q, %v", got, ok, test.want, test.ok)
			}
		})
	}
}

func TestPlain(t *testing.T) {
	got := Plain("see [half-open](half-open.md): **`tcp_v4_rcv`** says `NO_SOCKET` [not a link]")
	if diff := cmp.Diff("see half-open: tcp_v4_rcv says NO_SOCKET [not a link]", got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
