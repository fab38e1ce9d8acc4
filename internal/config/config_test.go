package config

import (
	"bytes"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var update = flag.Bool("update", false, "rewrite the golden files and the reference page")

// golden compares got with the file at path, or rewrites the file with -update.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got), rewrite with -update if it is right:\n%s", path, diff)
	}
}

func cases(t *testing.T, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*", "in.toml"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases under %s: %v", dir, err)
	}
	return paths
}

var sameValues = cmpopts.IgnoreUnexported(Config{})

// TestConfigs reads every file under testdata/configs as a release of that time could: each must go on meaning
// what it meant.
func TestConfigs(t *testing.T) {
	for _, path := range cases(t, "testdata/configs") {
		t.Run(filepath.Base(filepath.Dir(path)), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			c, err := Parse("rstwatch.toml", text)
			if err != nil {
				t.Fatal(err)
			}
			var shown bytes.Buffer
			if err := c.Render(&shown); err != nil {
				t.Fatal(err)
			}
			golden(t, filepath.Join(filepath.Dir(path), "expected.toml"), shown.String())

			again, err := Parse("shown.toml", shown.Bytes())
			if err != nil {
				t.Fatalf("reading what Render wrote: %v", err)
			}
			if diff := cmp.Diff(c, again, sameValues); diff != "" {
				t.Errorf("what Render wrote reads back otherwise (-want +got):\n%s", diff)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	for _, path := range cases(t, "testdata/errors") {
		t.Run(filepath.Base(filepath.Dir(path)), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Parse("rstwatch.toml", text)
			if err == nil {
				t.Fatal("no error")
			}
			golden(t, filepath.Join(filepath.Dir(path), "expected.txt"), err.Error()+"\n")
		})
	}
}

func TestRenderDefaultReadsBack(t *testing.T) {
	var file bytes.Buffer
	if err := RenderDefault(&file); err != nil {
		t.Fatal(err)
	}
	c, err := Parse("default.toml", file.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Default(), c, sameValues); diff != "" {
		t.Errorf("reads back otherwise (-want +got):\n%s", diff)
	}
	for _, f := range c.fields() {
		if c.Origin(f.name()) == OriginDefault {
			t.Errorf("%s does not stand in it", f.name())
		}
	}
	golden(t, "testdata/default.toml", file.String())
}

func TestEverySettingIsDocumented(t *testing.T) {
	for _, d := range Default().documented() {
		if d.sectionDoc == "" || !strings.HasSuffix(d.sectionDoc, ".") {
			t.Errorf("[%s] has no documentation that ends with a full stop: %q", d.section, d.sectionDoc)
		}
		if d.doc == "" || !strings.HasSuffix(d.doc, ".") {
			t.Errorf("%s has no documentation that ends with a full stop: %q", d.name(), d.doc)
		}
		if strings.ContainsAny(d.doc, "|") {
			t.Errorf("%s: a bar would end the cell of the reference table: %q", d.name(), d.doc)
		}
	}
	declared := 0
	for key := range documentation() {
		if strings.Contains(key, ".") && !strings.HasPrefix(key, "Config.") {
			declared++
		}
	}
	if want := len(Default().fields()); declared != want {
		t.Errorf("%d settings have documentation, %d are declared", declared, want)
	}
}

func TestReferenceIsCurrent(t *testing.T) {
	var page bytes.Buffer
	if err := RenderReference(&page); err != nil {
		t.Fatal(err)
	}
	golden(t, "../../docs/reference/config.md", page.String())
}

func TestDefaultIsValid(t *testing.T) {
	if err := Default().Validate(); err != nil {
		t.Error(err)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	good, large := filepath.Join(dir, "good.toml"), filepath.Join(dir, "large.toml")
	if err := os.WriteFile(good, []byte("[capture]\nsensor = \"packet\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(large, bytes.Repeat([]byte("#\n"), maxFileBytes/2+1), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(good)
	if err != nil {
		t.Fatal(err)
	}
	if c.Capture.Sensor != "packet" || c.Origin("capture.sensor") != good+":2" {
		t.Errorf("sensor %q from %q", c.Capture.Sensor, c.Origin("capture.sensor"))
	}
	if got := c.Origin("journal.dir"); got != OriginDefault {
		t.Errorf("journal.dir comes from %q", got)
	}
	if _, err := Load(large); err == nil || !strings.Contains(err.Error(), "larger than 1MiB") {
		t.Errorf("a file of more than 1 MiB: %v", err)
	}
	if _, err := Find(filepath.Join(dir, "absent.toml")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that was named and is absent: %v", err)
	}
}

func TestSet(t *testing.T) {
	tests := []struct {
		name, key, text string
		want            any
		wantErr         string
	}{
		{name: "text", key: "journal.dir", text: "/x", want: "/x"},
		{name: "list", key: "capture.netns", text: "a, /run/netns/b,,4026531840", want: []string{"a", "/run/netns/b", "4026531840"}},
		{name: "empty list", key: "capture.netns", text: "", want: []string(nil)},
		{name: "bool", key: "classic.uid", text: "true", want: true},
		{name: "number", key: "journal.keep_days", text: "7", want: 7},
		{name: "bytes", key: "capture.ring_bytes", text: "32 MiB", want: 32 * MiB},
		{name: "bytes without unit", key: "capture.ring_bytes", text: "65536", want: 64 * KiB},
		{name: "span", key: "journal.sync_interval", text: "1m30s", want: Duration(90 * time.Second)},
		{name: "not a bool", key: "classic.uid", text: "perhaps", wantErr: "--flag: classic.uid wants true or false"},
		{name: "not a number", key: "journal.keep_days", text: "7d", wantErr: "--flag: journal.keep_days wants a whole number"},
		{name: "too large a number", key: "journal.keep_days", text: "99999999999", wantErr: "--flag: journal.keep_days wants a whole number"},
		{name: "too many bytes", key: "capture.ring_bytes", text: "9999999999TiB", wantErr: "more than"},
		{name: "span without unit", key: "journal.sync_interval", text: "1", wantErr: `"1" is not a time span`},
		{name: "no such key", key: "journal.dri", text: "x", wantErr: `did you mean "dir"?`},
		{name: "no such section", key: "jurnal.dir", text: "x", wantErr: `"dir" belongs in [journal]`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := Default()
			err := c.Set(test.key, test.text, "--flag")
			if test.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), test.wantErr) {
					t.Fatalf("error %v, want %q", err, test.wantErr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			f, _ := c.field(test.key)
			if diff := cmp.Diff(test.want, f.value.Interface()); diff != "" {
				t.Errorf("value (-want +got):\n%s", diff)
			}
			if got := c.Origin(test.key); got != "--flag" {
				t.Errorf("origin %q", got)
			}
		})
	}
}

func TestValidateNamesTheFlag(t *testing.T) {
	c := Default()
	if err := c.Set("capture.sensor", "bfp", "--sensor"); err != nil {
		t.Fatal(err)
	}
	want := "--sensor: capture.sensor wants one of auto, bpf, bpf-light, packet, nflog, klog, not \"bfp\"\nhint: did you mean \"bpf\"?"
	if err := c.Validate(); err == nil || err.Error() != want {
		t.Errorf("error:\n%v\nwant:\n%s", err, want)
	}
}

// TestBoundsAreRight holds each tag against the type that it bounds, so that a wrong one is no surprise at run time.
func TestBoundsAreRight(t *testing.T) {
	for _, f := range Default().fields() {
		for _, tag := range []string{"min", "max"} {
			if text := f.tag.Get(tag); text != "" {
				if err := f.assign(f.fromText(text)); err != nil {
					t.Errorf("%s: tag %s: %v", f.name(), tag, err)
				}
			}
		}
		if f.tag.Get("oneof") != "" && f.value.Kind() != reflect.String {
			t.Errorf("%s: oneof on a %v", f.name(), f.value.Kind())
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/configs/*/in.toml", "testdata/errors/*/in.toml", "testdata/default.toml"} {
		paths, _ := filepath.Glob(pattern)
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse("fuzz.toml", text)
		if err != nil {
			if message := err.Error(); strings.ContainsFunc(message, func(r rune) bool { return r < ' ' && r != '\n' || r == 0x7f }) {
				t.Errorf("a control character reaches the terminal: %q", message)
			}
			return
		}
		var shown bytes.Buffer
		if err := c.Render(&shown); err != nil {
			t.Fatal(err)
		}
		again, err := Parse("again.toml", shown.Bytes())
		if err != nil {
			t.Fatalf("what Render wrote does not read back: %v\n%s", err, shown.Bytes())
		}
		if diff := cmp.Diff(c, again, sameValues, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("reads back otherwise (-want +got):\n%s", diff)
		}
	})
}
