package kernel_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rstwatch/rstwatch/internal/correlate"
	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/sense/kernel"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// TestVerdictOfEveryMaker makes every kind of reset and holds its verdict
// against what was truly done: the sender must be right, the cause right or
// unknown, and nothing that is certain may be wrong. What a namespace receives
// is judged by it alone, as a host would.
func TestVerdictOfEveryMaker(t *testing.T) {
	lab := testkit.NewLab(t, testkit.WithBridge())
	rec := record(t, kernel.DefaultConfig())
	hooks := testkit.Stack | testkit.Device | testkit.Bridged
	var table tally
	for _, maker := range testkit.Makers() {
		if maker.Slow && testing.Short() {
			continue
		}
		for _, scene := range maker.ScenesIn(lab) {
			t.Run(maker.Name+"/"+scene.String(), func(t *testing.T) {
				rec.clear()
				expects := testkit.Visible(maker.MustMake(t, lab, scene, 2), hooks)
				lab.AwaitCompare(t, expects, correlate.DefaultConfig().Window, rec.observations)
				table.add(t, rec, expects, scene)
			})
		}
	}
	t.Log(table.String())
}

// tally counts verdicts by what was made and what was said of it.
type tally struct{ lines map[string]int }

func (y *tally) add(t *testing.T, rec *recording, expects []testkit.Expect, scene testkit.Scene) {
	t.Helper()
	if y.lines == nil {
		y.lines = map[string]int{}
	}
	rec.mu.Lock()
	defer rec.mu.Unlock()
	for i := range rec.records {
		r := &rec.records[i]
		e := expected(r, expects)
		if e == nil {
			continue
		}
		senders, causes := wanted(e, scene)
		said := fmt.Sprintf("%s (%s), %s (%s)", r.Sender, r.Confidence.Sender, r.Cause, r.Confidence.Cause)
		mark := " "
		if !slices.Contains(senders, r.Sender) {
			mark = "!"
			t.Errorf("%s: sender %s (%s), want one of %v; evidence %+v", e, r.Sender, r.Confidence.Sender, senders, r.Evidence)
		}
		if !slices.Contains(causes, r.Cause) {
			mark = "!"
			t.Errorf("%s: cause %s (%s), want one of %v; evidence %+v", e, r.Cause, r.Confidence.Cause, causes, r.Evidence)
		}
		y.lines[fmt.Sprintf("%s %-24s %-7s truth %s, %s: %s, harm %s", mark, e.Kind, e.Direction, e.Sender, e.Cause, said, r.Harm)]++
	}
}

func (y *tally) String() string {
	var lines []string
	for line, n := range y.lines {
		lines = append(lines, fmt.Sprintf("%s x%d", line, n))
	}
	slices.Sort(lines)
	return "verdicts:\n" + strings.Join(lines, "\n")
}

// wanted are the senders and causes that are right of a RST as its namespace
// could know it: the truth where it was sent, and elsewhere what a host at the
// other end can tell of it.
func wanted(e *testkit.Expect, scene testkit.Scene) ([]reset.Sender, []reset.Cause) {
	causes := []reset.Cause{e.Cause, reset.CauseUnknown}
	if e.Direction == reset.Out {
		return []reset.Sender{e.Sender}, causes
	}
	senders := []reset.Sender{reset.Peer, reset.SenderUnknown}
	if scene.Route == testkit.Loopback {
		senders = []reset.Sender{reset.SenderUnknown}
	}
	if e.Sender == reset.LocalInject || e.Sender == reset.LocalFirewall {
		senders = append(senders, reset.Path)
	}
	return senders, append(causes, fromAfar[e.Cause]...)
}

// fromAfar are the words that the other end has for a cause.
var fromAfar = map[reset.Cause][]reset.Cause{
	reset.NoListener:       {reset.Refused},
	reset.FirewallReject:   {reset.Refused, reset.PeerNoConnection, reset.WrongHost},
	reset.NoConnection:     {reset.PeerNoConnection, reset.Backscatter, reset.Refused},
	reset.HalfOpen:         {reset.PeerNoConnection},
	reset.TimeWait:         {reset.AfterClose, reset.PeerNoConnection},
	reset.DataAfterClose:   {reset.AfterClose, reset.PeerNoConnection},
	reset.CloseRace:        {reset.AfterClose, reset.PeerNoConnection},
	reset.Linger2:          {reset.AfterClose, reset.PeerAbort},
	reset.BacklogOverflow:  {reset.PeerNoConnection},
	reset.BadAck:           {reset.PeerNoConnection, reset.Backscatter},
	reset.BadSyn:           {reset.PeerNoConnection, reset.Backscatter, reset.Refused},
	reset.StaleTimestamp:   {reset.PeerNoConnection, reset.Backscatter},
	reset.MPTCP:            {reset.Backscatter},
	reset.UnreadData:       {reset.PeerAbort},
	reset.LingerZero:       {reset.PeerAbort},
	reset.Disconnect:       {reset.PeerAbort},
	reset.ListenerClosed:   {reset.PeerAbort},
	reset.ProcessKilled:    {reset.PeerAbort},
	reset.SocketDestroyed:  {reset.PeerAbort},
	reset.KeepaliveTimeout: {reset.PeerAbort},
	reset.UserTimeout:      {reset.PeerAbort},
	reset.Injected:         {reset.Forged, reset.AfterClose, reset.Refused, reset.PeerNoConnection, reset.PeerAbort, reset.Backscatter, reset.MPTCP},
}
