package check

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// seed adds every file of testdata, and some texts that are none.
func seed(f *testing.F, more ...string) {
	names, err := filepath.Glob("../*/testdata/*/*")
	if err != nil || len(names) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	for _, text := range more {
		f.Add(text)
	}
}

// judgeAs judges a text as a file of one kind, where rules log with a known prefix.
func judgeAs(t *testing.T, kind Kind, text string) {
	if len(text) > 64<<10 {
		return
	}
	c := newChecker()
	c.prefixes = []string{"[x1]", "[rst]"}
	s := newSource("file", []byte(text))
	s.kind, s.named = kind, true
	c.judge([]*source{s})
	for _, fault := range c.report.Faults {
		if fault.Line < 0 || fault.Line > len(s.lines) || fault.Why == "" {
			t.Errorf("%+v", fault)
		}
		if len(fault.Text) > maxShown+8 || !utf8.ValidString(fault.Text) {
			t.Errorf("text %q", fault.Text)
		}
	}
	if len(c.report.Faults) > maxFaults || len(c.report.Notes) > maxFaults {
		t.Error("more than a report holds")
	}
}

func FuzzIPTables(f *testing.F) {
	seed(f, "*filter\n*filter\n*nat\n", strings.Repeat("-A INPUT -j LOG --log-level7\n", 100))
	f.Fuzz(func(t *testing.T, text string) { judgeAs(t, IPTables, text) })
}

func FuzzNFTables(f *testing.F) {
	seed(f, "table inet x { chain a { type filter hook input priority 0; jump a; goto a } }", "table x {{{{", "add rule x y tcp flags & (fin|syn|rst) == rst log", `table x { chain y { log prefix "`)
	f.Fuzz(func(t *testing.T, text string) { judgeAs(t, NFTables, text) })
}

func FuzzRsyslog(f *testing.F) {
	seed(f, `if $msg contains "x1" then`, `if ($msg startswith "then" then {{`, ":msg, !regex, \"a\\\"b\" ~\n& stop")
	f.Fuzz(func(t *testing.T, text string) { judgeAs(t, Rsyslog, text) })
}

func FuzzSyslogNG(f *testing.F) {
	seed(f, `log { source(s); filter(f); destination(d); };`, `filter f { message("^\[x1\]"); }; destination d { file("/x"); }; log { filter(f); destination(d); };`, "}}}{{{\"")
	f.Fuzz(func(t *testing.T, text string) { judgeAs(t, SyslogNG, text) })
}

func FuzzLogrotate(f *testing.F) {
	seed(f, "/a /b {\nprerotate\n", "}\n}\n{\n{\n", "\"/a b\" '/c\n{ }")
	f.Fuzz(func(t *testing.T, text string) { judgeAs(t, Logrotate, text) })
}

func FuzzLoads(f *testing.F) {
	seed(f, "iptables-restore <", "x && iptables-restore -n < a; ip6tables-restore < b", "ExecStart=-@iptables-restore")
	f.Fuzz(func(t *testing.T, text string) {
		judgeAs(t, Shell, text)
		for line := range strings.Lines(text) {
			if len(loadsIn(line)) > maxWords {
				t.Errorf("%q: more commands than words", line)
			}
		}
	})
}

func FuzzKind(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, text string) { judgeAs(t, kindOf(text), text) })
}
