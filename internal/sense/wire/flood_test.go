package wire

import (
	"context"
	"log/slog"
	"runtime"
	"sync"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/netns"
	"github.com/rstwatch/rstwatch/internal/packet"
	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// BenchmarkFlood compares ways to read packet sockets while a sender writes
// resets as fast as it can: the ring that the sensor uses, recvmmsg with a
// socket buffer of 64 MiB, and one recvmsg for each packet, which is what
// packages without a ring do. Reported are the part that was read, in percent,
// and the processor time of the whole process for one packet.
func BenchmarkFlood(b *testing.B) {
	b.Run("ring", func(b *testing.B) {
		flood(b, func(stop <-chan struct{}, open func(func() error) error) (uint64, error) {
			tracker, err := netns.New(netns.DefaultConfig(), slog.New(slog.DiscardHandler))
			if err != nil {
				return 0, err
			}
			s, err := New(DefaultConfig(), Deps{Namespaces: tracker, Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				return 0, err
			}
			var told uint64
			w := &watch{sensor: s, sink: func(batch []reset.Sighting) { told += uint64(len(batch)) },
				batch: make([]reset.Sighting, 0, batchSize)}
			if err := open(func() (err error) {
				w.ring, err = openRing(s.filter, s.take(), s.cfg.Delay)
				return err
			}); err != nil {
				return 0, err
			}
			defer w.ring.close()
			w.devices = netns.NewDevices(w.ring.conn)
			go func() { <-stop; _ = w.ring.file.SetReadDeadline(time.Unix(1, 0)) }()
			_ = w.read() // the deadline
			return told, nil
		})
	})
	for name, batch := range map[string]int{"recvmmsg": 64, "recvmsg": 1} {
		b.Run(name, func(b *testing.B) {
			flood(b, func(stop <-chan struct{}, open func(func() error) error) (uint64, error) {
				return receive(stop, open, batch)
			})
		})
	}
}

// flood sends b.N resets from one namespace to another where read reads them.
func flood(b *testing.B, read func(stop <-chan struct{}, open func(func() error) error) (uint64, error)) {
	lab := testkit.NewLab(b)
	frame := ethernet(ipv4Reset())
	fd := floodSocket(b, lab)
	defer unix.Close(fd)
	var before, after unix.Rusage
	stop, opened := make(chan struct{}), make(chan struct{})
	var told uint64
	var running sync.WaitGroup
	running.Go(func() {
		var err error
		told, err = read(stop, func(f func() error) error {
			defer close(opened)
			return lab.Router.Do(f)
		})
		if err != nil {
			b.Error(err)
		}
	})
	<-opened
	_ = unix.Getrusage(unix.RUSAGE_SELF, &before)
	b.ResetTimer()
	sent := send(b, fd, frame, b.N)
	b.StopTimer()
	time.Sleep(50 * time.Millisecond)
	close(stop)
	running.Wait()
	_ = unix.Getrusage(unix.RUSAGE_SELF, &after)
	cpu := after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano()
	b.ReportMetric(float64(told)/float64(sent)*100, "%read")
	b.ReportMetric(float64(cpu)/float64(sent), "cpu-ns/packet")
}

func floodSocket(b *testing.B, lab *testkit.Lab) (fd int) {
	err := lab.Client.Do(func() (err error) {
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		request, err := unix.NewIfreq("c0")
		if err != nil {
			return err
		}
		if err := unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, request); err != nil {
			return err
		}
		if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_QDISC_BYPASS, 1); err != nil {
			return err
		}
		return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: networkOrder(unix.ETH_P_IP), Ifindex: int(request.Uint32())})
	})
	if err != nil {
		b.Fatal(err)
	}
	return fd
}

type message struct {
	header unix.Msghdr
	length uint32
	_      uint32
}

func send(b *testing.B, fd int, frame []byte, n int) (sent int) {
	vector := unix.Iovec{Base: &frame[0], Len: uint64(len(frame))}
	messages := make([]message, 64)
	for i := range messages {
		messages[i].header = unix.Msghdr{Iov: &vector, Iovlen: 1}
	}
	for sent < n {
		count := min(n-sent, len(messages))
		got, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&messages[0])), uintptr(count), 0, 0, 0)
		if errno != 0 && errno != unix.ENOBUFS && errno != unix.EINTR {
			b.Fatal(errno)
		}
		sent += int(got)
	}
	runtime.KeepAlive(vector)
	return sent
}

// receive reads with recvmmsg, batch packets at a time, and decodes them.
func receive(stop <-chan struct{}, open func(func() error) error, batch int) (told uint64, err error) {
	filter, err := buildFilter(headersOnly)
	if err != nil {
		return 0, err
	}
	fd := -1
	err = open(func() (err error) {
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		if err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}); err != nil {
			return err
		}
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 32<<20)
		_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 10000})
		return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: networkOrder(unix.ETH_P_ALL)})
	})
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	messages, vectors, buffers := make([]message, batch), make([]unix.Iovec, batch), make([][headersOnly]byte, batch)
	for i := range messages {
		vectors[i] = unix.Iovec{Base: &buffers[i][0], Len: headersOnly}
		messages[i].header = unix.Msghdr{Iov: &vectors[i], Iovlen: 1}
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { <-stop; cancel() }()
	for ctx.Err() == nil {
		n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&messages[0])), uintptr(batch), unix.MSG_WAITFORONE, 0, 0)
		if errno != 0 {
			continue
		}
		for i := range n {
			var s reset.Sighting
			if _, _, err := packet.Decode(buffers[i][etherHeader:messages[i].length], &s.Packet); err == nil {
				told++
			}
		}
	}
	return told, nil
}
