package testkit

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"unsafe"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// stormPort is where the storm goes: nobody listens there.
const stormPort = 9

// stormSources is how many ports one address of the storm uses.
const stormSources = 60000

// stormBatch is the number of frames handed over in one system call.
const stormBatch = 128

// Storm sends n SYNs to a closed port of the target, as fast as one thread
// can, each from an address and port of its own (StormSource). Load counts the
// resets with which the target answered (TcpOutRsts): fewer than n if the
// kernel dropped some of the SYNs. Frames go past the queueing discipline.
func (p *Pair) Storm(family reset.Family, n int) (Load, error) { return p.StormFrom(1, family, n) }

// StormFrom is Storm with so many threads, among which the SYNs are divided.
// The answers are made on the processors that the threads run on: with one
// thread a second processor is free for whoever watches.
func (p *Pair) StormFrom(threads int, family reset.Family, n int) (Load, error) {
	load, err := p.counted("TcpOutRsts", n, func() error {
		var group errgroup.Group
		for i := range threads {
			first, last := n*i/threads, n*(i+1)/threads
			group.Go(func() error {
				return p.Source.Do(func() error { return p.storm(family, first, last) })
			})
		}
		return group.Wait()
	})
	if err != nil {
		return Load{}, fmt.Errorf("making a storm of %d SYNs: %w", n, err)
	}
	return load, nil
}

// StormSource is the address and port from which the storm's SYN number i
// comes, hence the destination of the RST that answers it.
func StormSource(family reset.Family, i int) reset.Endpoint {
	host, port := i/stormSources, uint16(1024+i%stormSources)
	if family == reset.IPv6 {
		return reset.EndpointFrom(netip.AddrFrom16([16]byte{0: 0xfd, 1: 0x78, 14: byte(host >> 8), 15: byte(host)}), port)
	}
	return reset.EndpointFrom(netip.AddrFrom4([4]byte{10, 78, byte(host >> 8), byte(host)}), port)
}

// StormTarget is where the storm's SYNs go, hence the source of every RST.
func StormTarget(family reset.Family) reset.Endpoint {
	i := 0
	if family == reset.IPv6 {
		i = 1
	}
	return reset.EndpointFrom(pairAddrs(2)[i].Addr(), stormPort)
}

// mmsghdr is struct mmsghdr of sendmmsg(2).
type mmsghdr struct {
	header unix.Msghdr
	length uint32
	_      [4]byte
}

// storm sends the SYNs from number first to before number last.
func (p *Pair) storm(family reset.Family, first, last int) error {
	if last > stormSources<<16 {
		return errors.New("more than the storm has addresses")
	}
	fd, err := packetSocket("l0", true)
	if err != nil {
		return err
	}
	defer closeFD(fd)
	src, err := p.Source.MAC("l0")
	if err != nil {
		return err
	}
	dst, err := p.Target.MAC("l0")
	if err != nil {
		return err
	}
	syn := Segment{
		Src: StormSource(family, 0).AddrPort, Dst: StormTarget(family).AddrPort,
		Flags: reset.SYN, Window: 64240, IPID: 1, DF: true, Seq: 0x77000000,
	}
	b := newBatch(frame(dst, src, nil, syn.Bytes()))
	for next := first; next < last; {
		count := min(stormBatch, last-next)
		for i := range count {
			retarget(b.frames[i], next+i)
		}
		if err := sendAll(fd, b.messages[:count]); err != nil {
			return err
		}
		next += count
	}
	return nil
}

// batch is the frames of one system call and the message headers that refer to it.
type batch struct {
	frames   [][]byte
	vectors  []unix.Iovec
	messages []mmsghdr
}

func newBatch(template []byte) *batch {
	b := &batch{
		frames:   make([][]byte, stormBatch),
		vectors:  make([]unix.Iovec, stormBatch),
		messages: make([]mmsghdr, stormBatch),
	}
	for i := range b.frames {
		b.frames[i] = append([]byte(nil), template...)
		b.vectors[i].Base = &b.frames[i][0]
		b.vectors[i].SetLen(len(template))
		b.messages[i].header.Iov = &b.vectors[i]
		b.messages[i].header.SetIovlen(1)
	}
	return b
}

// retarget makes a frame of the storm its SYN number i, checksums included.
func retarget(f []byte, i int) {
	tcp, address := f[34:], f[26:30]
	if f[12] == 0x86 {
		tcp, address = f[54:], f[22:38]
	}
	low := address[len(address)-2:]
	oldHost, oldPort := binary.BigEndian.Uint16(low), binary.BigEndian.Uint16(tcp)
	host, port := uint16(i/stormSources), uint16(1024+i%stormSources)
	binary.BigEndian.PutUint16(low, host)
	binary.BigEndian.PutUint16(tcp, port)
	adjust(tcp[16:], oldPort, port)
	if oldHost == host {
		return
	}
	adjust(tcp[16:], oldHost, host)
	if f[12] == 0x08 {
		adjust(f[24:], oldHost, host)
	}
}

// adjust changes a checksum for one changed word (RFC 1624, equation 3).
func adjust(field []byte, old, new uint16) {
	sum := uint32(^binary.BigEndian.Uint16(field)) + uint32(^old) + uint32(new)
	sum = sum>>16 + sum&0xffff
	sum = sum>>16 + sum&0xffff
	binary.BigEndian.PutUint16(field, ^uint16(sum))
}

// sendAll hands all messages over, in as few calls as the kernel lets it.
func sendAll(fd int, messages []mmsghdr) error {
	for len(messages) > 0 {
		sent, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(fd),
			uintptr(unsafe.Pointer(&messages[0])), uintptr(len(messages)), 0, 0, 0)
		switch {
		case errno == unix.EINTR || errno == unix.ENOBUFS || errno == unix.EAGAIN:
		case errno != 0:
			return fmt.Errorf("sending frames: %w", errno)
		default:
			messages = messages[sent:]
		}
	}
	return nil
}
