package classic

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rstwatch/rstwatch/internal/classicsetup/write"
	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// TestResetsAreInTheLog makes resets of real connections between two hosts with a router between them, all three with
// the rules, and finds each in the log once for each host: received, sent and forwarded, of both families.
func TestResetsAreInTheLog(t *testing.T) {
	testkit.OpenKernelLog(t) // lets namespaces log
	for _, choice := range choices {
		t.Run(string(choice.Firewall), func(t *testing.T) {
			lab := testkit.NewLab(t)
			p := newPlace(t, choice, func(s *write.Setup) { s.Forward = true })
			d := p.rsyslogd()
			for _, n := range lab.Nodes() {
				p.load(n)
				p.load(n) // again, which must not log twice
			}
			var want []string
			for _, scene := range lab.Scenes() {
				if scene.Route != testkit.Routed {
					continue
				}
				for _, kind := range []string{"closed-port", "unread-data"} {
					for _, e := range testkit.Visible(testkit.Lookup(t, kind).MustMake(t, lab, scene, 3), testkit.Inet) {
						want = append(want, expected(e))
					}
				}
			}
			until(t, fmt.Sprintf("%d lines", len(want)), func() bool { return len(lines(t, p.setup.Path, p.setup.Prefix)) >= len(want) })
			// What comes later than all of them shows that nothing more was on its way.
			d.send("<6>last: the end")
			until(t, "the end", func() bool { return len(lines(t, d.rest, "the end")) == 1 })
			var got []string
			for _, line := range lines(t, p.setup.Path, p.setup.Prefix) {
				got = append(got, written(t, line))
			}
			slices.Sort(want)
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("resets (-made +logged):\n%s", diff)
			}
			if second := lines(t, d.rest, p.setup.Prefix); len(second) > 0 {
				t.Errorf("a second copy: %q", second)
			}
			for _, n := range lab.Nodes() {
				p.unload(n)
			}
		})
	}
}

// expected is what a line must say of a reset: where it was met, and its ends.
func expected(e testkit.Expect) string {
	host := e.Node.Role[:1]
	way := map[reset.Direction]string{reset.In: host + ">", reset.Out: ">" + host, reset.Forward: host + ">" + host}[e.Direction]
	return fmt.Sprintf("%s %s:%d %s:%d", way, e.Src.Addr(), e.Src.Port(), e.Dst.Addr(), e.Dst.Port())
}

var logLine = regexp.MustCompile(`IN=(\S?)\S* OUT=(\S?)\S* .*SRC=(\S+) DST=(\S+) .*SPT=(\d+) DPT=(\d+) .*RST `)

// written is the same of a line. The first letter of a device says whose it is.
func written(t *testing.T, line string) string {
	t.Helper()
	found := logLine.FindStringSubmatch(line)
	if found == nil {
		t.Fatalf("no reset: %q", line)
	}
	return fmt.Sprintf("%s>%s %s:%s %s:%s", found[1], found[2], netip.MustParseAddr(found[3]), found[5], netip.MustParseAddr(found[4]), found[6])
}

// TestPrefixIsFoundAnywhere hands over the forms that the kernel's line takes on its way, and messages that only look
// like one.
func TestPrefixIsFoundAnywhere(t *testing.T) {
	p := newPlace(t, choices[0], nil)
	d := p.rsyslogd()
	const line = "IN=eth0 OUT= SRC=192.0.2.1 DST=192.0.2.2 LEN=40 PROTO=TCP SPT=1 DPT=2 RST URGP=0 "
	for _, message := range []string{
		"<7>Nov 22 10:00:00 kernel: " + p.setup.Prefix + line + "plain",
		"<7>Nov 22 10:00:00 kernel: [  1042.337401] " + p.setup.Prefix + line + "stamped",
		"<7>Nov 22 10:00:00 kernel:  " + p.setup.Prefix + line + "spaced",
		"<15>Nov 22 10:00:00 user: " + p.setup.Prefix + line + "of a user",
		"<7>Nov 22 10:00:00 kernel: something else",
	} {
		d.send(message)
	}
	until(t, "the last message", func() bool { return len(lines(t, d.rest, "something else")) == 1 })
	var got []string
	for _, l := range lines(t, p.setup.Path, "IN=eth0") {
		_, after, _ := strings.Cut(l, "URGP=0 ")
		got = append(got, after)
	}
	if diff := cmp.Diff([]string{"plain", "stamped", "spaced"}, got); diff != "" {
		t.Errorf("in the log (-want +got):\n%s", diff)
	}
	if rest := lines(t, d.rest, p.setup.Prefix); len(rest) != 1 || !strings.Contains(rest[0], "of a user") {
		t.Errorf("in the other log: %q", rest)
	}
}

// TestExcessIsCounted sends more than the rate lets through: lines, and what the counter has, are all that was sent.
func TestExcessIsCounted(t *testing.T) {
	log := testkit.OpenKernelLog(t)
	const sent = 300
	for _, choice := range choices {
		t.Run(string(choice.Firewall), func(t *testing.T) {
			lab := testkit.NewLab(t)
			p := newPlace(t, choice, func(s *write.Setup) { s.Rate = 20 })
			p.load(lab.Client)
			for i := range sent {
				segment := testkit.Segment{
					Src: netip.MustParseAddrPort("10.77.1.2:4000"), Dst: netip.AddrPortFrom(netip.MustParseAddr("10.77.1.1"), uint16(5000+i)),
					Flags: reset.RST,
				}
				if err := lab.Client.InjectRaw(segment.Bytes()); err != nil {
					t.Fatal(err)
				}
			}
			over := counted(t, p, lab.Client)
			if over == 0 {
				t.Fatal("nothing was over the rate")
			}
			full := p.setup.Prefix + "IN="
			log.Await(t, full, sent-over)
			said := log.Await(t, p.setup.Prefix+"excess IN=", 1)
			if whole := log.Lines(full); len(whole)+over != sent {
				t.Errorf("%d lines and %d counted over the rate, of %d", len(whole), over, sent)
			}
			if len(said) >= over {
				t.Errorf("%d lines for %d over the rate", len(said), over)
			}
		})
	}
}

// counted reads the counter of what was over the rate.
func counted(t *testing.T, p *place, n *testkit.Node) int {
	t.Helper()
	counter := regexp.MustCompile(`packets (\d+)`)
	text := ""
	if p.choice.Firewall == write.NFTables {
		text = within(t, n, "nft", "list", "counter", "inet", write.Table, "over_rate")
	} else {
		counter = regexp.MustCompile(`(?m)^\s*(\d+)\s+\d+\s+RETURN\b`)
		text = within(t, n, "iptables", "-vxnL", write.Chain+"-RATE")
	}
	found := counter.FindStringSubmatch(text)
	if found == nil {
		t.Fatalf("no counter in %s", text)
	}
	number, err := strconv.Atoi(found[1])
	if err != nil {
		t.Fatal(err)
	}
	return number
}
