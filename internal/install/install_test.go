package install

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// machine is a root of files with a program to install, and the commands that were run.
type machine struct {
	t        *testing.T
	root     string
	source   string
	commands []string
}

func newMachine(t *testing.T, files map[string]string) *machine {
	t.Helper()
	m := &machine{t: t, root: t.TempDir(), source: filepath.Join(t.TempDir(), "rstwatch")}
	m.write("/etc/group", "root:x:0:\nadm:x:4:\n", 0o644)
	for path, text := range files {
		mode := os.FileMode(0o644)
		if strings.HasPrefix(text, "#!") {
			mode = 0o755
		}
		m.write(path, text, mode)
	}
	if err := os.WriteFile(m.source, []byte("program 1"), 0o755); err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *machine) write(path, text string, mode os.FileMode) {
	m.t.Helper()
	path = filepath.Join(m.root, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		m.t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		m.t.Fatal(err)
	}
}

// run stands in for groupadd and groupdel: it does to the group file what they do.
func (m *machine) run(_ context.Context, name string, arguments ...string) error {
	m.commands = append(m.commands, strings.ReplaceAll(strings.Join(append([]string{name}, arguments...), " "), m.root, "ROOT"))
	path := filepath.Join(m.root, "/etc/group")
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	line := arguments[len(arguments)-1] + ":x:999:\n"
	if name == "groupdel" {
		return os.WriteFile(path, []byte(strings.Replace(string(text), line, "", 1)), 0o644)
	}
	return os.WriteFile(path, append(text, line...), 0o644)
}

func (m *machine) options() Options {
	return Options{Root: m.root, Source: m.source, Group: "rstwatch", Run: m.run}
}

func (m *machine) install(o Options) []string { m.t.Helper(); return m.apply(Plan(o)) }
func (m *machine) remove(o Options) []string  { m.t.Helper(); return m.apply(PlanRemoval(o)) }

func (m *machine) apply(changes []Change, err error) []string {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
	var told []string
	err = Apply(context.Background(), changes, func(c Change) {
		told = append(told, strings.ReplaceAll(c.Action+" "+c.Path, m.root, "ROOT"))
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return told
}

// files maps every path below the root to its mode and content.
func (m *machine) files() map[string]string {
	m.t.Helper()
	found := make(map[string]string)
	err := filepath.WalkDir(m.root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == m.root {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		text := info.Mode().String()
		switch {
		case entry.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			text += " -> " + target
		case entry.Type().IsRegular():
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text += " " + string(content)
		}
		found[strings.TrimPrefix(path, m.root)] = text
		return nil
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return found
}

// The machines on which an install and its removal must leave no trace. Directories that exist before are named by
// a file in them.
var machines = []struct {
	name  string
	files map[string]string
	link  [2]string // a symbolic link: name, target
	want  []string  // what the install changes
}{
	{
		name: "systemd",
		files: map[string]string{
			"/lib/systemd/systemd": "", "/etc/systemd/system/multi-user.target.wants/x": "", "/usr/local/bin/x": "",
			"/var/lib/x": "",
		},
		want: []string{
			"create /var/lib/rstwatch/install.json", "create /usr/local/bin/rstwatch",
			"run groupadd --prefix ROOT --system rstwatch", "create /etc/rstwatch", "create /var/lib/rstwatch",
			"create /etc/systemd/system/rstwatch.service",
			"create /etc/systemd/system/multi-user.target.wants/rstwatch.service",
		},
	},
	{
		name:  "no rc.local",
		files: map[string]string{"/usr/local/bin/x": "", "/var/lib/x": ""},
		want: []string{
			"create /var/lib/rstwatch/install.json", "create /usr/local/bin/rstwatch",
			"run groupadd --prefix ROOT --system rstwatch", "create /etc/rstwatch", "create /var/lib/rstwatch",
			"create /etc/rc.local",
		},
	},
	{
		name: "Debian's rc.local",
		files: map[string]string{
			"/usr/local/bin/x": "", "/var/lib/x": "",
			"/etc/rc.local": "#!/bin/sh -e\n#\n# exit 0 at the end\n\nip route add 10.0.0.0/8 dev eth1\n\nexit 0\n",
		},
		want: []string{
			"create /var/lib/rstwatch/install.json", "create /usr/local/bin/rstwatch",
			"run groupadd --prefix ROOT --system rstwatch", "create /etc/rstwatch", "create /var/lib/rstwatch",
			"edit /etc/rc.local",
		},
	},
	{
		name: "RHEL's rc.local, not executable, behind a link",
		files: map[string]string{
			"/usr/local/bin/x": "", "/var/lib/x": "",
			"/etc/rc.d/rc.local": "# THIS FILE IS ADDED FOR COMPATIBILITY PURPOSES\ntouch /var/lock/subsys/local\niptables-restore < drds_filter.conf",
		},
		link: [2]string{"/etc/rc.local", "rc.d/rc.local"},
		want: []string{
			"create /var/lib/rstwatch/install.json", "create /usr/local/bin/rstwatch",
			"run groupadd --prefix ROOT --system rstwatch", "create /etc/rstwatch", "create /var/lib/rstwatch",
			"edit /etc/rc.d/rc.local",
		},
	},
	{
		name:  "RHEL without rc.local",
		files: map[string]string{"/usr/local/bin/x": "", "/var/lib/x": "", "/etc/rc.d/init.d/x": ""},
		want: []string{
			"create /var/lib/rstwatch/install.json", "create /usr/local/bin/rstwatch",
			"run groupadd --prefix ROOT --system rstwatch", "create /etc/rstwatch", "create /var/lib/rstwatch",
			"create /etc/rc.d/rc.local",
		},
	},
}

func TestInstallAndRemoval(t *testing.T) {
	for _, test := range machines {
		t.Run(test.name, func(t *testing.T) {
			m := newMachine(t, test.files)
			if test.link[0] != "" {
				if err := os.Symlink(test.link[1], filepath.Join(m.root, test.link[0])); err != nil {
					t.Fatal(err)
				}
			}
			before := m.files()

			planned, err := Plan(m.options())
			if err != nil || len(planned) == 0 {
				t.Fatalf("plan: %d changes, %v", len(planned), err)
			}
			if diff := cmp.Diff(before, m.files()); diff != "" {
				t.Fatalf("a plan alone changed something (-before +after):\n%s", diff)
			}
			if diff := cmp.Diff(test.want, m.install(m.options())); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string(nil), m.install(m.options())); diff != "" {
				t.Errorf("a second install changes something (-want +got):\n%s", diff)
			}
			m.remove(m.options())
			after := m.files()
			if test.name == "RHEL's rc.local, not executable, behind a link" {
				// The last line gets its end: the only trace, and a harmless one.
				before["/etc/rc.d/rc.local"] += "\n"
			}
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("the removal leaves a trace (-before +after):\n%s", diff)
			}
			if _, err := PlanRemoval(m.options()); !errors.Is(err, ErrNotInstalled) {
				t.Errorf("a second removal: %v", err)
			}
		})
	}
}

func TestRCLocalText(t *testing.T) {
	m := newMachine(t, map[string]string{"/etc/rc.local": "#!/bin/sh -e\nfirst\nexit 0\n"})
	o := m.options()
	o.Arguments = []string{"--classic", "/var/log/it's mine.log"}
	m.install(o)
	want := "#!/bin/sh -e\nfirst\n" + rcBegin + "\n" +
		`[ -e /etc/rstwatch/disabled ] || /usr/local/bin/rstwatch run --classic '/var/log/it'\''s mine.log' </dev/null >/dev/null 2>>/var/log/rstwatch.log &` +
		"\n" + rcEnd + "\nexit 0\n"
	if diff := cmp.Diff("-rwxr-xr-x "+want, m.files()["/etc/rc.local"]); diff != "" {
		t.Errorf("rc.local (-want +got):\n%s", diff)
	}
	o.Arguments = nil
	m.install(o)
	if got := m.files()["/etc/rc.local"]; strings.Count(got, "rstwatch run") != 1 || strings.Contains(got, "mine.log") {
		t.Errorf("a second install with other arguments does not replace the block:\n%s", got)
	}
}

func TestUnitText(t *testing.T) {
	m := newMachine(t, map[string]string{"/lib/systemd/systemd": ""})
	o := m.options()
	o.Group, o.Arguments = "", []string{"host 10.0.0.1 and not port 22", "100%", "$HOME", `a"b`}
	m.install(o)
	unit := m.files()[unitPath]
	if want := "\nExecStart=/usr/local/bin/rstwatch run \"host 10.0.0.1 and not port 22\" 100%% $$HOME \"a\\\"b\"\n"; !strings.Contains(unit, want) {
		t.Errorf("no line %q in:\n%s", want, unit)
	}
	if strings.Contains(unit, "\nGroup=") {
		t.Error("a group, and none was wanted")
	}
	if len(m.commands) != 0 {
		t.Errorf("commands were run: %q", m.commands)
	}
}

func TestProgramInPlaceIsNotCopied(t *testing.T) {
	m := newMachine(t, map[string]string{"/usr/bin/rstwatch": "#!", "/lib/systemd/systemd": ""})
	o := m.options()
	o.Source = filepath.Join(m.root, "/usr/bin/rstwatch")
	m.install(o)
	if unit := m.files()[unitPath]; !strings.Contains(unit, "\nExecStart=/usr/bin/rstwatch run\n") {
		t.Errorf("the unit starts another program:\n%s", unit)
	}
	m.remove(o)
	if m.files()["/usr/bin/rstwatch"] == "" {
		t.Error("a program that was there before is gone")
	}
}

func TestUpgrade(t *testing.T) {
	m := newMachine(t, map[string]string{"/lib/systemd/systemd": ""})
	m.install(m.options())
	if err := os.WriteFile(m.source, []byte("program 2"), 0o755); err != nil {
		t.Fatal(err)
	}
	want := []string{"replace /var/lib/rstwatch/install.json", "replace /usr/local/bin/rstwatch"}
	if diff := cmp.Diff(want, m.install(m.options())); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	m.remove(m.options())
	if m.files()["/usr/local/bin/rstwatch"] != "" {
		t.Error("the second program is not removed")
	}
}

func TestRemovalKeepsData(t *testing.T) {
	m := newMachine(t, map[string]string{"/lib/systemd/systemd": ""})
	m.install(m.options())
	m.write("/var/lib/rstwatch/journal/1.seg", "resets", 0o640)
	m.write(messagesPath, "stopped", 0o640)
	m.write("/etc/rstwatch/rstwatch.toml", "[log]", 0o640)
	m.write(unitPath, "changed by hand", 0o644)
	m.remove(m.options())
	left := m.files()
	for _, path := range []string{"/var/lib/rstwatch/journal/1.seg", messagesPath, "/etc/rstwatch/rstwatch.toml", unitPath + ".saved"} {
		if left[path] == "" {
			t.Errorf("%s is gone", path)
		}
	}
	for _, path := range []string{unitPath, BinaryPath, enabledPath} {
		if left[path] != "" {
			t.Errorf("%s is still there", path)
		}
	}
	if !strings.Contains(left["/etc/group"], "rstwatch") {
		t.Error("the group that owns the data is gone")
	}
	// A later purge still knows what was ours.
	o := m.options()
	o.Purge = true
	m.remove(o)
	left = m.files()
	if left[dataDir] != "" || left[configDir] != "" || left[messagesPath] != "" || strings.Contains(left["/etc/group"], "rstwatch") {
		t.Errorf("the purge leaves something: %v", left)
	}
}

func TestInstallAfterRemovalThatKeptData(t *testing.T) {
	m := newMachine(t, map[string]string{"/lib/systemd/systemd": ""})
	m.install(m.options())
	m.write("/var/lib/rstwatch/journal/1.seg", "resets", 0o640)
	m.remove(m.options())
	m.install(m.options())
	o := m.options()
	o.Purge = true
	m.remove(o)
	if left := m.files(); left[dataDir] != "" || strings.Contains(left["/etc/group"], "rstwatch") {
		t.Errorf("the second installation no longer knows that group and directory are ours: %v", left)
	}
}

func TestRefusals(t *testing.T) {
	tests := []struct {
		name  string
		files map[string]string
		edit  func(*Options)
		want  string
	}{
		{name: "another's program", files: map[string]string{BinaryPath: "not ours"}, want: "move it away first"},
		{name: "another's unit", files: map[string]string{unitPath: "not ours", "/lib/systemd/systemd": ""}, want: "move it away first"},
		{name: "relative root", edit: func(o *Options) { o.Root = "here" }, want: "starts with /"},
		{name: "unknown init", edit: func(o *Options) { o.Init = "openrc" }, want: "known are"},
		{name: "group name", edit: func(o *Options) { o.Group = "-x" }, want: "small letters"},
		{name: "control character", edit: func(o *Options) { o.Arguments = []string{"a\nb"} }, want: "control character"},
		{name: "no program", edit: func(o *Options) { o.Source += ".absent" }, want: "finding the program"},
		{name: "record of another version", files: map[string]string{recordPath: `{"version": 9}`}, want: "version 9"},
		{name: "torn record", files: map[string]string{recordPath: `{"version`}, want: "reading the record"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := newMachine(t, test.files)
			o := m.options()
			if test.edit != nil {
				test.edit(&o)
			}
			before := m.files()
			if _, err := Plan(o); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
			if diff := cmp.Diff(before, m.files()); diff != "" {
				t.Errorf("something changed (-before +after):\n%s", diff)
			}
		})
	}
}

func TestInitMayNotChangeUnnoticed(t *testing.T) {
	m := newMachine(t, nil)
	m.install(m.options())
	o := m.options()
	o.Init = Systemd
	if _, err := Plan(o); err == nil || !strings.Contains(err.Error(), "uninstall that first") {
		t.Errorf("error %v", err)
	}
}

// TestRCLocalRuns lets a shell run the block, with a program in place of ours that tells how it was called.
func TestRCLocalRuns(t *testing.T) {
	m := newMachine(t, map[string]string{"/etc/rc.local": "#!/bin/sh -e\nexit 0\n"})
	o := m.options()
	o.Arguments = []string{"a b", "it's", "$HOME", "*"}
	m.install(o)
	told := filepath.Join(m.root, "told")
	program := "#!/bin/sh\nprintf '<%s>' \"$@\" >" + told + ".new\nmv " + told + ".new " + told + "\n"
	m.write(BinaryPath, program, 0o755)
	m.write("/var/log/x", "", 0o644)
	text := strings.TrimPrefix(m.files()["/etc/rc.local"], "-rw-r--r-- ")
	text = strings.TrimPrefix(text, "-rwxr-xr-x ")
	text = strings.NewReplacer(" "+BinaryPath, " "+m.root+BinaryPath, messagesPath, m.root+messagesPath,
		configDir+"/", m.root+configDir+"/", "exit 0", "wait; exit 0").Replace(text)
	if output, err := exec.Command("sh", "-ec", text).CombinedOutput(); err != nil || len(output) > 0 {
		t.Fatalf("running the block: %v, %q", err, output)
	}
	got, err := os.ReadFile(told)
	if err != nil {
		t.Fatal(err)
	}
	if want := "<run><a b><it's><$HOME><*>"; string(got) != want {
		t.Errorf("the program was called with %s, want %s", got, want)
	}
	m.write(configDir+"/disabled", "", 0o644)
	if err := os.Remove(told); err != nil {
		t.Fatal(err)
	}
	if output, err := exec.Command("sh", "-ec", text).CombinedOutput(); err != nil {
		t.Fatalf("running the block with the switch off: %v, %q", err, output)
	}
	if _, err := os.Stat(told); err == nil {
		t.Error("the program was started although the switch is off")
	}
}

// TestFailureHalfway breaks an install at each of its changes: a removal must undo what was done by then.
func TestFailureHalfway(t *testing.T) {
	broken := errors.New("broken")
	for stop := 1; ; stop++ {
		m := newMachine(t, machines[2].files)
		before := m.files()
		changes, err := Plan(m.options())
		if err != nil {
			t.Fatal(err)
		}
		if stop == len(changes) {
			break
		}
		changes[stop].apply = func(context.Context) error { return broken }
		if err := Apply(context.Background(), changes, nil); !errors.Is(err, broken) {
			t.Fatalf("error %v", err)
		}
		m.remove(m.options())
		if diff := cmp.Diff(before, m.files()); diff != "" {
			t.Errorf("broken at %v: the removal leaves a trace (-before +after):\n%s", changes[stop], diff)
		}
	}
}
