package testkit

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// Maker makes resets of one kind.
type Maker struct {
	Name string
	// Kernel is the function that sends the RST, or decides on the one received.
	Kernel string
	// Slow makers wait for a timer of the kernel, seconds.
	Slow bool
	// Scenes limits where the maker can act; nil means everywhere.
	Scenes func(Scene) bool

	make func(*run) error
}

// UnsupportedError says what this machine lacks for a maker.
type UnsupportedError struct{ Need string }

func (e *UnsupportedError) Error() string { return "not supported here: needs " + e.Need }

// Makers is the table of all makers, in the order of the documentation.
func Makers() []Maker {
	var all []Maker
	for _, group := range [][]Maker{passiveMakers(), activeMakers()} {
		all = append(all, group...)
	}
	return all
}

// Lookup finds a maker by its name; it fails the test if there is none.
func Lookup(t testing.TB, name string) Maker {
	t.Helper()
	for _, m := range Makers() {
		if m.Name == name {
			return m
		}
	}
	t.Fatalf("maker %q: no such maker", name)
	return Maker{}
}

// ScenesIn are the lab's scenes in which the maker can act.
func (m Maker) ScenesIn(l *Lab) []Scene {
	var scenes []Scene
	for _, s := range l.Scenes() {
		if m.Scenes == nil || m.Scenes(s) {
			scenes = append(scenes, s)
		}
	}
	return scenes
}

// Make makes n resets of the kind and returns the records that a complete
// watcher has of them. When it returns, all are on their way or arrived, and
// nothing that it leaves behind will send another. An error of type
// *UnsupportedError says that this machine cannot.
func (m Maker) Make(l *Lab, s Scene, n int) ([]Expect, error) {
	r := &run{lab: l, scene: s, n: n, kind: m.Name}
	r.client, r.server = l.ends(s)
	before, err := r.server.node.Counters()
	if err != nil {
		return nil, err
	}
	r.before = before
	err = m.make(r)
	for i := len(r.undo) - 1; i >= 0; i-- {
		err = errors.Join(err, r.undo[i]())
	}
	if err != nil {
		return nil, fmt.Errorf("making %s (%s): %w", m.Name, s, err)
	}
	return r.expects, nil
}

// MustMake is Make for tests: it skips where this machine cannot, naming what
// is missing, and fails where making fails.
func (m Maker) MustMake(t testing.TB, l *Lab, s Scene, n int) []Expect {
	t.Helper()
	expects, err := m.Make(l, s, n)
	var unsupported *UnsupportedError
	if errors.As(err, &unsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return expects
}

// run is one call of a maker.
type run struct {
	lab            *Lab
	scene          Scene
	n              int
	kind           string
	client, server side
	before         Counters // the server's

	expects []Expect
	undo    []func() error
}

// cleanup registers what must happen after the resets are made, last first.
func (r *run) cleanup(f func() error) { r.undo = append(r.undo, f) }

// shot is one RST, or several equal ones, on its way from one side to the other.
type shot struct {
	from, to         side
	srcPort, dstPort uint16
	flags            reset.Flags
	count            int
	seq, ack         reset.Opt[uint32]

	sender  reset.Sender
	cause   reset.Cause
	reason  string
	own     bool // this process owns the socket that sent it
	pid     int  // or this one
	verdict reset.Verdict
	drop    string

	outHooks, inHooks Hooks // 0 means Everywhere
}

// sent records a RST that goes the whole way from one end of the scene to the
// other.
func (r *run) sent(s shot) {
	if s.own {
		s.pid = os.Getpid()
	}
	out := r.base(s)
	out.Node, out.Direction, out.Hooks = s.from.node, reset.Out, s.outHooks
	out.Reason, out.PID = s.reason, s.pid
	in := r.base(s)
	in.Node, in.Direction, in.Hooks = s.to.node, reset.In, s.inHooks
	in.Verdict, in.Drop = s.verdict, s.drop
	for _, e := range []*Expect{&out, &in} {
		if e.Hooks == 0 {
			e.Hooks = Everywhere
		}
	}
	r.expects = append(r.expects, out)
	if node, hooks := r.lab.middle(r.scene); node != nil {
		forward := r.base(s)
		forward.Node, forward.Direction, forward.Hooks = node, reset.Forward, hooks
		r.expects = append(r.expects, forward)
	}
	r.expects = append(r.expects, in)
}

func (r *run) base(s shot) Expect {
	return Expect{
		Kind:  r.kind,
		Src:   reset.EndpointFrom(s.from.addr, s.srcPort),
		Dst:   reset.EndpointFrom(s.to.addr, s.dstPort),
		Flags: s.flags, Count: s.count, Seq: s.seq, Ack: s.ack,
		Sender: s.sender, Cause: s.cause,
	}
}

// awaitGrowth waits until a counter of the server has grown by n since the
// maker began, and fails if it grows beyond: the kernel's own word that the
// resets were made, and no others.
func (r *run) awaitGrowth(counter string, n int) error {
	return poll(fmt.Sprintf("%s to grow by %d", counter, n), func() (bool, error) {
		now, err := r.server.node.Counter(counter)
		if err != nil {
			return false, err
		}
		grown := int(now - r.before[counter])
		if grown > n {
			return false, fmt.Errorf("%s grew by %d, expected %d", counter, grown, n)
		}
		return grown == n, nil
	})
}
