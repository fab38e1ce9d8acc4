package incident

import (
	"slices"
	"strconv"

	"github.com/rstwatch/rstwatch/internal/present"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// What one group remembers at most. Names from outside are made safe for a
// terminal as they are taken.
const (
	maxStages = 16
	maxPeers  = 8
	maxHosts  = 8
)

// group is an incident in the making. Two that turn out to be one are merged:
// the one then stands for the other.
type group struct {
	into *group // nil: it stands for itself

	first       First
	from, until reset.Time
	resets      int
	grouped     Grouped
	harm        [reset.HarmUnknown + 1]int
	stages      []Stage
	peers       []Peer
	morePeers   int
	hosts       []string
	alone       int // resets sent whose other end is not recorded
	received    int // received ones likewise
	ownerless   int // an application's, and it is not known whose
	open        int // without a last revision
}

// top is the group that stands for this one.
func (g *group) top() *group {
	for g.into != nil {
		if g.into.into != nil {
			g.into = g.into.into
		}
		g = g.into
	}
	return g
}

// note takes what every record tells, the packet's first or another.
func (g *group) note(r *reset.Reset) {
	one := firstOf(r)
	if g.first.ID.IsZero() || one.isBefore(&g.first) {
		g.first = one
	}
	if g.from.IsZero() || r.Time < g.from {
		g.from = r.Time
	}
	g.until = max(g.until, r.Time)
	host := present.Clean(r.Host)
	g.addHost(host)
	g.addStage(Stage{
		From: r.Time, Until: r.Time, Resets: 1, Host: host, Direction: r.Direction, Process: processOf(r),
		Sender: r.Sender, Cause: r.Cause, Example: r.ID, Src: r.Src, Dst: r.Dst,
	})
}

// isBefore reports whether a reset is rather the first cause than another: one
// that nothing led to, where it was sent, then the earlier.
func (f *First) isBefore(other *First) bool {
	if f.follows() != other.follows() {
		return other.follows()
	}
	return f.Time < other.Time
}

// follows reports whether something led to a reset: another one, or the sending
// of the packet that was received.
func (f *First) follows() bool { return f.caused || f.twin && f.Direction != reset.Out }

func (g *group) addHost(host string) {
	if host != "" && len(g.hosts) < maxHosts && !slices.Contains(g.hosts, host) {
		g.hosts = append(g.hosts, host)
	}
}

func (g *group) addStage(s Stage) {
	for i := range g.stages {
		have := &g.stages[i]
		if have.Host == s.Host && have.Direction == s.Direction && have.Process == s.Process && have.Sender == s.Sender && have.Cause == s.Cause {
			have.join(&s)
			return
		}
	}
	if len(g.stages) < maxStages {
		g.stages = append(g.stages, s)
		return
	}
	// Kinds without end are one: neither whose nor why is said of it.
	last := &g.stages[maxStages-1]
	last.join(&s)
	last.Process, last.Sender, last.Cause = "", 0, 0
}

func (s *Stage) join(other *Stage) {
	s.Resets += other.Resets
	s.Until = max(s.Until, other.Until)
	if other.From < s.From {
		s.From, s.Example, s.Src, s.Dst = other.From, other.Example, other.Src, other.Dst
	}
}

func (g *group) addPeer(p Peer) {
	for i := range g.peers {
		if g.peers[i].Address == p.Address {
			if g.peers[i].Resets += p.Resets; g.peers[i].Resets <= 0 {
				g.peers = slices.Delete(g.peers, i, i+1)
			}
			return
		}
	}
	if len(g.peers) < maxPeers && p.Resets > 0 {
		g.peers = append(g.peers, p)
		return
	}
	g.morePeers += p.Resets
}

// merge takes another group into this one.
func (g *group) merge(other *group) {
	if other.first.isBefore(&g.first) {
		g.first = other.first
	}
	g.from, g.until = min(g.from, other.from), max(g.until, other.until)
	g.resets += other.resets
	g.grouped.Links += other.grouped.Links
	g.grouped.Burst += other.grouped.Burst
	for i, n := range other.harm {
		g.harm[i] += n
	}
	for _, s := range other.stages {
		g.addStage(s)
	}
	for _, p := range other.peers {
		g.addPeer(p)
	}
	for _, host := range other.hosts {
		g.addHost(host)
	}
	g.morePeers += other.morePeers
	g.alone += other.alone
	g.received += other.received
	g.ownerless += other.ownerless
	g.open += other.open
	*other = group{into: g}
}

func firstOf(r *reset.Reset) First {
	return First{
		ID: r.ID, Time: r.Time, Direction: r.Direction, Src: r.Src, Dst: r.Dst, Sender: r.Sender, Cause: r.Cause,
		Confidence: r.Confidence, Process: processOf(r), Exit: exitOf(r), Summary: present.Clean(r.Summary),
		caused: len(r.CausedBy) > 0, twin: !r.Twin.IsZero(),
	}
}

// peerOf is the other end: for a reset that passed or was received, the address
// that it bears.
func peerOf(r *reset.Reset) reset.Endpoint {
	if r.Direction == reset.Out {
		return r.Dst
	}
	return r.Src
}

// processOf is comm/pid of who did it, or empty.
func processOf(r *reset.Reset) string {
	p := actorOf(r)
	if p == nil {
		return ""
	}
	text := present.Clean(p.Comm)
	if p.PID.OK {
		text += "/" + strconv.FormatUint(uint64(p.PID.V), 10)
	}
	return text
}

// actorOf is the process that did it: the socket's owner, unless another destroyed
// the socket.
func actorOf(r *reset.Reset) *reset.Process {
	if r.Cause == reset.SocketDestroyed && r.Process != nil && r.Process.By != nil {
		return r.Process.By
	}
	return r.Process
}

// exitOf is how the process ended, or empty.
func exitOf(r *reset.Reset) string {
	p := actorOf(r)
	if p == nil || p.Exit == nil {
		return ""
	}
	exit := p.Exit
	switch {
	case exit.OOM:
		return "was killed for want of memory"
	case exit.Signal != "":
		return "was killed by " + present.Clean(exit.Signal)
	case exit.Code.OK:
		return "ended with status " + strconv.Itoa(int(exit.Code.V))
	}
	return "ended"
}
