package logfile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rstwatch/rstwatch/internal/classic"
	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// group is the NFLOG group of these tests.
const group = 83

// tool is the path of a program that a test needs.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if _, missing := os.Stat(name); missing == nil {
			return name
		}
		if testkit.Required() {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	return path
}

// start runs a program until the test ends; stop ends it before.
func start(t *testing.T, cmd *exec.Cmd) (stop func()) {
	t.Helper()
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	stop = func() {
		if ended {
			return
		}
		ended = true
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Errorf("ending %s: %v: %s", cmd.Path, err, said.Bytes())
		}
		_ = cmd.Wait() // by our signal
	}
	t.Cleanup(stop)
	return stop
}

// await waits until a file has n lines with a word.
func await(t *testing.T, path, word string, n int) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		text, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		got := bytes.Count(text, []byte(word))
		if got >= n {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s has %d lines with %q, want %d", path, got, word, n)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// seen is what is compared of a reset.
type seen struct {
	Src, Dst  string
	Hook      reset.Hook
	Interface reset.Interface
	Packet    reset.Packet
	UID       reset.Opt[uint32]
}

func seenOf(s *reset.Sighting) seen {
	x := seen{Src: s.Src.String(), Dst: s.Dst.String(), Hook: s.Hook, Interface: s.Interface, Packet: s.Packet}
	if s.Process != nil {
		x.UID = s.Process.UID
	}
	return x
}

// bare leaves out what ulogd does not write.
func bare(x seen) seen {
	p := &x.Packet
	p.Reserved, p.Urgent, p.Mark, p.FlowLabel = reset.Opt[uint8]{}, reset.Opt[uint16]{}, reset.Opt[uint32]{}, reset.Opt[uint32]{}
	p.TCPOptions, p.IPOptions, p.LinkHeader, p.MACSrc, p.MACDst = nil, nil, nil, nil, nil
	p.TOS, p.IPID, p.DF = reset.Opt[uint8]{}, reset.Opt[uint16]{}, reset.Opt[bool]{}
	x.UID = reset.Opt[uint32]{}
	return x
}

// logging is a lab of which one end logs its resets in every way.
type logging struct {
	dir, marker string
	began       time.Time
	kernel      *testkit.KernelLog
	want        []seen // what the kernel's own lines say
}

// logs makes resets, while the kernel, rsyslogd and ulogd write them down.
func logs(t *testing.T) *logging {
	t.Helper()
	l := &logging{dir: t.TempDir(), marker: fmt.Sprintf("[rwfile%d]", os.Getpid()), began: time.Now()}
	lab := testkit.NewLab(t)
	l.kernel = testkit.OpenKernelLog(t)
	var table strings.Builder
	for _, chain := range []string{"input", "output"} {
		fmt.Fprintf(&table, `chain %s { type filter hook %s priority 0; tcp flags & rst == rst log prefix "%s " flags all
			tcp flags & rst == rst log prefix "%s " group %d; };`, chain, chain, l.marker, l.marker, group)
	}
	nft := exec.Command("nsenter", "--net="+lab.Server.Path, tool(t, "nft"), "table inet t { "+table.String()+"}")
	if out, err := nft.CombinedOutput(); err != nil {
		t.Fatalf("nft: %v: %s", err, out)
	}
	l.rsyslogd(t)
	stop := l.ulogd(t, lab.Server)
	for _, name := range []string{"closed-port", "unread-data", "linger-zero"} {
		for _, family := range []reset.Family{reset.IPv4, reset.IPv6} {
			testkit.Lookup(t, name).MustMake(t, lab, testkit.Scene{Family: family, Route: testkit.Routed}, 3)
		}
	}
	for _, line := range l.kernel.Await(t, l.marker, 3*6) {
		var s reset.Sighting
		if _, err := classic.ParseLine([]byte(line), &s); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		l.want = append(l.want, seenOf(&s))
	}
	for _, file := range rsyslogFiles {
		await(t, filepath.Join(l.dir, file.name), l.marker, len(l.want))
	}
	for _, file := range []string{"logemu.log", "ulogd.json"} {
		await(t, filepath.Join(l.dir, file), l.marker, len(l.want))
	}
	stop()
	return l
}

// rsyslogFiles are the forms in which rsyslog writes.
var rsyslogFiles = []struct{ name, template string }{
	{"traditional.log", "RSYSLOG_TraditionalFileFormat"},
	{"iso.log", "RSYSLOG_FileFormat"},
	{"rfc5424.log", "RSYSLOG_SyslogProtocol23Format"},
	{"forward.log", "RSYSLOG_ForwardFormat"}, // for the network: ISO time behind a priority, and no newlines
}

func (l *logging) rsyslogd(t *testing.T) {
	t.Helper()
	var config strings.Builder
	fmt.Fprintf(&config, "global(workDirectory=%q)\nmodule(load=\"imkmsg\")\n", l.dir)
	for _, file := range rsyslogFiles {
		fmt.Fprintf(&config, "if $msg contains %q then action(type=\"omfile\" file=%q template=%q)\n", l.marker, filepath.Join(l.dir, file.name), file.template)
	}
	path := filepath.Join(l.dir, "rsyslog.conf")
	if err := os.WriteFile(path, []byte(config.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, exec.Command(tool(t, "rsyslogd"), "-n", "-i", filepath.Join(l.dir, "pid"), "-f", path))
}

func (l *logging) ulogd(t *testing.T, n *testkit.Node) (stop func()) {
	t.Helper()
	plugins, err := filepath.Glob("/usr/lib/*/ulogd")
	if err != nil || len(plugins) == 0 {
		tool(t, "ulogd")
		t.Fatalf("ulogd's plugins: %v", err)
	}
	var config strings.Builder
	said := filepath.Join(l.dir, "ulogd.said")
	fmt.Fprintf(&config, "[global]\nlogfile=%q\nloglevel=1\n", said)
	for _, p := range []string{"inppkt_NFLOG", "raw2packet_BASE", "filter_IFINDEX", "filter_IP2STR", "filter_PRINTPKT", "filter_HWHDR", "output_LOGEMU", "output_JSON"} {
		fmt.Fprintf(&config, "plugin=%q\n", filepath.Join(plugins[0], "ulogd_"+p+".so"))
	}
	fmt.Fprintf(&config, "stack=log1:NFLOG,base1:BASE,ifi1:IFINDEX,ip2str1:IP2STR,print1:PRINTPKT,emu1:LOGEMU\n"+
		"stack=log1:NFLOG,base1:BASE,ifi1:IFINDEX,ip2str1:IP2STR,mac2str1:HWHDR,json1:JSON\n"+
		"[log1]\ngroup=%d\n[emu1]\nfile=%q\nsync=1\n[json1]\nfile=%q\nsync=1\n", group, filepath.Join(l.dir, "logemu.log"), filepath.Join(l.dir, "ulogd.json"))
	path := filepath.Join(l.dir, "ulogd.conf")
	if err := os.WriteFile(path, []byte(config.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	stop = start(t, exec.Command("nsenter", "--net="+n.Path, tool(t, "ulogd"), "-c", path))
	await(t, said, "initialization finished, entering main loop", 1)
	return stop
}

// compare reads a file and holds it against the kernel's own lines.
func (l *logging) compare(t *testing.T, path string, cut func(seen) seen) {
	t.Helper()
	cfg := Config{Boot: ThisBoot()}
	got := readFiles(t, cfg, path)
	var list, want []seen
	ids := map[reset.ID]bool{}
	for i := range got.All {
		s := &got.All[i]
		ids[got.IDs[i]] = true
		at := s.Time.Std()
		if at.Before(l.began.Add(-time.Minute)) || at.After(time.Now().Add(time.Minute)) {
			t.Errorf("%s: a reset of %v, which is not now", path, at)
		}
		list = append(list, cut(seenOf(s)))
	}
	for _, x := range l.want {
		want = append(want, cut(x))
	}
	order := func(a, b seen) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) }
	slices.SortFunc(list, order)
	slices.SortFunc(want, order)
	if diff := cmp.Diff(want, list); diff != "" {
		t.Errorf("%s (-kernel +read):\n%s%+v", path, diff, got.Counts)
	}
	if got.Counts.Torn != 0 || got.Counts.Foreign != 0 || len(got.Counts.Broken) != 0 {
		t.Errorf("%s: %+v", path, got.Counts)
	}
	if len(ids) != len(got.All) {
		t.Errorf("%s: %d ids of %d resets", path, len(ids), len(got.All))
	}
}

func all(x seen) seen { return x }

// TestRealLogs lets every program that writes logs write real resets down, and
// reads them back: what the file says is what the kernel's own lines say.
func TestRealLogs(t *testing.T) {
	l := logs(t)
	for _, file := range rsyslogFiles {
		t.Run("rsyslogd/"+file.name, func(t *testing.T) { l.compare(t, filepath.Join(l.dir, file.name), all) })
	}
	for _, name := range []string{"logemu.log", "ulogd.json"} {
		t.Run("ulogd/"+name, func(t *testing.T) { l.compare(t, filepath.Join(l.dir, name), bare) })
	}
	for _, args := range [][]string{{}, {"-T"}, {"-x"}, {"--raw"}, {"--time-format", "iso"}, {"-x", "-T"}} {
		name := strings.Join(append([]string{"dmesg"}, args...), " ")
		t.Run(name, func(t *testing.T) {
			out, err := exec.Command(tool(t, "dmesg"), args...).Output()
			if err != nil {
				t.Fatal(err)
			}
			l.compare(t, l.only(t, name, out), all)
		})
	}
	t.Run("kmsg", func(t *testing.T) {
		ring, err := openRing("/dev/kmsg")
		if err != nil {
			t.Fatal(err)
		}
		defer ring.Close()
		var text []byte
		buffer := make([]byte, 16<<10)
		for {
			n, err := ring.Read(buffer)
			if err != nil {
				break
			}
			text = append(text, buffer[:n]...)
		}
		l.compare(t, l.only(t, "kmsg", text), all)
	})
	t.Run("this host's own", func(t *testing.T) {
		got := readFiles(t, Config{}, "/dev/kmsg")
		found := map[string]bool{}
		for i := range got.All {
			s := &got.All[i]
			found[fmt.Sprint(seenOf(s))] = !s.Time.IsZero() && s.MonoNS != 0
		}
		for _, x := range l.want {
			if !found[fmt.Sprint(x)] {
				t.Errorf("not found with its time: %+v", x)
			}
		}
	})
	t.Run("journald", func(t *testing.T) { l.journald(t) })
}

// only writes the lines of this test to a file.
func (l *logging) only(t *testing.T, name string, text []byte) string {
	t.Helper()
	var b bytes.Buffer
	for line := range bytes.Lines(text) {
		if bytes.Contains(line, []byte(l.marker)) {
			b.Write(line)
		}
	}
	path := filepath.Join(l.dir, strings.ReplaceAll(name, " ", ""))
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// journald lets journald's own tools make a journal of the kernel's lines, and
// export it.
func (l *logging) journald(t *testing.T) {
	remote := tool(t, "/lib/systemd/systemd-journal-remote")
	var entries strings.Builder
	for i, line := range l.kernel.Lines(l.marker) {
		at := time.Now().UnixMicro()
		fmt.Fprintf(&entries, "__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%d\n_BOOT_ID=0123456789abcdef0123456789abcdef\n"+
			"_HOSTNAME=vb\n_TRANSPORT=kernel\nSYSLOG_IDENTIFIER=kernel\nPRIORITY=4\nMESSAGE=%s\n\n", at, 1000+i, line)
	}
	file := filepath.Join(l.dir, "kernel.journal")
	cmd := exec.Command(remote, "--output="+file, "-")
	cmd.Stdin = strings.NewReader(entries.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, form := range []string{"export", "json", "short", "short-precise", "short-iso", "short-iso-precise", "short-full", "short-unix"} {
		out, err := exec.Command(tool(t, "journalctl"), "--file", file, "-o", form, "--no-pager", "-q").Output()
		if err != nil {
			t.Fatalf("%s: %v", form, err)
		}
		path := filepath.Join(l.dir, "journalctl."+form)
		if err := os.WriteFile(path, out, 0o600); err != nil {
			t.Fatal(err)
		}
		l.compare(t, path, all)
	}
	got := readFiles(t, Config{}, filepath.Join(l.dir, "journalctl.export"))
	if host := got.Told[0].Host; host != "vb" {
		t.Errorf("host %q, want vb", host)
	}
}
