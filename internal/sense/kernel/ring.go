package kernel

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// ring reads a BPF ring buffer where it lies: samples are not copied, and the
// space of a whole batch is given back at once. The layout is the kernel's
// (kernel/bpf/ringbuf.c): a page with the consumer's position, a page with the
// producer's, then the data. The kernel would let us map the data twice in a
// row, so that no sample is split; that counts twice as memory of ours, so the
// one sample a round that is split is put together here instead.
//
//	0        4        8
//	+--------+--------+----------------- - -
//	| length | page   | sample, padded to 8
//	+--------+--------+----------------- - -
//	  bit 31: still being written   bit 30: discarded
type ring struct {
	consumer, data   []byte
	consumerPosition *uint64 // ours to write
	producerPosition *uint64 // the kernel's
	mask             uint64
	read             uint64 // up to here samples were handed out
	whole            []byte // the sample that was split, until release
	epoll, wakeup    int
}

const (
	ringBusy      = 1 << 31
	ringDiscarded = 1 << 30
	ringHeader    = 8
)

func newRing(m *ebpf.Map) (_ *ring, err error) {
	page, size := os.Getpagesize(), int(m.MaxEntries())
	r := &ring{mask: uint64(size - 1), epoll: -1, wakeup: -1}
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	if r.consumer, err = unix.Mmap(m.FD(), 0, page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
		return nil, fmt.Errorf("mapping the ring's consumer page: %w", err)
	}
	if r.data, err = unix.Mmap(m.FD(), int64(page), page+size, unix.PROT_READ, unix.MAP_SHARED); err != nil {
		return nil, fmt.Errorf("mapping the ring's data: %w", err)
	}
	r.consumerPosition = (*uint64)(unsafe.Pointer(&r.consumer[0]))
	r.producerPosition = (*uint64)(unsafe.Pointer(&r.data[0]))
	r.data = r.data[page:]
	r.read = atomic.LoadUint64(r.consumerPosition)
	if r.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("making an epoll instance: %w", err)
	}
	if r.wakeup, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return nil, fmt.Errorf("making an eventfd: %w", err)
	}
	for _, fd := range []int{m.FD(), r.wakeup} {
		event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: int32(fd)}
		if err := unix.EpollCtl(r.epoll, unix.EPOLL_CTL_ADD, fd, &event); err != nil {
			return nil, fmt.Errorf("watching the ring: %w", err)
		}
	}
	return r, nil
}

// next returns the next sample, or nil if there is none yet. It stays valid
// until release, which must be called before as much as the ring holds was read.
func (r *ring) next() []byte {
	for r.read < atomic.LoadUint64(r.producerPosition) {
		header := (*uint32)(unsafe.Pointer(&r.data[r.read&r.mask]))
		word := atomic.LoadUint32(header)
		if word&ringBusy != 0 {
			return nil
		}
		length := uint64(word &^ (ringBusy | ringDiscarded))
		start := r.read&r.mask + ringHeader
		r.read += (length + ringHeader + 7) &^ 7
		if word&ringDiscarded == 0 {
			return r.sample(start, length)
		}
	}
	return nil
}

// sample is length bytes from start, which may go on at the ring's begin. A
// header is never split: positions are multiples of eight.
func (r *ring) sample(start, length uint64) []byte {
	size := uint64(len(r.data))
	if start+length <= size {
		return r.data[start : start+length : start+length]
	}
	if start >= size {
		return r.data[start-size : start-size+length : start-size+length]
	}
	r.whole = append(append(r.whole[:0], r.data[start:]...), r.data[:start+length-size]...)
	return r.whole
}

// release gives back the space of all samples handed out.
func (r *ring) release() { atomic.StoreUint64(r.consumerPosition, r.read) }

// wait blocks until the kernel wakes us, interrupt is called, or the time is up.
func (r *ring) wait(limit time.Duration) error {
	var events [2]unix.EpollEvent
	_, err := unix.EpollWait(r.epoll, events[:], int(limit.Milliseconds()))
	if err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("waiting for the ring: %w", err)
	}
	return nil
}

// interrupt ends a wait; safe to call from any goroutine.
func (r *ring) interrupt() {
	one := [8]byte{7: 1}
	unix.Write(r.wakeup, one[:])
}

func (r *ring) close() {
	if r.consumer != nil {
		unix.Munmap(r.consumer)
	}
	if r.producerPosition != nil {
		page := os.Getpagesize()
		unix.Munmap(unsafe.Slice((*byte)(unsafe.Pointer(r.producerPosition)), page+len(r.data)))
	}
	for _, fd := range []int{r.epoll, r.wakeup} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}
