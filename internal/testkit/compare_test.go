package testkit

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rstwatch/rstwatch/internal/reset"
)

func TestMatchTellsMissingDoubledAndUnexpected(t *testing.T) {
	server := &Node{Role: "server", Inode: 11}
	client := &Node{Role: "client", Inode: 12}
	l := &Lab{nodes: []*Node{server, client}}
	a := reset.Endpoint{AddrPort: netip.MustParseAddrPort("10.77.2.2:80")}
	b := reset.Endpoint{AddrPort: netip.MustParseAddrPort("10.77.1.2:4000")}
	expect := Expect{
		Kind: "test", Node: server, Direction: reset.Out, Src: a, Dst: b,
		Flags: reset.RST, Seq: reset.Some[uint32](7),
	}
	with := func(change func(*Expect)) Expect {
		e := expect
		change(&e)
		return e
	}
	record := Observation{Netns: 11, Direction: reset.Out, Src: a, Dst: b, Flags: reset.RST, Seq: reset.Some[uint32](7)}
	but := func(change func(*Observation)) Observation {
		o := record
		change(&o)
		return o
	}
	tests := []struct {
		name    string
		expects []Expect
		got     []Observation
		want    string // kinds of differences, in the order of the report
		matched int
	}{
		{"fits", []Expect{expect}, []Observation{record}, "", 1},
		{"nothing", []Expect{expect}, nil, "missing", 0},
		{"twice", []Expect{expect}, []Observation{record, record}, "doubled", 1},
		{"twice expected", []Expect{with(func(e *Expect) { e.Count = 2 })}, []Observation{record, record}, "", 2},
		{"once of two", []Expect{with(func(e *Expect) { e.Count = 2 })}, []Observation{record}, "missing", 1},
		{"other direction", []Expect{expect}, []Observation{but(func(o *Observation) { o.Direction = reset.In })}, "missing unexpected", 0},
		{"other namespace of the lab", []Expect{expect}, []Observation{but(func(o *Observation) { o.Netns = 12 })}, "missing unexpected", 0},
		{"other people's namespace", []Expect{expect}, []Observation{record, but(func(o *Observation) { o.Netns = 99 })}, "", 1},
		{"other sequence number", []Expect{expect}, []Observation{but(func(o *Observation) { o.Seq.V = 8 })}, "missing unexpected", 0},
		{"unknown sequence number", []Expect{expect}, []Observation{but(func(o *Observation) { o.Seq.OK = false })}, "", 1},
		{"other flags", []Expect{expect}, []Observation{but(func(o *Observation) { o.Flags |= reset.ACK })}, "missing unexpected", 0},
		{"optional and absent", []Expect{with(func(e *Expect) { e.Optional = true })}, nil, "", 0},
		{"optional and there", []Expect{with(func(e *Expect) { e.Optional = true })}, []Observation{record}, "", 1},
		{"optional and twice", []Expect{with(func(e *Expect) { e.Optional = true })}, []Observation{record, record}, "doubled", 1},
		{"exact one takes its own", []Expect{with(func(e *Expect) { e.Seq.OK = false }), expect},
			[]Observation{record, but(func(o *Observation) { o.Seq.V = 8 })}, "", 2},
		{"nothing expected", nil, []Observation{record}, "unexpected", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			report := l.Match(test.expects, test.got)
			var kinds []string
			for _, line := range strings.Split(report.String(), "\n")[1:] {
				kinds = append(kinds, strings.Fields(line)[0])
			}
			if diff := cmp.Diff(test.want, strings.Join(kinds, " ")); diff != "" {
				t.Errorf("differences (-want +got):\n%s\n%s", diff, report)
			}
			if report.Matched != test.matched || report.OK() != (test.want == "") {
				t.Errorf("matched %d, ok %v: %s", report.Matched, report.OK(), report)
			}
		})
	}
}

func TestVisibleKeepsWhatAHookSees(t *testing.T) {
	expects := []Expect{{Hooks: Stack}, {Hooks: Everywhere, Count: 3}, {Hooks: Device, Optional: true}, {Hooks: Bridged}}
	if got := Total(expects); got != 5 {
		t.Errorf("total is %d, want 5", got)
	}
	if got := len(Visible(expects, Device|Bridged)); got != 3 {
		t.Errorf("%d visible on devices, want 3", got)
	}
	if got := len(Visible(expects, Stack)); got != 2 {
		t.Errorf("%d visible to the stack, want 2", got)
	}
}
