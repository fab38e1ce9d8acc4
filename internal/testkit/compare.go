package testkit

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// Observation is what a record says of one RST, as far as it is compared.
type Observation struct {
	Netns     uint64 // inode; 0 where the record does not know
	Node      string // for people
	Direction reset.Direction
	Src, Dst  reset.Endpoint
	Flags     reset.Flags
	Seq, Ack  reset.Opt[uint32]
}

// String is one line for people.
func (o Observation) String() string {
	text := fmt.Sprintf("%-7s %-7s %s -> %s [%s]", o.Node, o.Direction, o.Src, o.Dst, o.Flags)
	if o.Seq.OK {
		text += fmt.Sprintf(" seq %d", o.Seq.V)
	}
	if o.Ack.OK {
		text += fmt.Sprintf(" ack %d", o.Ack.V)
	}
	return text
}

// Observe takes what is compared from a record.
func Observe(r *reset.Reset) Observation {
	return Observation{
		Netns: r.Netns.ID, Direction: r.Direction, Src: r.Src, Dst: r.Dst,
		Flags: r.Packet.Flags, Seq: r.Packet.Seq, Ack: r.Packet.Ack,
	}
}

// ObserveSighting takes what is compared from a sighting. Its hook gives the
// direction: what a device of a router hands in is In here, and only a
// correlator can tell that it is forwarded.
func ObserveSighting(s *reset.Sighting) Observation {
	o := Observation{
		Netns: s.Netns.ID, Src: s.Src, Dst: s.Dst,
		Flags: s.Packet.Flags, Seq: s.Packet.Seq, Ack: s.Packet.Ack,
	}
	switch s.Hook {
	case reset.HookSent, reset.HookWireOut, reset.HookLocalOut:
		o.Direction = reset.Out
	case reset.HookAccepted, reset.HookRefused, reset.HookWireIn, reset.HookLocalIn:
		o.Direction = reset.In
	case reset.HookForward:
		o.Direction = reset.Forward
	case reset.HookTransit:
		o.Direction = reset.Transit
	}
	return o
}

// Report is how records differ from what was expected.
type Report struct {
	Missing    []Expect      // Count is how many are
	Doubled    []Observation // more records than RSTs
	Unexpected []Observation // in a namespace of the lab, fitting nothing
	Matched    int
	Of         []int // of each observation, which expectation it is of; -1: none
}

// OK reports whether there is no difference.
func (r Report) OK() bool {
	return len(r.Missing) == 0 && len(r.Doubled) == 0 && len(r.Unexpected) == 0
}

// String lists the differences, one a line.
func (r Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d matched", r.Matched)
	for _, e := range r.Missing {
		fmt.Fprintf(&b, "\n  missing    %s (%d times)", e, e.Count)
	}
	for _, o := range r.Doubled {
		fmt.Fprintf(&b, "\n  doubled    %s", o)
	}
	for _, o := range r.Unexpected {
		fmt.Fprintf(&b, "\n  unexpected %s", o)
	}
	return b.String()
}

// fits reports whether the record can be of that RST. A field that either side
// does not know fits anything.
func (e Expect) fits(o Observation) bool {
	return e.Node.Inode == o.Netns && e.Direction == o.Direction &&
		e.Src == o.Src && e.Dst == o.Dst &&
		(o.Flags == 0 || e.Flags == o.Flags) && agree(e.Seq, o.Seq) && agree(e.Ack, o.Ack)
}

func agree(a, b reset.Opt[uint32]) bool { return !a.OK || !b.OK || a.V == b.V }

// Match pairs observations with expectations, each with at most one. Records
// of namespaces outside the lab are other people's and do not count.
func (l *Lab) Match(expects []Expect, got []Observation) Report {
	var report Report
	left := make([]int, len(expects))
	for i, e := range expects {
		left[i] = e.Times()
	}
	report.Of = make([]int, len(got))
	for index, o := range got {
		report.Of[index] = -1
		node := l.nodeOf(o.Netns)
		if node == nil {
			continue
		}
		o.Node = node.label()
		best, fitted := -1, false
		for i, e := range expects {
			if !e.fits(o) {
				continue
			}
			fitted = true
			if left[i] > 0 && (best < 0 || e.knows() > expects[best].knows()) {
				best = i
			}
		}
		switch {
		case best >= 0:
			left[best]--
			report.Matched++
			report.Of[index] = best
		case fitted:
			report.Doubled = append(report.Doubled, o)
		default:
			report.Unexpected = append(report.Unexpected, o)
		}
	}
	for i, e := range expects {
		if left[i] > 0 && !e.Optional {
			e.Count = left[i]
			report.Missing = append(report.Missing, e)
		}
	}
	return report
}

// knows counts the numbers that the expectation fixes: the most exact one that
// fits takes the record.
func (e Expect) knows() int {
	n := 0
	if e.Seq.OK {
		n++
	}
	if e.Ack.OK {
		n++
	}
	return n
}

// nodeOf finds a namespace of the lab by its inode.
func (l *Lab) nodeOf(inode uint64) *Node {
	for _, n := range l.nodes {
		if n.Inode == inode {
			return n
		}
	}
	return nil
}

func (n *Node) label() string {
	if n == nil {
		return "?"
	}
	return n.Role
}

// Compare fails the test unless got holds exactly one record for each RST,
// namespace and direction, and no other of the lab's namespaces.
func (l *Lab) Compare(t testing.TB, expects []Expect, got []reset.Reset) {
	t.Helper()
	if report := l.Match(expects, observeAll(got)); !report.OK() {
		t.Errorf("records do not fit the resets that were made: %s", report)
	}
}

// Compare is Lab.Compare for the lab that the expectations are of; it fails
// where there are none, since it could not fail otherwise.
func Compare(t testing.TB, expects []Expect, got []reset.Reset) {
	t.Helper()
	if len(expects) == 0 {
		t.Fatal("comparing with no expectation: use Lab.Compare")
	}
	expects[0].Node.lab.Compare(t, expects, got)
}

// AwaitCompare asks for the records again and again until none is missing,
// for at most 10 s, then once more after the settling time, and compares.
// The settling time is for doubles to show themselves.
func (l *Lab) AwaitCompare(t testing.TB, expects []Expect, settle time.Duration, got func() []Observation) {
	t.Helper()
	// The error says no more than the comparison below.
	_ = poll("records", func() (bool, error) {
		return len(l.Match(expects, got()).Missing) == 0, nil
	})
	time.Sleep(settle)
	if report := l.Match(expects, got()); !report.OK() {
		t.Errorf("records do not fit the resets that were made: %s", report)
	}
}

func observeAll(records []reset.Reset) []Observation {
	got := make([]Observation, len(records))
	for i := range records {
		got[i] = Observe(&records[i])
	}
	return got
}
