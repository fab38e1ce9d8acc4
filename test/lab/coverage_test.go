package lab

import (
	"fmt"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// scan is how often new namespaces are looked for in these tests; a daemon has
// found every one after scanned.
const (
	scan    = 50 * time.Millisecond
	scanned = 10 * scan
)

func scanOften(t *testing.T, p place) {
	t.Helper()
	p.configure(t, fmt.Sprintf("[capture]\nnetns_scan = %q\n", scan))
}

// TestCoverageOfNamespaces: one that was there before, one that is born while
// the daemon watches, one that is born and dies.
func TestCoverageOfNamespaces(t *testing.T) {
	lab := testkit.NewLab(t)
	p := newPlace(t)
	scanOften(t, p)
	begin := reset.TimeOf(time.Now())
	// All namespaces, but no storm that somebody else may be making.
	d := start(t, p, "net 127.0.0.0/8")
	time.Sleep(scanned)
	born := reset.TimeOf(time.Now())
	var late, short *testkit.Node
	for role, node := range map[string]**testkit.Node{"late": &late, "short": &short} {
		var err error
		if *node, err = lab.NewNode(role); err != nil {
			t.Fatal(err)
		}
	}
	made, err := testkit.Lookup(t, "closed-port").MakeInside(late, reset.IPv4, 3)
	if err != nil {
		t.Fatal(err)
	}
	expects := testkit.Visible(made, seenByBPF)
	lab.AwaitCompare(t, expects, settled, p.observed(t))
	time.Sleep(scanned)
	died := reset.TimeOf(time.Now())
	lab.RemoveNode(short)
	time.Sleep(scanned)
	d.stop()
	end := reset.TimeOf(time.Now())

	one := func(node *testkit.Node) reset.Coverage {
		lines := p.coverage(t, node)
		if len(lines) != 1 {
			t.Fatalf("%d coverage lines of %s, want one", len(lines), node.Role)
		}
		return lines[0]
	}
	if c := one(lab.Server); c.From < begin || c.From > born || c.Until < died || c.Until > end || c.UnwatchedNS.OK {
		t.Errorf("coverage of the server: %+v", c)
	}
	c := one(late)
	if c.UnwatchedNS != reset.Some[int64](0) || c.From < born-reset.Time(scanned) || c.From > died || c.Until < died {
		t.Errorf("coverage of the late namespace, born at %v: %+v", born.Std(), c)
	}
	if c.Resets != uint64(testkit.Total(expects)) || c.Lost != 0 {
		t.Errorf("coverage counts %d resets and %d lost, want %d and 0", c.Resets, c.Lost, testkit.Total(expects))
	}
	if c.OutRsts != c.SentByTCP || c.SentByTCP != reset.Some[int64](3) {
		t.Errorf("of 3 resets the kernel counts %+v, tcp_send_reset told %+v", c.OutRsts, c.SentByTCP)
	}
	c = one(short)
	if c.UnwatchedNS != reset.Some[int64](0) || c.From < born-reset.Time(scanned) || c.Until < died || c.Until > end {
		t.Errorf("coverage of the short-lived namespace, which went at %v: %+v", died.Std(), c)
	}
}

// TestDeletedNamespaceGoes: watching keeps no namespace alive. The far end of a
// veth pair goes when its namespace does.
func TestDeletedNamespaceGoes(t *testing.T) {
	for _, sensor := range []string{"bpf", "packet"} {
		t.Run(sensor, func(t *testing.T) {
			lab := testkit.NewLab(t)
			p := newPlace(t)
			scanOften(t, p)
			d := start(t, p, "--sensor", sensor, "net 127.0.0.0/8")
			doomed, err := lab.NewNode("doomed")
			if err != nil {
				t.Fatal(err)
			}
			if err := lab.Link(testkit.End{Node: lab.Client, Device: "far0"}, testkit.End{Node: doomed, Device: "near0"}); err != nil {
				t.Fatal(err)
			}
			if _, err := testkit.Lookup(t, "closed-port").MakeInside(doomed, reset.IPv4, 1); err != nil {
				t.Fatal(err)
			}
			time.Sleep(scanned)
			if !hasLink(t, lab.Client, "far0") {
				t.Fatal("the pair is not there")
			}
			lab.RemoveNode(doomed)
			began := time.Now()
			until(t, "the namespace to go", func() bool { return !hasLink(t, lab.Client, "far0") })
			t.Logf("gone after %v", time.Since(began).Round(time.Millisecond))
			d.stop()
		})
	}
}

func hasLink(t *testing.T, node *testkit.Node, name string) (found bool) {
	t.Helper()
	err := node.Do(func() error {
		links, err := netlink.LinkList()
		if err != nil {
			return err
		}
		for _, l := range links {
			found = found || l.Attrs().Name == name
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestOutRsts holds what tcp_send_reset told against the kernel's own count.
// They are equal where TCP sends; REJECT's and raw ones are in neither; what
// OUTPUT drops is in both.
func TestOutRsts(t *testing.T) {
	lab := testkit.NewLab(t)
	p := newPlace(t)
	d := start(t, p, only(lab.Nodes()...)...)
	scene := lab.Scenes()[0]
	own := 0
	for _, kind := range []string{"unread-data", "closed-port", "half-open", "output-dropped"} {
		own += testkit.Total(sentBy(lab.Server, testkit.Lookup(t, kind).MustMake(t, lab, scene, 3)))
	}
	others := 0
	for _, kind := range []string{"reject-input-nftables", "inject-raw"} {
		for _, e := range testkit.Lookup(t, kind).MustMake(t, lab, scene, 3) {
			if e.Direction == reset.Out {
				others += e.Times()
			}
		}
	}
	if own == 0 || others == 0 {
		t.Fatalf("%d and %d resets: nothing is tested", own, others)
	}
	d.stop()
	var kernel, told int64
	for _, c := range p.coverage(t, lab.Server) {
		if !c.OutRsts.OK || !c.SentByTCP.OK {
			t.Fatalf("coverage without counts: %+v", c)
		}
		kernel, told = kernel+c.OutRsts.V, told+c.SentByTCP.V
	}
	if kernel != int64(own) || told != int64(own) {
		t.Errorf("the kernel counts %d, tcp_send_reset told %d, made were %d", kernel, told, own)
	}
}
