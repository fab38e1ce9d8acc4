package incidents

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// incident is one public case as one host met it.
type incident struct {
	name      string
	source    string
	maker     string
	at        string // the namespaces that are watched
	also      string
	direction reset.Direction // of the records that the case is about
	// What the program has to say. The level of the sender is at most sure.
	sender reset.Sender
	sure   reset.Level
	cause  reset.Cause
	least  reset.Level // of the cause
	harm   reset.Harm
	more   func(*reset.Reset) string // what else is wrong; empty: nothing
}

var incidents = []incident{
	{
		name: "the reply that was not translated back", source: "kubernetes/kubernetes#74839, #122174",
		maker: "untranslated-reply", at: "client", direction: reset.Out,
		sender: reset.LocalKernel, sure: reset.Certain, cause: reset.UntranslatedReply, least: reset.Likely,
		more: showsTrigger(reset.ACK),
	},
	{
		name: "the other anycast host", source: "NANOG 2018, dotat.at/:/2J2LA",
		maker: "incident-anycast", at: "client", direction: reset.In,
		sender: reset.Peer, sure: reset.Possible, cause: reset.WrongHost, least: reset.Likely,
	},
	{
		name: "the port given away again", source: "cilium/cilium#45863",
		maker: "incident-snat-reuse", at: "client", direction: reset.Out,
		sender: reset.LocalKernel, sure: reset.Certain, cause: reset.TupleReused, least: reset.Likely,
		more: showsTrigger(reset.ACK),
	},
	{
		name: "backscatter", source: "zeek/zeek#1119",
		maker: "backscatter", at: "client", direction: reset.In,
		sender: reset.Peer, sure: reset.Likely, cause: reset.Backscatter, least: reset.Likely, harm: reset.HarmNone,
	},
	{
		name: "the firewall that resets both ends, at the one", source: "plantegg, who reset your connection",
		maker: "path-both-ends", at: "client", direction: reset.In,
		sender: reset.Path, sure: reset.Certain, cause: reset.Forged, least: reset.Possible,
		more: nearerThanPeer,
	},
	{
		name: "the response made a RST, with both ends watched", source: "plantegg, who reset your connection",
		maker: "path-rewritten", at: "client", also: "server", direction: reset.In,
		sender: reset.Path, sure: reset.Certain, cause: reset.Forged, least: reset.Likely,
	},
	{
		// Two seconds are no silence that anything forgets: TestIdleInFile and
		// TestIdleAlive have longer ones. Here it must be told, and not guessed.
		name: "the balancer that forgot, too soon", source: "grpc/grpc-go#2443, kubernetes/ingress-nginx#5695",
		maker: "idle-balancer", at: "client", direction: reset.In,
		sender: reset.Peer, sure: reset.Likely, cause: reset.PeerNoConnection, harm: reset.LostData,
		more: wasQuiet,
	},
	{
		name: "the FIN that crossed a query", source: "sysown/proxysql#3109",
		maker: "benign-crossing-fin", at: "server", direction: reset.Out,
		sender: reset.LocalKernel, sure: reset.Certain, cause: reset.CloseRace, least: reset.Likely, harm: reset.LostData,
		more: showsTrigger(reset.ACK),
	},
	{
		name: "the second listener", source: "kubernetes/kubernetes#48358",
		maker: "incident-reuseport", at: "server", direction: reset.Out,
		sender: reset.LocalApp, sure: reset.Certain, cause: reset.ListenerClosed, least: reset.Certain,
		more: namesProcessAndListener,
	},
}

// notYet are cases that the program does not answer in full so far, and what is
// missing. One that it answers has no place here.
var notYet = map[string]string{}

// TestIncidents plays each case before the real daemon and holds its last word
// against the truth. A word that nobody may say there fails in any case.
func TestIncidents(t *testing.T) {
	for _, c := range incidents {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // most of the time is waiting for the last word
			maker := testkit.Lookup(t, c.maker)
			if maker.Slow && testing.Short() {
				t.Skip("slow: waits for seconds of silence")
			}
			lab := testkit.NewLab(t)
			w := watchOver(t, c.nodes(lab)...)
			scene := testkit.Scene{Family: reset.IPv4, Route: testkit.Routed}
			expects := maker.MustMake(t, lab, scene, 3)
			records, of := w.final(lab, c.watched(lab, testkit.Visible(expects, testkit.Stack|testkit.Device)))
			w.stop()
			short := c.hold(t, records, of)
			switch missing, known := notYet[c.name]; {
			case short && !known:
				t.Errorf("%s: the answer is not the one that is wanted", c.source)
			case short:
				t.Logf("not yet: %s", missing)
			case known:
				t.Errorf("answered in full: take the row out of notYet")
			}
		})
	}
}

// hold checks each record; it reports whether one says less than is wanted.
func (c incident) hold(t *testing.T, records []reset.Reset, of []testkit.Expect) (short bool) {
	t.Helper()
	view := testkit.Alone
	if c.also != "" {
		view = testkit.Together
	}
	held := 0
	for i := range records {
		r := &records[i]
		if truth := of[i].Answer(view); !truth.SenderRight(r) || !c.honest(truth, r) {
			t.Errorf("said %s (%s), %s (%s); honest is %v, %v\n%s", r.Sender, r.Confidence.Sender, r.Cause, r.Confidence.Cause, truth.Senders, truth.Causes, line(r))
		}
		if r.Direction != c.direction {
			continue
		}
		held++
		problem := ""
		switch {
		case r.Sender != c.sender || r.Confidence.Sender > c.sure:
			problem = "another sender, or surer than one can be"
		case r.Cause != c.cause:
			problem = "another cause"
		case r.Confidence.Cause < c.least:
			problem = "the cause is known better than that"
		case c.harm != reset.HarmAbsent && r.Harm != c.harm:
			problem = "another harm"
		case c.more != nil:
			problem = c.more(r)
		}
		if problem != "" {
			short = true
			t.Logf("%s: said %s (%s), %s (%s), harm %s; want %s, %s, harm %s\n%s", problem,
				r.Sender, r.Confidence.Sender, r.Cause, r.Confidence.Cause, r.Harm, c.sender, c.cause, c.harm, line(r))
		}
	}
	if held == 0 {
		t.Errorf("no record of the case")
	}
	return short
}

// honest: a cause of unknown is no lie.
func (c incident) honest(truth testkit.Seen, r *reset.Reset) bool {
	return r.Cause == reset.CauseUnknown || truth.CauseRight(r)
}

func (c incident) nodes(lab *testkit.Lab) []*testkit.Node {
	return slices.DeleteFunc(lab.Nodes(), func(n *testkit.Node) bool { return n.Role != c.at && n.Role != c.also })
}

// watched are the expectations of the namespaces that are watched.
func (c incident) watched(lab *testkit.Lab, expects []testkit.Expect) []testkit.Expect {
	nodes := c.nodes(lab)
	return slices.DeleteFunc(expects, func(e testkit.Expect) bool { return !slices.Contains(nodes, e.Node) })
}

func line(r *reset.Reset) string {
	text, err := json.Marshal(r)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// showsTrigger wants the packet that was answered shown, with these flags at
// least and no SYN.
func showsTrigger(flags reset.Flags) func(*reset.Reset) string {
	return func(r *reset.Reset) string {
		if r.Trigger == nil || r.Trigger.Flags&(flags|reset.SYN) != flags {
			return "the trigger is not shown"
		}
		return ""
	}
}

// nearerThanPeer wants the difference of the distances among the evidence.
func nearerThanPeer(r *reset.Reset) string {
	if !r.Packet.TTL.OK || r.Packet.TTL.V != 63 {
		return "the TTL is not the forger's"
	}
	for _, fact := range []string{"hops", "neighbour"} {
		if !slices.ContainsFunc(r.Evidence, func(e reset.Evidence) bool { return e.Fact == fact }) {
			return "no evidence of its " + fact
		}
	}
	return ""
}

// wasQuiet wants the silence told.
func wasQuiet(r *reset.Reset) string {
	if r.Connection == nil || !r.Connection.QuietBeforeMS.OK || r.Connection.QuietBeforeMS.V < 1500 {
		return "the silence is not told"
	}
	return ""
}

// namesProcessAndListener wants the program that ended named, that it was ending,
// and that the port is served by another.
func namesProcessAndListener(r *reset.Reset) string {
	if r.Process == nil || !r.Process.PID.OK || r.Process.Comm == "" {
		return "the process is not named"
	}
	if r.Process.Exit == nil {
		return "its end is not told"
	}
	if !slices.ContainsFunc(r.Evidence, func(e reset.Evidence) bool { return strings.HasPrefix(e.Value, "another listener still serves port ") }) {
		return "it is not told that another listener serves the port"
	}
	return ""
}
