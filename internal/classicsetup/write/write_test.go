package write

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestParsePorts(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       []Ports
		wrong      bool
	}{
		{"one", "3406", []Ports{{3406, 3406}}, false},
		{"several", "80, 443,8000-8080", []Ports{{80, 80}, {443, 443}, {8000, 8080}}, false},
		{"range as in rules", "8000:8080", []Ports{{8000, 8080}}, false},
		{"nothing", "", nil, true},
		{"zero", "0", nil, true},
		{"too large", "65536", nil, true},
		{"backwards", "90-80", nil, true},
		{"a name", "http", nil, true},
		{"negative", "-80", nil, true},
		{"too many", strings.Repeat("1,", maxLists) + "2", nil, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := ParsePorts(test.text)
			if (err != nil) != test.wrong {
				t.Fatalf("error %v, want one: %v", err, test.wrong)
			}
			if diff := cmp.Diff(test.want, got); !test.wrong && diff != "" {
				t.Errorf("ports (-want +got):\n%s", diff)
			}
		})
	}
}

func TestValidateRefuses(t *testing.T) {
	for _, test := range []struct {
		name string
		edit func(*Setup)
		want string // in the error; empty is none
	}{
		{"default", func(*Setup) {}, ""},
		{"space is added", func(s *Setup) { s.Prefix = "[drds]" }, ""},
		{"quote", func(s *Setup) { s.Prefix = `a"b c` }, "prefix"},
		{"line break", func(s *Setup) { s.Prefix = "abc\ndef" }, "prefix"},
		{"backslash", func(s *Setup) { s.Prefix = `abc\` }, "prefix"},
		{"dollar", func(s *Setup) { s.Prefix = "abc$x" }, "prefix"},
		{"empty", func(s *Setup) { s.Prefix = "" }, "prefix"},
		{"blank", func(s *Setup) { s.Prefix = "     " }, "prefix"},
		{"marks only", func(s *Setup) { s.Prefix = "[--] " }, "prefix"},
		{"long", func(s *Setup) { s.Prefix = strings.Repeat("x", 22) }, "longer"},
		{"longest", func(s *Setup) { s.Prefix = strings.Repeat("x", 21) }, ""},
		{"relative log", func(s *Setup) { s.Path = "rst.log" }, "log"},
		{"log in the root", func(s *Setup) { s.Path = "/rst.log" }, "log"},
		{"log with dots", func(s *Setup) { s.Path = "/var/log/../rst.log" }, "log"},
		{"log with a space", func(s *Setup) { s.Path = "/var/log/my rst.log" }, "log"},
		{"log with a star", func(s *Setup) { s.Path = "/var/log/*.log" }, "log"},
		{"no days", func(s *Setup) { s.Days = 0 }, "days"},
		{"no rate", func(s *Setup) { s.Rate = 0 }, "rate"},
		{"rate that xt_limit cannot", func(s *Setup) { s.Rate = 10_001 }, "rate"},
		{"ports and exceptions", func(s *Setup) { s.Ports, s.Except = []Ports{{1, 1}}, []Ports{{2, 2}} }, "together"},
		{"owner", func(s *Setup) { s.Owner = "ro ot" }, "owner"},
		{"group", func(s *Setup) { s.Group = "-x" }, "group"},
		{"group of the directory", func(s *Setup) { s.Su = "a;b" }, "group"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := Default()
			test.edit(&s)
			err := s.Validate()
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
			if err == nil && !strings.HasSuffix(s.Prefix, " ") {
				t.Errorf("prefix %q has no space behind it", s.Prefix)
			}
		})
	}
}

// golden are the set-ups whose files are kept in testdata.
func golden(t testing.TB) map[string]Setup {
	some, err := ParsePorts("80,443,8000-8080")
	if err != nil {
		t.Fatal(err)
	}
	except := Default()
	except.Prefix, except.Path, except.Group, except.Except = "[drds]", "/var/log/drds-tcp.log", "adm", []Ports{{3406, 3406}}
	ports := Default()
	ports.Ports, ports.Forward, ports.Namespaces, ports.Su, ports.Rate, ports.Days = some, true, true, "syslog", 200, 7
	all := map[string]Setup{"except": except, "ports": ports}
	for name, s := range all {
		if err := s.Validate(); err != nil {
			t.Fatal(err)
		}
		all[name] = s
	}
	return all
}

func TestFilesAreAsKept(t *testing.T) {
	for name, s := range golden(t) {
		for _, part := range Parts() {
			choice := Choice{IPTables, Rsyslog}
			if part == SyslogNG {
				choice.Syslog = SyslogNG
			}
			file, err := s.File(part, choice)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", name, string(part))
			if *update {
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(file.Text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), file.Text); diff != "" {
				t.Errorf("%s (-want +got; -update rewrites):\n%s", path, diff)
			}
		}
	}
}

func TestMultiportsFit(t *testing.T) {
	list, err := ParsePorts("1,2,3,4,5,6,7,8,9,10,11,12,13,14,20-30,40-50,60")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"1,2,3,4,5,6,7,8,9,10,11,12,13,14", "20:30,40:50,60"}
	if diff := cmp.Diff(want, multiports(list)); diff != "" {
		t.Errorf("lists (-want +got):\n%s", diff)
	}
}

func TestMark(t *testing.T) {
	for _, text := range []string{"", "one\ntwo\n", "#!/bin/sh\ntrue\n"} {
		marked := Mark(text)
		if is, unchanged := IsMarked(marked); !is || !unchanged {
			t.Errorf("%q: marked %v, unchanged %v", marked, is, unchanged)
		}
		if is, unchanged := IsMarked(marked + "more\n"); !is || unchanged {
			t.Errorf("%q with a line more: marked %v, unchanged %v", marked, is, unchanged)
		}
		if is, _ := IsMarked(text); is {
			t.Errorf("%q: marked", text)
		}
	}
	if !strings.HasPrefix(Mark("#!/bin/sh\n"), "#!/bin/sh\n# ") {
		t.Error("the mark stands before #!")
	}
}

func TestUnknownPart(t *testing.T) {
	s := Default()
	if _, err := s.File("iptable", Choice{IPTables, Rsyslog}); err == nil {
		t.Error("no error")
	}
	if _, err := s.File(Systemd, Choice{"pf", Rsyslog}); err == nil {
		t.Error("no error")
	}
}

// FuzzSetup holds that whatever passes Validate cannot break out of its place in a file.
func FuzzSetup(f *testing.F) {
	f.Add("[drds] ", "/var/log/x.log", "80,443", "root")
	f.Add("a b\x1b[1m", "/var/log/a\nb", "1-2", "adm\n")
	f.Fuzz(func(t *testing.T, prefix, path, ports, group string) {
		s := Default()
		s.Prefix, s.Path, s.Group = prefix, path, group
		s.Except, _ = ParsePorts(ports)
		if s.Validate() != nil {
			return
		}
		plain := Default()
		plain.Except = s.Except
		for _, part := range Parts() {
			choice := Choice{NFTables, SyslogNG}
			file, err := s.File(part, choice)
			if err != nil {
				t.Fatal(err)
			}
			like, err := plain.File(part, choice)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Count(file.Text, "\n") != strings.Count(like.Text, "\n") || strings.Count(file.Text, `"`) != strings.Count(like.Text, `"`) {
				t.Errorf("%s has other lines or quotations than usual:\n%s", part, file.Text)
			}
			if strings.ContainsFunc(file.Text, func(r rune) bool { return r != '\n' && r != '\t' && unicode.IsControl(r) }) {
				t.Errorf("%s has control characters", part)
			}
		}
	})
}
