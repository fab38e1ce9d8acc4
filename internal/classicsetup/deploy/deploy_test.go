package deploy

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rstwatch/rstwatch/internal/classicsetup/write"
	"github.com/rstwatch/rstwatch/internal/install"
)

// image is a root of files, with the options to install there.
func image(t *testing.T, files map[string]string) Options {
	t.Helper()
	root := t.TempDir()
	files["etc/group"] = "root:x:0:\nadm:x:4:\nsyslog:x:104:\n"
	files["etc/passwd"] = "root:x:0:0:::\nsyslog:x:104:104:::\n"
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return Options{
		Root: root, Setup: write.Default(), Choice: write.Choice{Firewall: write.IPTables, Syslog: write.Rsyslog}, Init: install.RCLocal,
		Run: func(context.Context, string, ...string) error { return errors.New("a command on an image") },
	}
}

func apply(t *testing.T, changes []install.Change, err error) []string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	if err := install.Apply(t.Context(), changes, func(c install.Change) { said = append(said, c.Action+" "+c.Path) }); err != nil {
		t.Fatal(err)
	}
	return said
}

func installed(t *testing.T, o Options) []string {
	t.Helper()
	changes, err := Plan(o)
	return apply(t, changes, err)
}

func removed(t *testing.T, o Options) []string {
	t.Helper()
	changes, err := PlanRemoval(o)
	return apply(t, changes, err)
}

func text(t *testing.T, o Options, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(o.Root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// snapshot is every file with its mode.
func snapshot(t *testing.T, o Options) map[string]string {
	t.Helper()
	all := make(map[string]string)
	err := filepath.WalkDir(o.Root, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		content, err := os.ReadFile(path)
		all[strings.TrimPrefix(path, o.Root)] = info.Mode().String() + " " + string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestThereAndBack(t *testing.T) {
	for _, test := range []struct {
		name  string
		files map[string]string
		edit  func(*Options)
	}{
		{"no rc.local", map[string]string{}, nil},
		{"an rc.local that was not executable", map[string]string{"etc/rc.local": "#!/bin/sh\ntouch /x\nexit 0\n"}, nil},
		{"nftables", map[string]string{"etc/rc.local": "#!/bin/sh\n"}, func(o *Options) { o.Choice.Firewall = write.NFTables }},
		{"systemd", map[string]string{}, func(o *Options) { o.Init, o.Setup.Namespaces = install.Systemd, true }},
		{
			"syslog-ng",
			map[string]string{"etc/syslog-ng/syslog-ng.conf": "source s_sys { system(); };\nlog { source(s_sys); destination(d); };\n"},
			func(o *Options) { o.Choice.Syslog = write.SyslogNG },
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := image(t, test.files)
			if test.edit != nil {
				test.edit(&o)
			}
			before := snapshot(t, o)
			if said := installed(t, o); len(said) < 4 {
				t.Errorf("only %q", said)
			}
			if again := installed(t, o); len(again) > 0 {
				t.Errorf("a second install changes %q", again)
			}
			removed(t, o)
			after := snapshot(t, o)
			delete(after, "/var/log/rst.log") // what was logged stays
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("files (-before +after):\n%s", diff)
			}
			if _, err := PlanRemoval(o); !errors.Is(err, ErrNotInstalled) {
				t.Errorf("a second removal: %v", err)
			}
		})
	}
}

func TestFitsTheMachine(t *testing.T) {
	o := image(t, map[string]string{"etc/rsyslog.conf": "$PrivDropToUser syslog\n$PrivDropToGroup syslog\n", "var/log/x": ""})
	if os.Geteuid() == 0 {
		if err := os.Chown(filepath.Join(o.Root, "var/log"), 0, 104); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(o.Root, "var/log"), 0o775); err != nil {
			t.Fatal(err)
		}
	}
	installed(t, o)
	rotation := text(t, o, write.PathOf(write.Logrotate))
	if !strings.Contains(rotation, "create 0640 syslog adm\n") {
		t.Errorf("the log's owner:\n%s", rotation)
	}
	if os.Geteuid() == 0 && !strings.Contains(rotation, "su root syslog\n") {
		t.Errorf("as whom to rotate:\n%s", rotation)
	}
}

func TestSyslogNGIncludesInTime(t *testing.T) {
	const conf = "@version: 3.35\nsource s_sys { system(); internal(); };\ndestination d { file(\"/x\"); };\n log {\n source(s_sys); };\n"
	o := image(t, map[string]string{"etc/syslog-ng/syslog-ng.conf": conf})
	o.Choice.Syslog = write.SyslogNG
	installed(t, o)
	got := text(t, o, "etc/syslog-ng/syslog-ng.conf")
	if at, first := strings.Index(got, "@include"), strings.Index(got, " log {"); at < 0 || at > first {
		t.Errorf("included too late:\n%s", got)
	}
	if ours := text(t, o, write.PathOf(write.SyslogNG)); !strings.Contains(ours, "source(s_sys)") {
		t.Errorf("the host's source is s_sys:\n%s", ours)
	}
	o.Root = t.TempDir()
	if _, err := Plan(o); err == nil {
		t.Error("no error where syslog-ng is not there")
	}
}

func TestRefuses(t *testing.T) {
	everybody := func(o *Options) {
		if err := os.Chmod(filepath.Join(o.Root, "var/log"), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		name  string
		files map[string]string
		edit  func(*Options)
		want  string
	}{
		{"a directory of everybody's", map[string]string{"var/log/x": ""}, everybody, "everybody may write"},
		{"a file of somebody else's", map[string]string{"etc/logrotate.d/rstwatch-classic": "/x { }\n"}, nil, "move it away"},
		{"a file of ours that was changed", map[string]string{"etc/logrotate.d/rstwatch-classic": write.Mark("/x { }\n") + "daily\n"}, nil, "was changed"},
		{"a set-up for another firewall", map[string]string{"etc/rstwatch-classic/rules.nft": write.Mark("table inet x\n")}, nil, "uninstall that first"},
		{"an owner that is not there", map[string]string{"etc/rsyslog.conf": "$PrivDropToUser nobody1\n"}, nil, "owner"},
		{"another init", map[string]string{}, func(o *Options) { o.Init = "launchd" }, "launchd"},
		{"a root that is not absolute", map[string]string{}, func(o *Options) { o.Root = "x" }, "root"},
		{"a prefix that cannot be", map[string]string{}, func(o *Options) { o.Setup.Prefix = "\n" }, "prefix"},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := image(t, test.files)
			if test.edit != nil {
				test.edit(&o)
			}
			if _, err := Plan(o); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestChangedFilesAreKept(t *testing.T) {
	o := image(t, map[string]string{})
	installed(t, o)
	name := filepath.Join(o.Root, write.PathOf(write.Rsyslog))
	changed := text(t, o, write.PathOf(write.Rsyslog)) + "# mine\n"
	if err := os.WriteFile(name, []byte(changed), 0o644); err != nil {
		t.Fatal(err)
	}
	removed(t, o)
	if got := text(t, o, write.PathOf(write.Rsyslog)+".saved"); got != changed {
		t.Errorf("kept %q", got)
	}
}

// TestCommandsOnThisMachine looks at a plan for the live machine; nothing of it is done.
func TestCommandsOnThisMachine(t *testing.T) {
	for _, test := range []struct {
		init install.Init
		want []string
	}{
		{install.Systemd, []string{"run systemctl daemon-reload", "run systemctl enable " + write.Unit, "run systemctl restart " + write.Unit, "run rsyslogd -N1", "run systemctl restart rsyslog.service"}},
		{install.RCLocal, []string{"run /bin/sh /etc/rstwatch-classic/rules.sh load", "run rsyslogd -N1", "run service rsyslog restart"}},
	} {
		i := &installation{Options{
			Root: "/", Setup: write.Default(), Init: test.init, Choice: write.Choice{Firewall: write.IPTables, Syslog: write.Rsyslog},
			Run: func(context.Context, string, ...string) error { return errors.New("a command in a test") },
		}}
		changed := map[write.Part]bool{write.IPTables: true, write.Systemd: true, write.Rsyslog: true}
		var got []string
		for _, plan := range []func(map[write.Part]bool) ([]install.Change, error){i.planStart, i.planDaemon} {
			changes, err := plan(changed)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range changes {
				if c.Action == "run" {
					got = append(got, c.Action+" "+c.Path)
				}
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.init, diff)
		}
	}
}

func FuzzInclude(f *testing.F) {
	f.Add("source s_sys { system(); };\nlog { };\n")
	f.Add(block.Begin + "\n" + block.Begin + "\n" + block.End)
	f.Add("log{")
	f.Fuzz(func(t *testing.T, conf string) {
		o := image(t, map[string]string{"etc/syslog-ng/syslog-ng.conf": conf})
		o.Choice.Syslog = write.SyslogNG
		i, err := resolve(o)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			changes, err := i.planInclude(nil)
			if err != nil {
				return
			}
			apply(t, changes, nil)
		}
		changes, err := i.planInclude(nil)
		if err != nil || len(changes) > 0 {
			t.Errorf("a third install changes the file: %v", err)
		}
		_ = i.fitDaemon()
	})
}
