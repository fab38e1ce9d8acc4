package classic

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rstwatch/rstwatch/internal/classicsetup/write"
)

// TestSyslogNGFindsThePrefixAnywhere is TestPrefixIsFoundAnywhere for the other daemon: its own rule comes first, and
// "final" keeps what it took from the log that takes everything.
func TestSyslogNGFindsThePrefixAnywhere(t *testing.T) {
	program := syslogNG(t)
	p := newPlace(t, write.Choice{Firewall: write.NFTables, Syslog: write.SyslogNG}, nil)
	d := &daemon{place: p, socket: p.at("socket"), rest: p.at("rest.log")}
	p.write("syslog-ng.conf", fmt.Sprintf(`@version: 3.35
source s_src { unix-dgram(%q); };
@include %q
destination d_rest { file(%q); };
log { source(s_src); destination(d_rest); };
`, d.socket, p.at(write.PathOf(write.SyslogNG)), d.rest))
	cmd := exec.Command(program, "-F", "-f", p.at("syslog-ng.conf"), "-R", p.at("persist"), "-c", p.at("control"), "-p", p.at("pid"))
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(patience):
			_ = cmd.Process.Kill()
			t.Errorf("syslog-ng does not end: %s", said.String())
		}
	})
	until(t, "syslog-ng to listen", func() bool {
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("syslog-ng ended: %v\n%s", err, said.String())
		default:
		}
		_, err := os.Stat(d.socket)
		return err == nil
	})
	d.await()
	const line = "IN=eth0 OUT= SRC=192.0.2.1 DST=192.0.2.2 LEN=40 PROTO=TCP SPT=1 DPT=2 RST URGP=0 "
	for _, message := range []string{
		"<7>Nov 22 10:00:00 kernel: " + p.setup.Prefix + line + "plain",
		"<7>Nov 22 10:00:00 kernel: [  1042.337401] " + p.setup.Prefix + line + "stamped",
		"<15>Nov 22 10:00:00 user: " + p.setup.Prefix + line + "of a user",
		"<7>Nov 22 10:00:00 kernel: something else",
	} {
		d.send(message)
	}
	until(t, "the last message", func() bool { return len(lines(t, d.rest, "something else")) == 1 })
	until(t, "the log", func() bool { return len(lines(t, p.setup.Path, "IN=eth0")) >= 2 })
	var got []string
	for _, l := range lines(t, p.setup.Path, "IN=eth0") {
		_, after, _ := strings.Cut(l, "URGP=0 ")
		got = append(got, after)
	}
	if diff := cmp.Diff([]string{"plain", "stamped"}, got); diff != "" {
		t.Errorf("in the log (-want +got):\n%s", diff)
	}
	if rest := lines(t, d.rest, p.setup.Prefix); len(rest) != 1 || !strings.Contains(rest[0], "of a user") {
		t.Errorf("in the other log: %q", rest)
	}
}
