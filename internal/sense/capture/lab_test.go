package capture_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/sense/capture"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// dump is a tcpdump that runs in a namespace of the lab.
type dump struct {
	node *testkit.Node
	path string
	stop func()
}

// startDump returns once tcpdump captures. A slot of its ring is as long as a
// packet may be, so a bound on that makes room for more of them.
func startDump(t *testing.T, node *testkit.Node, device string, arguments ...string) *dump {
	t.Helper()
	d := &dump{node: node, path: filepath.Join(t.TempDir(), node.Role+"-"+device+".pcap")}
	stop := testkit.Tcpdump(t, node, device, d.path, append([]string{"-s", "2048"}, arguments...)...)
	d.stop = func() {
		if text := stop(); !strings.Contains(text, "\n0 packets dropped by kernel") {
			t.Errorf("tcpdump lost packets: %s", text)
		}
		d.stop = func() {}
	}
	t.Cleanup(func() { d.stop() })
	return d
}

func need(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		if testkit.Required() {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

// record is what a test keeps of a reset.
type record struct {
	reset reset.Sighting
	facts reset.FlowFacts
	found capture.Found
}

func read(t *testing.T, cfg capture.Config, paths ...string) []record {
	t.Helper()
	r, err := capture.New(cfg, paths, nil)
	if err != nil {
		t.Fatal(err)
	}
	var records []record
	err = r.Run(context.Background(), func(f *capture.Found) error {
		k := record{reset: *f.Sighting, facts: f.Sighting.Context.Flow, found: *f}
		k.reset.Packet = reset.Packet{
			Flags: k.reset.Packet.Flags, Seq: k.reset.Packet.Seq, Ack: k.reset.Packet.Ack, TTL: k.reset.Packet.TTL,
			Window: k.reset.Packet.Window, IPID: k.reset.Packet.IPID, Length: k.reset.Packet.Length,
		}
		if k.facts.Answers != nil {
			trigger := *k.facts.Answers
			k.facts.Answers = &trigger
		}
		records = append(records, k)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return records
}

// TestEveryMaker makes every kind of reset while tcpdump captures at both ends,
// and holds what is read of the files against what was made, one by one.
func TestEveryMaker(t *testing.T) {
	lab := testkit.NewLab(t, testkit.WithBridge())
	ends := []struct {
		node    *testkit.Node
		devices []string
		addrs   []string
		dumps   []*dump
	}{
		{node: lab.Client, devices: []string{"c0", "c1"}, addrs: []string{"10.77.1.2", "fd77:1::2", "10.77.3.2", "fd77:3::2"}},
		{node: lab.Server, devices: []string{"any"}, addrs: []string{"10.77.2.2", "fd77:2::2", "10.77.3.3", "fd77:3::3"}},
	}
	for i := range ends {
		for _, device := range ends[i].devices {
			ends[i].dumps = append(ends[i].dumps, startDump(t, ends[i].node, device, "not", "port", "1"))
		}
	}
	router := startDump(t, lab.Router, "any")
	var made []testkit.Expect
	for _, maker := range testkit.Makers() {
		if maker.Slow {
			continue // on the wire it is as the others
		}
		for _, scene := range maker.ScenesIn(lab) {
			if scene.Route == testkit.Loopback {
				continue // one address at both ends
			}
			expects, err := maker.Make(lab, scene, 2)
			if unsupported := new(testkit.UnsupportedError); errors.As(err, &unsupported) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			made = append(made, expects...)
		}
	}
	for i := range ends {
		end := &ends[i]
		cfg := capture.Config{Vantage: append(addresses(t, end.addrs), aliases(end.node, made)...)}
		var paths []string
		for _, d := range end.dumps {
			paths = append(paths, d.path)
		}
		var expects []testkit.Expect
		for _, e := range testkit.Visible(made, testkit.Device) {
			// Of what a firewall refuses on its way out, the RST takes the loopback device.
			if e.Node == end.node && !strings.HasPrefix(e.Kind, "reject-output") {
				expects = append(expects, e)
			}
		}
		lab.AwaitCompare(t, expects, 100*time.Millisecond, func() []testkit.Observation {
			var got []testkit.Observation
			for _, k := range read(t, cfg, paths...) {
				o := testkit.ObserveSighting(&k.reset)
				o.Netns = end.node.Inode
				got = append(got, o)
			}
			return got
		})
		for _, d := range end.dumps {
			d.stop()
			againstTshark(t, d.path)
		}
		if end.node == lab.Client {
			holdFacts(t, lab, made, read(t, cfg, paths...))
		}
	}
	router.stop()
	againstTshark(t, router.path)
	passedOn(t, lab, made, read(t, capture.Config{}, router.path))
}

// aliases are the addresses at which resets reached the namespace and that it
// sent them from in its own name: makers give it further ones.
func aliases(node *testkit.Node, made []testkit.Expect) []netip.Addr {
	var list []netip.Addr
	for _, e := range made {
		own := e.Dst.Addr()
		if e.Direction == reset.Out {
			own = e.Src.Addr()
		}
		if e.Node == node && e.Direction != reset.Forward && !e.Borrowed && !slices.Contains(list, own) {
			list = append(list, own)
		}
	}
	return list
}

// passedOn holds what left the router, captured on both of its devices if it came,
// against what was made: one reset each. Where it translates, it is two packets.
func passedOn(t *testing.T, lab *testkit.Lab, made []testkit.Expect, got []record) {
	t.Helper()
	type ends struct{ src, dst reset.Endpoint }
	want, have, kinds := map[ends]int{}, map[ends]int{}, map[ends]string{}
	for _, e := range made {
		// A middlebox of a maker's own takes packets in and sends them anew.
		if strings.HasPrefix(e.Kind, "path-") || strings.HasPrefix(e.Kind, "benign-") {
			continue
		}
		if e.Node == lab.Router && e.Leaves == (testkit.Flow{}) && !e.Optional {
			want[ends{e.Src, e.Dst}] += e.Times()
			kinds[ends{e.Src, e.Dst}] = e.Kind
		}
	}
	for _, k := range got {
		have[ends{k.reset.Src, k.reset.Dst}]++
	}
	total := 0
	for e, n := range want {
		if total += n; have[e] != n {
			t.Errorf("%s: %d resets from %s to %s left the router, want %d", kinds[e], have[e], e.src, e.dst, n)
		}
	}
	if total < 100 {
		t.Errorf("only %d resets passed the router", total)
	}
}

// line is one RST frame as both readers have it.
type line struct {
	Frame         uint64
	Seq, Ack      uint32
	TTL           uint8
	Window, IPID  uint16
	Src, Dst      string
	Flags         uint64
	NanoSinceUnix string
}

// againstTshark holds the RST frames of a file against those that tshark finds,
// frames of one packet counted once each.
func againstTshark(t *testing.T, path string) {
	t.Helper()
	need(t, "tshark")
	var want []line
	for _, fields := range tshark(t, path, "tcp.flags.reset==1 and not icmp and not icmpv6",
		"frame.number", "tcp.seq_raw", "tcp.ack_raw", "ip.ttl", "ipv6.hlim", "tcp.window_size_value", "ip.id", "ip.src", "ipv6.src",
		"tcp.srcport", "ip.dst", "ipv6.dst", "tcp.dstport", "tcp.flags", "frame.time_epoch", "frame.protocols") {
		innermost(fields)
		number := func(text string) uint64 {
			v, _ := strconv.ParseUint(text, 0, 64)
			return v
		}
		want = append(want, line{
			Frame: number(fields[0]), Seq: uint32(number(fields[1])), Ack: uint32(number(fields[2])), TTL: uint8(number(fields[3] + fields[4])),
			Window: uint16(number(fields[5])), IPID: uint16(number(fields[6])), Src: host(fields[7]+fields[8], fields[9]),
			Dst: host(fields[10]+fields[11], fields[12]), Flags: number(fields[13]) & 0xff, NanoSinceUnix: fields[14],
		})
	}
	var got []line
	copies := 0
	for _, k := range read(t, capture.Config{}, path) {
		p := &k.reset.Packet
		got = append(got, line{
			Frame: k.found.Frame, Seq: p.Seq.V, Ack: p.Ack.V, TTL: p.TTL.V, Window: p.Window.V, IPID: p.IPID.V, Flags: uint64(p.Flags),
			Src: k.reset.Src.String(), Dst: k.reset.Dst.String(),
			NanoSinceUnix: fmt.Sprintf("%d.%09d", int64(k.reset.Time)/1e9, int64(k.reset.Time)%1e9),
		})
		copies += k.found.Copies
	}
	if len(got)+copies != len(want) {
		t.Errorf("%s: %d resets and %d copies, tshark has %d frames", filepath.Base(path), len(got), copies, len(want))
	}
	frames := map[uint64]line{}
	for _, w := range want {
		frames[w.Frame] = w
	}
	for _, g := range got {
		if diff := cmp.Diff(frames[g.Frame], g); diff != "" {
			t.Errorf("%s: frame %d (-tshark +got):\n%s", filepath.Base(path), g.Frame, diff)
		}
	}
	t.Logf("%s: %d resets, %d copies", filepath.Base(path), len(got), copies)
}

// innermost blanks, of a packet with headers of both families, those that are not
// next to TCP.
func innermost(fields []string) {
	protocols := strings.Split(fields[15], ":")
	outer := []int{4, 8, 11} // hop limit and addresses of IPv6
	for _, p := range protocols {
		switch p {
		case "ip":
			outer = []int{4, 8, 11}
		case "ipv6":
			outer = []int{3, 6, 7, 10}
		}
	}
	for _, at := range outer {
		fields[at] = ""
	}
}

func host(address, port string) string {
	if strings.Contains(address, ":") {
		return "[" + address + "]:" + port
	}
	return address + ":" + port
}

func tshark(t *testing.T, path, filter string, fields ...string) [][]string {
	t.Helper()
	arguments := []string{"-n", "-r", path, "-Y", filter, "-T", "fields", "-E", "separator=|", "-E", "occurrence=l", "-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE", "-d", "udp.port==8472,vxlan"}
	for _, field := range fields {
		arguments = append(arguments, "-e", field)
	}
	cmd := exec.Command("tshark", arguments...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("tshark: %v: %s", err, stderr.Bytes())
	}
	var rows [][]string
	for text := range strings.Lines(string(out)) {
		rows = append(rows, strings.Split(strings.TrimRight(text, "\n"), "|"))
	}
	return rows
}

func addresses(t *testing.T, texts []string) []netip.Addr {
	t.Helper()
	var list []netip.Addr
	for _, text := range texts {
		list = append(list, netip.MustParseAddr(text))
	}
	return list
}

// TestTunnelsAgainstTshark holds a RST in each kind of header against what
// tshark reads of it.
func TestTunnelsAgainstTshark(t *testing.T) {
	for _, w := range capture.Wrappings() {
		t.Run(w.Name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "wrapped.pcap")
			if err := os.WriteFile(path, w.File, 0o600); err != nil {
				t.Fatal(err)
			}
			againstTshark(t, path)
		})
	}
}
