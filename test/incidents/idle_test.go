package incidents

import (
	"encoding/binary"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// flags of TCP that package reset has for RSTs alone.
const (
	ack  = reset.ACK
	psh  = reset.PSH
	rst  = reset.RST
	syn  = reset.SYN
	idle = 350 * time.Second
)

// conversation is what a capture at the client has of one connection through a
// balancer that forgets after 350 s: a handshake, a request and its answer, the
// silence, one more request, and the RST one round trip after it.
func conversation(begin time.Time, port uint16, trip time.Duration) []captured {
	client, server := netip.MustParseAddrPort("10.77.1.2:0"), netip.MustParseAddrPort("10.77.2.2:443")
	client = netip.AddrPortFrom(client.Addr(), port)
	up := testkit.Segment{Src: client, Dst: server, TTL: 64, DF: true, Window: 500, IPID: port}
	down := testkit.Segment{Src: server, Dst: client, TTL: 52, DF: true, Window: 400, IPID: 7}
	var list []captured
	at := begin
	add := func(s testkit.Segment, after time.Duration, seq, acked uint32, flags reset.Flags, payload string) {
		at = at.Add(after)
		s.Seq, s.Ack, s.Flags, s.Payload = seq, acked, flags, []byte(payload)
		list = append(list, captured{at, s})
	}
	const x, y = 1000, 9000
	add(up, 0, x, 0, syn, "")
	down.IPID = 0
	add(down, trip, y, x+1, syn|ack, "")
	add(up, time.Millisecond, x+1, y+1, ack, "")
	add(up, time.Millisecond, x+1, y+1, ack|psh, "request")
	down.IPID = 1001
	add(down, trip, y+1, x+8, ack|psh, "answer")
	add(up, time.Millisecond, x+8, y+7, ack, "")
	add(up, idle+time.Duration(port%7)*100*time.Millisecond, x+8, y+7, ack|psh, "another")
	down.IPID, down.Window = 0, 0
	add(down, trip, y+7, 0, rst, "")
	return list
}

// captured is one packet of a capture file.
type captured struct {
	at      time.Time
	segment testkit.Segment
}

// writePcap writes a classic pcap file of raw IP packets.
func writePcap(t *testing.T, packets []captured) string {
	t.Helper()
	slices.SortStableFunc(packets, func(a, b captured) int { return a.at.Compare(b.at) })
	const linktypeRaw = 101
	file := binary.LittleEndian.AppendUint32(nil, 0xa1b2c3d4)
	file = binary.LittleEndian.AppendUint16(file, 2)
	file = binary.LittleEndian.AppendUint16(file, 4)
	for _, v := range []uint32{0, 0, 65535, linktypeRaw} {
		file = binary.LittleEndian.AppendUint32(file, v)
	}
	for _, p := range packets {
		raw := p.segment.Bytes()
		for _, v := range []uint32{uint32(p.at.Unix()), uint32(p.at.Nanosecond() / 1000), uint32(len(raw)), uint32(len(raw))} {
			file = binary.LittleEndian.AppendUint32(file, v)
		}
		file = append(file, raw...)
	}
	path := filepath.Join(t.TempDir(), "idle.pcap")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestIdleInFile is the balancer of grpc/grpc-go#2443 with its real 350 s, in a
// capture whose clock needs no waiting.
func TestIdleInFile(t *testing.T) {
	begin := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	var packets []captured
	for i := range 5 {
		packets = append(packets, conversation(begin.Add(time.Duration(i)*time.Minute), 40000+uint16(i), 30*time.Millisecond)...)
	}
	path := writePcap(t, packets)
	out, err := exec.Command(program, "read", "--config", "/dev/null", "--vantage", "10.77.1.2", "--output", "json", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	records := lastRevisions(t, string(out))
	if len(records) != 5 {
		t.Fatalf("%d records, want 5:\n%s", len(records), out)
	}
	if !slices.ContainsFunc(records, func(r reset.Reset) bool {
		return slices.ContainsFunc(r.Evidence, func(e reset.Evidence) bool { return e.Fact == "quiet-cluster" })
	}) {
		t.Error("no record tells that the silences cluster")
	}
	for i := range records {
		r := &records[i]
		if r.Cause != reset.IdleTimeout || r.Confidence.Cause == reset.Certain {
			t.Errorf("cause %s (%s), want idle-timeout, and not certain\n%s", r.Cause, r.Confidence.Cause, line(r))
		}
		if r.Sender != reset.Path && r.Sender != reset.Peer || r.Confidence.Sender == reset.Certain {
			t.Errorf("sender %s (%s), want path or peer, and not certain\n%s", r.Sender, r.Confidence.Sender, line(r))
		}
		if !silent350(r) {
			t.Errorf("the silence of 350 s is not told\n%s", line(r))
		}
	}
}

// silent350 reports whether the record tells how long the silence was.
func silent350(r *reset.Reset) bool {
	if r.Connection != nil && r.Connection.QuietBeforeMS.OK {
		return r.Connection.QuietBeforeMS.V >= 349_000 && r.Connection.QuietBeforeMS.V <= 352_000
	}
	return slices.ContainsFunc(r.Evidence, func(e reset.Evidence) bool { return e.For == "cause=idle-timeout" })
}

// TestIdleAlive waits for a minute of real silence, a usual time limit.
func TestIdleAlive(t *testing.T) {
	if os.Getenv("RSTWATCH_TEST_LONG") == "" {
		t.Skip("RSTWATCH_TEST_LONG=1 waits for a minute of silence")
	}
	for _, kind := range []string{"idle-balancer", "idle-nearer", "idle-firewall"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			lab := testkit.NewLab(t)
			lab.Silence(60*time.Second + 500*time.Millisecond)
			w := watchOver(t, lab.Client)
			scene := testkit.Scene{Family: reset.IPv4, Route: testkit.Routed}
			expects := testkit.Lookup(t, kind).MustMake(t, lab, scene, 5)
			c := incident{at: "client"}
			records, _ := w.final(lab, c.watched(lab, testkit.Visible(expects, testkit.Stack|testkit.Device)))
			w.stop()
			for i := range records {
				r := &records[i]
				if r.Cause != reset.IdleTimeout || r.Sender != reset.Path && r.Sender != reset.Peer {
					t.Errorf("said %s (%s), %s (%s); want idle-timeout\n%s", r.Sender, r.Confidence.Sender, r.Cause, r.Confidence.Cause, line(r))
				}
			}
		})
	}
}
