package firewall

import (
	"encoding/binary"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// TestLossIsExact floods a sensor that is too slow and has hardly any buffer:
// what it told and what it says it has lost are together what was sent.
func TestLossIsExact(t *testing.T) {
	lab := testkit.NewLab(t)
	cfg := DefaultConfig()
	cfg.Select, cfg.Buffer, cfg.Threshold = only(lab), 64<<10, 8
	s, c, stop := start(t, cfg)
	c.mu.Lock()
	c.slow = 2 * time.Millisecond
	c.mu.Unlock()
	const n = 20000
	err := lab.Server.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		packet := make([]byte, 40)
		packet[0], packet[8], packet[9], packet[32], packet[33] = 0x45, 64, unix.IPPROTO_TCP, 5<<4, flagRST
		binary.BigEndian.PutUint16(packet[20:], 1)
		binary.BigEndian.PutUint16(packet[22:], 2)
		copy(packet[12:], []byte{127, 0, 0, 1, 127, 0, 0, 1})
		for i := range n {
			if i == n-1 { // the last one must not be lost: it shows the gap before it
				time.Sleep(2 * time.Second)
			}
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
	if got := c.sightings()[0]; got.Hook != reset.HookLocalOut {
		t.Errorf("hook %d first, want output", got.Hook)
	}
}
