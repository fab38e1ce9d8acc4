package testkit

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strings"
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
	for _, group := range [][]Maker{
		passiveMakers(), closedMakers(), activeMakers(), closeMakers(), processMakers(), timerMakers(),
		limitMakers(), tupleMakers(), embryoMakers(),
		rejectMakers(), injectMakers(), receivedMakers(), oddMakers(), natMakers(),
		pathMakers(), serverMakers(), incidentMakers(),
	} {
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
	return m.run(r)
}

// MakeInside is Make with both ends in one namespace, over its loopback
// device: for namespaces that the lab has beside its usual ones.
func (m Maker) MakeInside(node *Node, family reset.Family, n int) ([]Expect, error) {
	r := &run{lab: node.lab, scene: Scene{family, Loopback}, n: n, kind: m.Name}
	r.client = node.loopback(family)
	r.server = r.client
	return m.run(r)
}

func (m Maker) run(r *run) ([]Expect, error) {
	if m.Scenes != nil && !m.Scenes(r.scene) {
		return nil, fmt.Errorf("making %s: it cannot act in %s", m.Name, r.scene)
	}
	err := r.count()
	if err == nil {
		err = m.make(r)
	}
	for i := len(r.undo) - 1; i >= 0; i-- {
		err = errors.Join(err, r.undo[i]())
	}
	if err != nil {
		return nil, fmt.Errorf("making %s (%s): %w", m.Name, r.scene, err)
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
	before         map[*Node]Counters

	boxed   bool  // a middlebox is on the path
	hidden  uint8 // by so many hops it makes the server seem further
	expects []Expect
	undo    []func() error
}

// cleanup registers what must happen after the resets are made, last first.
func (r *run) cleanup(f func() error) { r.undo = append(r.undo, f) }

// sysctl sets a variable for as long as the maker runs.
func (r *run) sysctl(n *Node, setting string) error {
	old, err := n.Sysctl(setting)
	if err != nil {
		return err
	}
	key, _, _ := strings.Cut(setting, "=")
	r.cleanup(func() error {
		_, err := n.Sysctl(key + "=" + old)
		return err
	})
	return nil
}

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
	seen    Seen // by those who receive or forward it

	outHooks, inHooks Hooks // 0 means Everywhere
	// at is the namespace that puts the RST on the wire, where that is not
	// from's: the router, in from's name.
	at           *Node
	lostAtSender bool // it never leaves the sender
	// unseenAtSender means that no hook there can see it.
	unseenAtSender bool
	byBox          bool // a middlebox made it
	notTaken       bool // the receiver's device hands it over, its stack does not take it
	window         reset.Opt[uint16]
	ttl            uint8 // as sent; 0: not known
	also           Seen  // as Expect has it
}

// sent records a RST that goes from one end of the scene to the other.
func (r *run) sent(s shot) {
	if s.own {
		s.pid = os.Getpid()
	}
	sender := s.from.node
	if s.at != nil {
		sender = s.at
	}
	hops := uint8(0)
	add := func(n *Node, d reset.Direction, hooks Hooks) *Expect {
		e := r.base(s)
		e.Node, e.Direction, e.Hooks = n, d, hooks
		if d != reset.Out {
			e.Seen = s.seen
		}
		e.From, e.Borrowed, e.Silent = sender, sender != s.from.node, s.unseenAtSender
		if s.ttl != 0 {
			e.TTL = reset.Some(s.ttl - hops)
		}
		r.expects = append(r.expects, e)
		return &r.expects[len(r.expects)-1]
	}
	if !s.unseenAtSender {
		out := add(sender, reset.Out, cmp.Or(s.outHooks, Everywhere))
		out.Reason = s.reason
		if s.lostAtSender {
			out.Verdict, out.Drop = s.verdict, s.drop
			return
		}
	}
	if node, hooks := r.lab.middle(r.scene); node != nil && node != sender {
		passed := add(node, reset.Forward, hooks)
		if r.boxed && !s.byBox { // into the box, and out of it
			passed.Count = 2 * max(s.count, 1)
		}
		if r.scene.Route != OverBridge {
			hops++
		}
	}
	if _, stacked := r.lab.stacked[r.scene.Route]; stacked {
		r.passedOn(add)
	}
	in := add(s.to.node, reset.In, cmp.Or(s.inHooks, Everywhere))
	in.Verdict, in.Drop, in.Optional = s.verdict, s.drop, s.notTaken
}

func (r *run) base(s shot) Expect {
	return Expect{
		Kind:  r.kind,
		Src:   reset.EndpointFrom(s.from.addr, s.srcPort),
		Dst:   reset.EndpointFrom(s.to.addr, s.dstPort),
		Flags: s.flags, Count: s.count, Seq: s.seq, Ack: s.ack, Window: s.window,
		Sender: s.sender, Cause: s.cause, PID: s.pid, Also: s.also,
	}
}

// within records a RST that goes out of and into the loopback device of the
// namespace at which it is made.
func (r *run) within(s shot) {
	s.to.node = s.at
	scene := r.scene
	r.scene.Route = Loopback // nothing lies between
	r.sent(s)
	r.scene = scene
}

// count notes where the counters of the two ends stand.
func (r *run) count() error {
	r.before = map[*Node]Counters{}
	for _, n := range []*Node{r.client.node, r.server.node} {
		counters, err := n.Counters()
		if err != nil {
			return err
		}
		r.before[n] = counters
	}
	return nil
}

// awaitSent waits until the namespace's TCP has sent n resets since the maker
// began, and fails if it sends more: the kernel's own word that the resets were
// made, and no others.
func (r *run) awaitSent(from *Node, n int) error { return r.awaitGrowth(from, "TcpOutRsts", n) }

// awaitSegments waits until the namespace's TCP has taken in n segments or
// more since the maker began, whatever it thought of them.
func (r *run) awaitSegments(n *Node, atLeast int) error {
	return poll(fmt.Sprintf("%d segments to reach %s", atLeast, n.Role), func() (bool, error) {
		now, err := n.Counter("TcpInSegs")
		return int(now-r.before[n]["TcpInSegs"]) >= atLeast, err
	})
}

// awaitGrowth waits until a counter has grown by n since the maker began, and
// fails if it grows beyond.
func (r *run) awaitGrowth(node *Node, counter string, n int) error {
	return poll(fmt.Sprintf("%s of %s to grow by %d", counter, node.Role, n), func() (bool, error) {
		now, err := node.Counter(counter)
		if err != nil {
			return false, err
		}
		grown := int(now - r.before[node][counter])
		if grown > n {
			return false, fmt.Errorf("%s of %s grew by %d, expected %d", counter, node.Role, grown, n)
		}
		return grown == n, nil
	})
}
