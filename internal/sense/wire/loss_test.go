package wire

import (
	"encoding/binary"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/testkit"
)

// TestLossIsExact floods a sensor that is too slow and has the smallest ring:
// what it told and what it says it has lost are together what was sent.
func TestLossIsExact(t *testing.T) {
	lab := testkit.NewLab(t)
	cfg := DefaultConfig()
	cfg.Select, cfg.RingMemory = only(lab), leastRing
	s, c, stop := start(t, cfg, nil)
	c.mu.Lock()
	c.slow = 5 * time.Millisecond
	c.mu.Unlock()
	const n = 40000
	err := lab.Server.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		packet := ipv4Reset()
		copy(packet[12:], []byte{127, 0, 0, 1, 127, 0, 0, 1})
		for i := range n {
			binary.BigEndian.PutUint32(packet[24:], uint32(i))
			if err := unix.Sendto(fd, packet, 0, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for s.Counts().Seen < 2*n && time.Now().Before(deadline) { // out and in
		time.Sleep(10 * time.Millisecond)
	}
	stop()
	counts, told := s.Counts(), uint64(len(c.sightings()))
	t.Logf("%d told, counts %+v", told, counts)
	if counts.Lost == 0 {
		t.Error("nothing was lost: the test proves nothing")
	}
	if counts.Seen != 2*n || told+counts.Lost != counts.Seen {
		t.Errorf("%d told and %d lost, want %d together and %d seen", told, counts.Lost, 2*n, counts.Seen)
	}
}
