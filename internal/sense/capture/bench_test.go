package capture

import (
	"bufio"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// writeTraffic writes a capture of connections that overlap, of some size; one
// packet of every in a thousand ends its connection with a RST.
func writeTraffic(tb testing.TB, size int64, every uint32) (path string, packets int) {
	tb.Helper()
	path = filepath.Join(tb.TempDir(), "traffic.pcap")
	out, err := os.Create(path)
	if err != nil {
		tb.Fatal(err)
	}
	w := bufio.NewWriterSize(out, 1<<20)
	f := file{order: binary.LittleEndian, link: linkEthernet}
	w.Write(f.pcap())
	random := rand.New(rand.NewPCG(1, 2))
	type flow struct {
		client   netip.AddrPort
		seq, ack uint32
		step     int
	}
	flows := make([]flow, 20_000)
	next := uint32(0)
	begin := func() flow {
		next++
		address := netip.AddrFrom4([4]byte{10, byte(next >> 20), byte(next >> 12), byte(next >> 4)})
		return flow{client: netip.AddrPortFrom(address, uint16(1024+next%60000)), seq: random.Uint32(), ack: random.Uint32()}
	}
	for i := range flows {
		flows[i] = begin()
	}
	payload := make([]byte, 1448)
	at, written := start, int64(0)
	record := make([]byte, pcapRecord)
	for written < size {
		c := &flows[random.IntN(len(flows))]
		s := testkit.Segment{Src: c.client, Dst: server, Seq: c.seq, Ack: c.ack, Flags: reset.ACK, Window: 501, IPID: uint16(packets), Options: []byte{1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2}}
		switch {
		case c.step == 0:
			s.Flags, s.Ack = reset.SYN, 0
			c.seq++
		case random.Uint32N(1000) < every:
			s.Flags = reset.RST | reset.ACK
			*c = begin()
		case c.step%3 == 1:
			s.Payload = payload[:100+random.IntN(300)]
			c.seq += uint32(len(s.Payload))
		case c.step%3 == 2:
			s.Src, s.Dst, s.Seq, s.Ack = server, c.client, c.ack, c.seq
			s.Payload = payload
			c.ack += uint32(len(s.Payload))
		}
		c.step++
		frame := ethernet(s.Bytes())
		at += int64(random.IntN(20_000))
		binary.LittleEndian.PutUint32(record[0:], uint32(at/1e9))
		binary.LittleEndian.PutUint32(record[4:], uint32(at%1e9/1000))
		binary.LittleEndian.PutUint32(record[8:], uint32(len(frame)))
		binary.LittleEndian.PutUint32(record[12:], uint32(len(frame)))
		w.Write(record)
		w.Write(frame)
		written += int64(len(record) + len(frame))
		packets++
	}
	if err := w.Flush(); err != nil {
		tb.Fatal(err)
	}
	out.Close()
	return path, packets
}

// BenchmarkBesideTcpdump reads 200 MB, and has tcpdump find the resets of the
// same file; the metric is how many times as long we take.
func BenchmarkBesideTcpdump(b *testing.B) {
	for _, share := range []struct {
		name  string
		every uint32
	}{{"one-in-1000", 1}, {"one-in-10", 100}} {
		b.Run(share.name, func(b *testing.B) {
			path, packets := writeTraffic(b, 200<<20, share.every)
			var ours, theirs time.Duration
			resets := uint64(0)
			for b.Loop() {
				begun := time.Now()
				r, err := New(Config{}, []string{path}, nil)
				if err != nil {
					b.Fatal(err)
				}
				if err := r.Run(background(), func(*Found) error { return nil }); err != nil {
					b.Fatal(err)
				}
				ours += time.Since(begun)
				resets = r.Counts().Resets
				begun = time.Now()
				if err := exec.Command("tcpdump", "-n", "-r", path, "-w", "/dev/null", "tcp[tcpflags] & tcp-rst != 0").Run(); err != nil {
					b.Fatal(err)
				}
				theirs += time.Since(begun)
			}
			b.ReportMetric(float64(packets)*float64(b.N)/ours.Seconds(), "packets/s")
			b.ReportMetric(ours.Seconds()/theirs.Seconds(), "times-tcpdump")
			b.ReportMetric(float64(resets), "resets")
		})
	}
}
