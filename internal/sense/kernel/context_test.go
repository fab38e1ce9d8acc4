package kernel_test

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/correlate"
	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/sense/kernel"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// around is one record with what was known around it.
type around struct {
	*reset.Reset
	*reset.Context
}

func (a around) String() string {
	text, err := json.Marshal(map[string]any{
		"connection": a.Connection, "process": a.Process, "socket": a.Socket, "stack": a.Stack,
		"past": a.Past, "peer": a.Peer, "passed": a.Passed, "beside": a.Beside,
	})
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// told is what the sensor must know of the RSTs of one maker, in the direction
// given. A check says what is wrong, or nothing.
type told struct {
	maker     string
	direction reset.Direction
	since     testkit.Release // the kernel that tells it; zero: any
	checks    map[string]func(around) bool
}

func stacked(names ...string) func(around) bool {
	return func(a around) bool {
		for _, name := range names {
			if !slices.Contains(a.Stack, name) {
				return false
			}
		}
		return true
	}
}

// closedHere: the test itself closed it, whoever accepted it.
func closedHere(a around) bool {
	return a.Past.Owner != nil && !a.Past.OwnerListens && a.Past.Owner.PID.V == uint32(os.Getpid())
}

// handshake wants what the SYN or SYN+ACK bore: a router away, one TTL less.
func handshake(a around) bool {
	ttl := uint8(64)
	if a.Interface.In != "lo" {
		ttl--
	}
	return a.Past.HandshakeTTL == reset.Some(ttl) && len(a.Past.HandshakeMAC) == 6 &&
		a.Past.HandshakeIPID.OK == (a.Packet.Family == reset.IPv4) &&
		a.Peer.Known && a.Peer.TTL == ttl && bytes.Equal(a.Peer.MAC, a.Past.HandshakeMAC)
}

var contexts = []told{
	{"linger-zero", reset.Out, testkit.Release{}, map[string]func(around) bool{
		"SO_LINGER of 0":        func(a around) bool { return a.Socket.Linger.V && a.Socket.LingerMS == reset.Some[int64](0) },
		"closed by its process": stacked("__tcp_close", "tcp_disconnect"),
		"a process holds it":    func(a around) bool { return a.Socket.Orphan == reset.Some(false) && a.Inode != 0 },
	}},
	{"unread-data", reset.Out, testkit.Release{}, map[string]func(around) bool{
		"closed by its process": stacked("__tcp_close", "sock_close"),
		"no SO_LINGER":          func(a around) bool { return a.Socket.Linger == reset.Some(false) },
		"bytes unread":          func(a around) bool { return a.Connection.Unread.V == 300 },
		"a cgroup":              func(a around) bool { return a.Cgroup != 0 },
		"no exit":               func(a around) bool { return a.Process.Exit == nil },
		"a least round trip":    func(a around) bool { return a.Connection.MinRTTUS.OK },
	}},
	{"unread-after-fin", reset.Out, testkit.Release{}, map[string]func(around) bool{
		"bytes unread, without the FIN":   func(a around) bool { return a.Connection.Unread.V == 6 },
		"bytes received, without the FIN": func(a around) bool { return a.Connection.BytesReceived.V == 6 },
	}},
	{"disconnect", reset.Out, testkit.Release{}, map[string]func(around) bool{
		"connect(AF_UNSPEC)": stacked("tcp_disconnect", "__inet_stream_connect"),
		"not closed":         func(a around) bool { return !stacked("__tcp_close")(a) },
	}},
	{"listener-closed", reset.Out, testkit.Release{}, map[string]func(around) bool{
		"the listener stopped": stacked("inet_csk_listen_stop"),
		"never accepted":       func(a around) bool { return a.Socket.Orphan.V && a.Inode == 0 },
		"the closing process":  func(a around) bool { return a.Process != nil && a.Process.PID.OK },
	}},
	{"linger2", reset.Out, testkit.Release{}, map[string]func(around) bool{
		"TCP_LINGER2 below 0":   func(a around) bool { return a.Socket.Linger2.OK && a.Socket.Linger2.V < 0 },
		"closed by its process": stacked("__tcp_close"),
		"sending was shut":      func(a around) bool { return a.Socket.Shutdown.V&2 != 0 },
	}},
	{"process-killed", reset.Out, testkit.Release{}, map[string]func(around) bool{
		"SIGKILL":     func(a around) bool { return a.Process.Exit != nil && a.Process.Exit.Signal == "SIGKILL" },
		"no OOM":      func(a around) bool { return !a.Process.Exit.OOM },
		"at its end":  stacked("do_exit", "do_group_exit"),
		"by a signal": stacked("get_signal"),
		"in the table": func(a around) bool {
			return a.Past.Owner != nil && a.Past.Owner.Exit != nil && a.Past.Owner.Exit.Signal == "SIGKILL"
		},
		"bytes unread": func(a around) bool { return a.Connection.Unread.V > 0 },
	}},
	{"process-exited", reset.Out, testkit.Release{}, map[string]func(around) bool{
		"exit code 0": func(a around) bool { return a.Process.Exit != nil && a.Process.Exit.Code == reset.Some[int32](0) },
		"at its end":  stacked("do_exit"),
		"no signal":   func(a around) bool { return a.Process.Exit.Signal == "" },
	}},
	{"socket-destroyed", reset.Out, testkit.Release{}, map[string]func(around) bool{
		"tcp_abort":                      stacked("tcp_abort"),
		"the killer":                     func(a around) bool { return a.Process.By != nil && a.Process.By.PID.OK },
		"who is not taken for the owner": func(a around) bool { return a.Past.OwnerListens && !a.Process.PID.OK },
	}},
	{"keepalive-timeout", reset.Out, testkit.Release{}, map[string]func(around) bool{
		"its timer":    stacked("tcp_keepalive_timer"),
		"it ran out":   func(a around) bool { return a.Socket.TimeoutHit.V },
		"keepalive on": func(a around) bool { return a.Socket.Keepalive.V && a.Socket.Probes.V > 0 },
		"no limit":     func(a around) bool { return a.Socket.UserTimeoutMS == reset.Some[uint32](0) },
	}},
	{"keepalive-user-timeout", reset.Out, testkit.Release{}, map[string]func(around) bool{
		"TCP_USER_TIMEOUT": func(a around) bool { return a.Socket.UserTimeoutMS == reset.Some[uint32](1500) },
	}},
	{"shutdown-then-data", reset.Out, testkit.Release{}, map[string]func(around) bool{
		"shut both ways": func(a around) bool { return a.Socket.Shutdown.V == 3 },
		"still held":     func(a around) bool { return a.Socket.Orphan == reset.Some(false) },
	}},
	{"close-race", reset.Out, testkit.Release{}, map[string]func(around) bool{
		"left alone":            func(a around) bool { return a.Socket.Orphan.V },
		"its FIN":               func(a around) bool { return a.Past.FinAgo.V > 0 && a.Past.ClosedFrom == "FIN_WAIT1" },
		"closed only by this":   func(a around) bool { return !a.Past.ClosedAgo.OK && !a.Past.ResetAgo.OK },
		"who closed it":         closedHere,
		"the other end connect": func(a around) bool { return a.Past.Originator == reset.Some(false) },
		"its round trip":        func(a around) bool { return a.Past.RTTUS.V > 0 },
	}},
	{"time-wait", reset.Out, testkit.Release{}, map[string]func(around) bool{
		"its FIN":       func(a around) bool { return a.Past.FinAgo.V > 0 && a.Past.ClosedFrom == "FIN_WAIT2" },
		"opened before": func(a around) bool { return a.Past.OpenedAgo.V > a.Past.FinAgo.V },
		"closed before": func(a around) bool { return a.Past.ClosedAgo.OK && a.Past.ClosedAgo.V <= a.Past.FinAgo.V },
		"who closed it": closedHere,
	}},
	{"half-open", reset.Out, testkit.Release{}, map[string]func(around) bool{
		"once open":        func(a around) bool { return a.Past.OpenedAgo.V > 0 },
		"gone without FIN": func(a around) bool { return !a.Past.FinAgo.OK && a.Past.ClosedFrom == "ESTABLISHED" },
		"no socket":        func(a around) bool { return a.Connection == nil },
		"whose it was":     closedHere,
		"its numbers":      func(a around) bool { return a.Past.SndNxt == a.Packet.Seq },
	}},
	{"stray-data", reset.Out, testkit.Release{}, map[string]func(around) bool{
		"never known":   func(a around) bool { return !a.Past.Known && !a.Beside.Known },
		"not conntrack": func(a around) bool { return a.Trigger == nil || a.Trigger.Conntrack == "" },
	}},
	{"closed-port", reset.Out, testkit.Release{}, map[string]func(around) bool{
		"nothing asked": func(a around) bool { return !a.Past.Known && !a.Peer.Known && !a.Beside.Known },
	}},
	{"closed-port", reset.In, testkit.Release{}, map[string]func(around) bool{
		"who connects": func(a around) bool { return a.Process != nil && a.Process.PID.V == uint32(os.Getpid()) },
		"not yet open": func(a around) bool { return a.Past.Originator.V && !a.Past.OpenedAgo.OK },
	}},
	{"forged-exact", reset.In, testkit.Release{}, map[string]func(around) bool{
		"its window":    func(a around) bool { return a.Socket.RcvNxt == a.Packet.Seq && a.Socket.RcvWnd.V > 0 },
		"alive":         func(a around) bool { return a.Socket.Orphan == reset.Some(false) && a.Inode != 0 },
		"who connected": func(a around) bool { return a.Process != nil && a.Process.PID.V == uint32(os.Getpid()) },
		"whole":         func(a around) bool { return a.Connection.Baseline == reset.BaselineFull && a.Connection.AgeMS.OK },
		"handshake":     handshake,
		"no close":      func(a around) bool { return a.Past.ClosedFrom == "" && !a.Past.FinAgo.OK },
	}},
	{"forged-in-window", reset.In, testkit.Release{}, map[string]func(around) bool{
		"handshake": handshake,
	}},
	{"forged-in-window", reset.In, testkit.Release{Major: 6, Minor: 11}, map[string]func(around) bool{
		"its window": func(a around) bool { return a.Socket.RcvNxt.V+10 == a.Packet.Seq.V },
	}},
	{"forged-time-wait", reset.In, testkit.Release{}, map[string]func(around) bool{
		"closed before": func(a around) bool { return a.Past.FinAgo.OK && a.Past.ClosedAgo.OK },
		"handshake":     handshake,
	}},
	{"socket-destroyed", reset.In, testkit.Release{}, map[string]func(around) bool{
		"who connected": func(a around) bool { return a.Past.Owner != nil && !a.Past.OwnerListens },
	}},
	{"forged-peer-alive", reset.Out, testkit.Release{}, map[string]func(around) bool{
		"an earlier RST": func(a around) bool { return a.Past.ResetAgo.OK && a.Past.ClosedError == uint16(unix.ECONNRESET) },
	}},
	{"untranslated-reply", reset.Out, testkit.Release{}, map[string]func(around) bool{
		"which connection waits": func(a around) bool { return a.Beside.Known && a.Beside.State == "ESTABLISHED" },
		"it is its answer":       func(a around) bool { return a.Beside.SndNxt == a.Packet.Seq },
		"not this one":           func(a around) bool { return !a.Past.Known },
	}},
	{"untranslated-reply-own", reset.Out, testkit.Release{Major: 6, Minor: 10}, map[string]func(around) bool{
		"conntrack's word": func(a around) bool { return a.Trigger.Conntrack == "INVALID" },
	}},
	{"untranslated-syn-ack", reset.Out, testkit.Release{}, map[string]func(around) bool{
		"which connection waits": func(a around) bool { return a.Beside.Known && a.Beside.State == "SYN_SENT" },
		"it is its answer":       func(a around) bool { return a.Beside.SndNxt == a.Packet.Seq },
	}},
	{"tuple-reused", reset.Out, testkit.Release{}, map[string]func(around) bool{
		"an earlier one": func(a around) bool { return a.Past.OpenedAgo.OK && a.Past.ClosedAgo.OK },
		"who connects":   func(a around) bool { return a.Process != nil && a.Process.PID.V == uint32(os.Getpid()) },
	}},
	{"connect-cancelled", reset.Out, testkit.Release{}, map[string]func(around) bool{
		"it was connecting": func(a around) bool {
			return a.Past.Originator.V && a.Past.ClosedFrom == "SYN_SENT" && !a.Past.OpenedAgo.OK
		},
	}},
	{"disconnect-unsent", reset.Out, testkit.Release{}, map[string]func(around) bool{
		"connect(AF_UNSPEC)": stacked("tcp_disconnect", "__inet_stream_connect"),
		"bytes not sent":     func(a around) bool { return a.Connection.Unsent.V > 0 },
	}},
	{"fast-open-listener-closed", reset.Out, testkit.Release{}, map[string]func(around) bool{
		"the listener stopped": stacked("inet_csk_listen_stop"),
	}},
	{"mptcp-unread", reset.Out, testkit.Release{}, map[string]func(around) bool{
		"a path of Multipath TCP": func(a around) bool { return a.Socket.Multipath.V },
	}},
	{"idle-balancer", reset.In, testkit.Release{}, map[string]func(around) bool{
		"the silence before": func(a around) bool { return a.Connection.QuietBeforeMS.V > 500 },
	}},
	{"path-wrong-mac", reset.In, testkit.Release{}, map[string]func(around) bool{
		"another neighbour": func(a around) bool { return !bytes.Equal(a.Past.HandshakeMAC, a.Packet.MACSrc) },
	}},
	{"unread-data", reset.In, testkit.Release{}, map[string]func(around) bool{
		"handshake": handshake,
	}},
	{"benign-other-ttl", reset.Forward, testkit.Release{}, map[string]func(around) bool{
		"its SYN+ACK": func(a around) bool { return passed(a, 128) && !a.Passed.SYN && a.Passed.Seq+1 == a.Packet.Seq.V },
		"a baseline": func(a around) bool {
			return a.Connection.Baseline == reset.BaselineHandshake && a.Connection.State == ""
		},
	}},
	{"scan-nearer", reset.Forward, testkit.Release{}, map[string]func(around) bool{
		"its SYN": func(a around) bool { return passed(a, 37) && a.Passed.SYN && a.Passed.Seq+1 == a.Packet.Seq.V },
	}},
	{"backscatter", reset.Forward, testkit.Release{}, map[string]func(around) bool{
		"no handshake": func(a around) bool { return !a.Passed.Known && a.Connection == nil },
	}},
}

// passed wants what the source of a RST had sent at its handshake, as a router
// or a bridge between had it.
func passed(a around, ttl uint8) bool {
	hops := uint8(1)
	if strings.HasPrefix(a.Interface.In, "p") { // a bridge's port
		hops = 0
	}
	return a.Passed.Known && a.Passed.TTL == ttl-hops && a.Passed.Hops == hops && len(a.Passed.MAC) == 6 &&
		bytes.Equal(a.Passed.MAC, a.Packet.MACSrc) && a.Passed.IPID.OK == (a.Packet.Family == reset.IPv4)
}

// TestContext makes one kind of reset after the other and holds what the sensor
// knows around each against what was made.
func TestContext(t *testing.T) {
	lab := testkit.NewLab(t)
	rec := record(t, kernel.DefaultConfig())
	for _, want := range contexts {
		maker := testkit.Lookup(t, want.maker)
		if testkit.Running(t).Before(want.since) {
			continue
		}
		if maker.Slow && testing.Short() {
			continue
		}
		for _, scene := range maker.ScenesIn(lab) {
			t.Run(want.maker+"/"+scene.String(), func(t *testing.T) {
				rec.clear()
				expects := testkit.Visible(maker.MustMake(t, lab, scene, 2), testkit.Stack|testkit.Device)
				lab.AwaitCompare(t, expects, correlate.DefaultConfig().Window, rec.observations)
				rec.checkContexts(t, expects, want)
			})
		}
	}
}

func (rec *recording) checkContexts(t *testing.T, expects []testkit.Expect, want told) {
	t.Helper()
	rec.mu.Lock()
	defer rec.mu.Unlock()
	checked := 0
	for i := range rec.records {
		a := around{&rec.records[i], &rec.contexts[i]}
		if e := expected(a.Reset, expects); a.Direction != want.direction || e == nil || e.Direction == reset.Out && e.Reason == "" {
			continue
		}
		checked++
		for what, holds := range want.checks {
			if !holds(a) {
				t.Errorf("not told: %s; %s", what, a)
			}
		}
	}
	if checked == 0 {
		t.Errorf("no record to check, of %d", len(rec.records))
	}
}
