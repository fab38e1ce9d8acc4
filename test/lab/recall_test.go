package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rstwatch/rstwatch/internal/incident"
	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// finalResets waits until so many resets are recorded and all have their last
// revision.
func (p place) finalResets(t *testing.T, wanted func([]reset.Reset) bool) (list []reset.Reset) {
	t.Helper()
	until(t, "the last revisions", func() bool {
		list = p.resets(t)
		for _, r := range list {
			if !r.Final {
				return false
			}
		}
		return wanted(list)
	})
	return list
}

func sentByProcess(list []reset.Reset, pid int) (sent []reset.Reset) {
	for _, r := range list {
		if r.Direction == reset.Out && r.Process != nil && int(r.Process.PID.V) == pid {
			sent = append(sent, r)
		}
	}
	return sent
}

// incidents are what "rstwatch incidents" prints.
func (p place) incidents(t *testing.T, args ...string) (list []incident.Incident) {
	t.Helper()
	out, problems, err := p.command(append([]string{"incidents", "-o", "json"}, args...))
	if err != nil {
		t.Fatalf("incidents: %v\n%s", err, problems)
	}
	for line := range strings.Lines(out) {
		var i incident.Incident
		if err := json.Unmarshal([]byte(line), &i); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		list = append(list, i)
	}
	return list
}

// dial connects within the namespace.
func dial(t *testing.T, node *testkit.Node, address string) net.Conn {
	t.Helper()
	var c net.Conn
	err := node.Do(func() (err error) {
		c, err = net.Dial("tcp", address)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// awaitReset reads until the connection is reset.
func awaitReset(t *testing.T, c net.Conn) {
	t.Helper()
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Fatalf("the connection ended with %v, not with a reset", err)
	}
}

// host is a namespace with nothing but its loopback device.
func host(t *testing.T) (*testkit.Lab, *testkit.Node) {
	t.Helper()
	lab := testkit.NewLab(t)
	node, err := lab.NewNode("host")
	if err != nil {
		t.Fatal(err)
	}
	return lab, node
}

// TestPeerThatSpeaksOn: a RST in a peer's name is told by what the peer then
// says, in a revision of its own.
func TestPeerThatSpeaksOn(t *testing.T) {
	lab := testkit.NewLab(t)
	p := newPlace(t)
	// Seen from the client alone: who watches the forger too knows it at once.
	d := start(t, p, append(only(lab.Client), "--sensor", "bpf")...)
	want := 0
	for _, scene := range lab.Scenes() {
		if scene.Route == testkit.Routed {
			testkit.Lookup(t, "forged-peer-alive").MustMake(t, lab, scene, 3)
			want += 3
		}
	}
	forged := 0
	list := p.finalResets(t, func(list []reset.Reset) bool { return len(list) > 0 })
	d.stop()
	for _, r := range list {
		if r.Direction != reset.In || r.Kernel.Verdict != reset.Accepted || !has(&r, "peer-spoke") {
			continue
		}
		forged++
		if r.Revision != 2 || r.Sender == reset.Peer || r.Cause != reset.Forged {
			t.Errorf("revision %d: %s, %s", r.Revision, r.Sender, r.Cause)
		}
	}
	if testing.Verbose() {
		t.Log(p.cat(t, "--all=false"))
	}
	if forged != want {
		t.Errorf("%d of %d forged resets were told by the peer's own words", forged, want)
	}
}

// has reports whether the evidence names a fact that speaks for the verdict.
func has(r *reset.Reset, fact string) bool {
	for _, e := range r.Evidence {
		if e.Fact == fact && !e.Against {
			return true
		}
	}
	return false
}

// TestDeathIsOneIncident kills a process that has 50 connections.
func TestDeathIsOneIncident(t *testing.T) {
	_, node := host(t)
	p := newPlace(t)
	d := start(t, p, append(only(node), "--sensor", "bpf")...)
	const connections, address = 50, "127.0.0.1:7001"
	child := startChild(t, node, "hold "+address)
	var clients []net.Conn
	for range connections {
		c := dial(t, node, address)
		if _, err := c.Write([]byte("unread")); err != nil {
			t.Fatal(err)
		}
		child.await(t, "holding")
		clients = append(clients, c)
	}
	child.kill()
	for _, c := range clients {
		awaitReset(t, c)
	}
	pid := child.Process.Pid
	list := p.finalResets(t, func(list []reset.Reset) bool {
		return len(sentByProcess(list, pid)) == connections && len(list) == 2*connections
	})
	ledger := d.stop()
	if ledger.Host.Written != 2*connections {
		t.Errorf("%d resets, the ledger counts %+v", len(list), ledger.Host)
	}
	ids := make(map[reset.ID]*reset.Reset)
	for i := range list {
		ids[list[i].ID] = &list[i]
	}
	firsts := 0
	for _, r := range sentByProcess(list, pid) {
		if r.Cause != reset.ProcessKilled {
			t.Errorf("cause %s", r.Cause)
		}
		if len(r.CausedBy) == 0 {
			firsts++
		}
		twin := ids[r.Twin]
		if twin == nil || twin.Direction != reset.In || twin.Twin != r.ID || twin.Sender != reset.LocalApp || twin.Cause != r.Cause ||
			twin.Harm != reset.LostData || !slices.Equal(twin.CausedBy, r.CausedBy) {
			t.Errorf("the other end of %s: %+v", r.ID, twin)
		}
	}
	if firsts != 1 {
		t.Errorf("%d resets have no cause, want the first alone", firsts)
	}
	incidents := p.incidents(t)
	if len(incidents) != 1 || incidents[0].Resets != connections || incidents[0].First.Cause != reset.ProcessKilled {
		t.Fatalf("incidents: %+v", incidents)
	}
	if diff := cmp.Diff(map[string]int{"lost-data": connections}, incidents[0].Harm); diff != "" {
		t.Errorf("harm (-want +got):\n%s", diff)
	}
	text, _, err := p.command([]string{"incidents"})
	if err != nil || !strings.Contains(text, fmt.Sprintf("/%d was killed by SIGKILL", pid)) {
		t.Errorf("incidents: %v\n%s", err, text)
	}
	t.Logf("\n%s", text)
}

// TestDestroyedByAnother ends a connection as ss -K does: the last word names
// who did it, whose the connection was, and does not take the one for the other.
func TestDestroyedByAnother(t *testing.T) {
	_, node := host(t)
	p := newPlace(t)
	d := start(t, p, append(only(node), "--sensor", "bpf")...)
	const address = "127.0.0.1:7005"
	child := startChild(t, node, "hold "+address)
	client := dial(t, node, address)
	child.await(t, "holding")
	if err := node.DestroySocket(netip.MustParseAddrPort(address), client.LocalAddr().(*net.TCPAddr).AddrPort()); err != nil {
		t.Fatal(err)
	}
	awaitReset(t, client)
	list := p.finalResets(t, func(list []reset.Reset) bool { return len(list) == 2 })
	d.stop()
	sent := sentByProcess(list, child.Process.Pid)
	if len(sent) != 1 || sent[0].Cause != reset.SocketDestroyed {
		t.Fatalf("not one that was destroyed, of the child's, in %+v", list)
	}
	r := &sent[0]
	if by := r.Process.By; r.Revision != 2 || by == nil || int(by.PID.V) != os.Getpid() {
		t.Fatalf("revision %d of %+v, destroyed by %+v, and not by us", r.Revision, r.Process, by)
	}
	owner := fmt.Sprintf("%s/%d", r.Process.Comm, r.Process.PID.V)
	hand := fmt.Sprintf("%s/%d", r.Process.By.Comm, r.Process.By.PID.V)
	if want := hand + " destroyed the connection of " + owner + " to " + r.Dst.String(); !strings.HasPrefix(r.Summary, want) {
		t.Errorf("summary %q, want at its begin %q", r.Summary, want)
	}
	for _, id := range []reset.ID{r.ID, r.Twin} {
		contains(t, strings.Join(strings.Fields(p.explained(t, 0, id.String())), " "), "a process on this host: "+hand+"; the socket was that of "+owner)
	}
	line := p.cat(t, "-o", "text", "direction out")
	if !strings.Contains(line, "by "+hand) {
		t.Errorf("the line before the owner was found does not name who did it:\n%s", line)
	}
}

// TestNewRule rejects with a rule that nobody knew when the daemon began: the last
// word at both ends names it.
func TestNewRule(t *testing.T) {
	_, node := host(t)
	p := newPlace(t)
	d := start(t, p, append(only(node), "--sensor", "bpf")...)
	const rules = "add table inet filter\nadd chain inet filter input { type filter hook input priority 0; }\n" +
		"add rule inet filter input tcp dport 7006 reject with tcp reset comment \"shut\"\n"
	err := node.Do(func() error {
		nft := exec.Command("nft", "-f", "-")
		nft.Stdin = strings.NewReader(rules)
		if out, err := nft.CombinedOutput(); err != nil {
			return fmt.Errorf("nft: %w: %s", err, out)
		}
		if c, err := net.Dial("tcp", "127.0.0.1:7006"); !errors.Is(err, syscall.ECONNREFUSED) {
			return fmt.Errorf("connected to %v, and want to be refused: %w", c, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	list := p.finalResets(t, func(list []reset.Reset) bool { return len(list) == 2 })
	d.stop()
	for _, r := range list {
		if r.Sender != reset.LocalFirewall || !strings.HasPrefix(r.Rule, "table inet filter, chain input, rule 1") {
			t.Errorf("%s, revision %d: %s, rule %q", r.Direction, r.Revision, r.Sender, r.Rule)
		}
	}
}

// TestQuietDeathIsOneIncident kills a process that has read all: it closes with
// FINs, and each client learns of it by a RST when it writes.
func TestQuietDeathIsOneIncident(t *testing.T) {
	_, node := host(t)
	p := newPlace(t)
	d := start(t, p, append(only(node), "--sensor", "bpf")...)
	const connections, address = 10, "127.0.0.1:7004"
	child := startChild(t, node, "hold "+address)
	var clients []net.Conn
	for range connections {
		clients = append(clients, dial(t, node, address))
		child.await(t, "holding")
	}
	child.kill()
	for _, c := range clients {
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Fatalf("the connection ended with %v, not with a FIN", err)
		}
		if _, err := c.Write([]byte("too late")); err != nil {
			t.Fatal(err)
		}
	}
	list := p.finalResets(t, func(list []reset.Reset) bool { return len(list) == 2*connections })
	d.stop()
	firsts := 0
	for _, r := range list {
		if r.Direction == reset.Out && len(r.CausedBy) == 0 {
			firsts++
			t.Logf("the first: %s, %s; %s", r.Sender, r.Cause, r.Summary)
		}
	}
	incidents := p.incidents(t)
	if firsts != 1 || len(incidents) != 1 || incidents[0].Resets != connections {
		t.Errorf("%d resets without a cause; incidents: %+v", firsts, incidents)
	}
}

// TestRelayedReset lets a proxy pass a reset on: a chain with the first cause
// behind it.
func TestRelayedReset(t *testing.T) {
	_, node := host(t)
	p := newPlace(t)
	d := start(t, p, append(only(node), "--sensor", "bpf")...)
	const upstream, front = "127.0.0.1:7002", "127.0.0.1:7003"
	server := startChild(t, node, "abort "+upstream)
	between := startChild(t, node, "proxy "+front+" "+upstream)
	client := dial(t, node, front)
	if _, err := client.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	awaitReset(t, client)
	list := p.finalResets(t, func(list []reset.Reset) bool { return len(list) == 4 })
	d.stop()
	first, passed := sentByProcess(list, server.Process.Pid), sentByProcess(list, between.Process.Pid)
	if len(first) != 1 || len(passed) != 1 {
		t.Fatalf("%d resets of the server, %d of the proxy, in %+v", len(first), len(passed), list)
	}
	if passed[0].Cause != reset.Relayed || len(passed[0].CausedBy) != 1 || passed[0].CausedBy[0] != first[0].Twin {
		t.Errorf("the proxy's reset: %s, caused by %v, want %s", passed[0].Cause, passed[0].CausedBy, first[0].Twin)
	}
	for _, r := range list {
		if r.ID == passed[0].Twin && !slices.Equal(r.CausedBy, passed[0].CausedBy) {
			t.Errorf("its other end is caused by %v", r.CausedBy)
		}
	}
	incidents := p.incidents(t)
	if len(incidents) != 1 || incidents[0].Resets != 2 || incidents[0].First.ID != first[0].ID {
		t.Errorf("incidents: %+v", incidents)
	}
}

// TestKillBeforeTheLastRevision: what a kill -9 leaves provisional is counted
// once all the same, and the next run begins with a ledger that balances.
func TestKillBeforeTheLastRevision(t *testing.T) {
	lab := testkit.NewLab(t)
	p := newPlace(t)
	classic := p.path("classic.log")
	args := append(only(lab.Nodes()...), "--classic", classic)
	d := start(t, p, args...)
	expects := testkit.Visible(testkit.Lookup(t, "unread-data").MustMake(t, lab, lab.Scenes()[0], 5), seenByBPF)
	lab.AwaitCompare(t, expects, 0, p.observed(t))
	d.signal(syscall.SIGKILL)
	d.wait()
	provisional := 0
	for _, r := range p.resets(t) {
		if !r.Final {
			provisional++
		}
	}
	if provisional == 0 {
		t.Log("this machine was so slow that all had their last revision before the kill")
	}

	d = start(t, p, args...)
	again := testkit.Visible(testkit.Lookup(t, "unread-data").MustMake(t, lab, lab.Scenes()[1], 5), seenByBPF)
	lab.AwaitCompare(t, append(expects, again...), settled, p.observed(t))
	ledger := d.stop()
	list := p.resets(t)
	lab.Compare(t, append(expects, again...), list)
	if ledger.Host.Written != uint64(len(list)) {
		t.Errorf("%d resets, the ledger counts %+v", len(list), ledger.Host)
	}
	// A text log may repeat what it wrote just before the kill.
	if got := strings.Count(read(t, classic), " [drds] "); got < len(list) {
		t.Errorf("%d classic lines of %d resets", got, len(list))
	}
	text := 0
	for line := range strings.Lines(p.cat(t, "-o", "text")) {
		if !strings.Contains(line, " was ") {
			text++
		}
	}
	if text != len(list) {
		t.Errorf("%d lines of text for %d resets", text, len(list))
	}
	p.verify(t)
}

// TestTwinsOfTranslatedResets: the record of a RST that was received names the
// one at the end that sent it, though a router between them changed its
// addresses.
func TestTwinsOfTranslatedResets(t *testing.T) {
	lab := testkit.NewLab(t)
	p := newPlace(t)
	d := start(t, p, append(only(lab.Nodes()...), "--sensor", "bpf")...)
	made := 0
	for _, scene := range testkit.Lookup(t, "hairpin-router").ScenesIn(lab) {
		testkit.Lookup(t, "hairpin-router").MustMake(t, lab, scene, 3)
		made += 3
	}
	count := func(list []reset.Reset, direction reset.Direction) (n int) {
		for _, r := range list {
			if r.Direction == direction {
				n++
			}
		}
		return n
	}
	list := p.finalResets(t, func(list []reset.Reset) bool { return count(list, reset.Out) >= made && count(list, reset.In) >= made })
	d.stop()
	senders := make(map[reset.ID]*reset.Reset)
	for i := range list {
		senders[list[i].ID] = &list[i]
	}
	for _, r := range list {
		from := senders[r.Twin]
		if r.Direction == reset.In && (from == nil || from.Direction != reset.Out || from.Twin != r.ID || r.Sender != from.Sender || r.Cause != from.Cause) {
			t.Errorf("received %v > %v, %s %s: sent as %+v", r.Src, r.Dst, r.Sender, r.Cause, from)
		}
	}
}
