package wire

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// blockSize is how much the ring hands over at once.
	blockSize = 64 << 10
	// leastRing holds 1,900 resets: 16 ms of a moderate storm.
	leastRing = 4 * blockSize
)

// Offsets in what the kernel writes: struct tpacket_block_desc, and struct
// tpacket3_hdr followed by struct sockaddr_ll (linux/if_packet.h).
//
//	block  0       4         8        12    16       20      24
//	       version to_priv   status   count first    length  …
//	packet 0    4   8    12      16     20     24  26  28     32  36   48        50    52     56      58
//	       next sec nsec snaplen length status mac net rxhash tci tpid family    proto index  hatype  type
const (
	blockStatus, blockCount, blockFirst                      = 8, 12, 16
	packetNext, packetSec, packetNsec, packetSnap            = 0, 4, 8, 12
	packetStatus, packetMAC, packetNet, packetTCI, packetTPI = 20, 24, 26, 32, 36
	packetDevice, packetHardware, packetKind                 = 52, 56, 58
	packetHeader                                             = 68
)

// ring is a packet socket with its TPACKET_V3 ring. One goroutine reads it.
type ring struct {
	file    *os.File
	conn    syscall.RawConn
	memory  []byte
	current int // block that will be filled next
}

// openRing makes the socket in the network namespace of the calling thread.
// Nothing that the filter does not pass gets into it: it is bound last.
func openRing(filter []unix.SockFilter, size int, delay time.Duration) (*ring, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("opening packet socket: %w", err)
	}
	r, err := setUp(fd, filter, size, delay)
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	return r, nil
}

func setUp(fd int, filter []unix.SockFilter, size int, delay time.Duration) (*ring, error) {
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &program); err != nil {
		return nil, fmt.Errorf("attaching packet filter: %w", err)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V3); err != nil {
		return nil, fmt.Errorf("choosing TPACKET_V3: %w", err)
	}
	const frameSize = 2048 // only checked against the block's size
	request := unix.TpacketReq3{
		Block_size: blockSize, Block_nr: uint32(size / blockSize),
		Frame_size: frameSize, Frame_nr: uint32(size / frameSize),
		Retire_blk_tov: uint32(delay.Milliseconds()),
	}
	if err := unix.SetsockoptTpacketReq3(fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &request); err != nil {
		return nil, fmt.Errorf("making ring of %d bytes: %w", size, err)
	}
	memory, err := unix.Mmap(fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("mapping ring: %w", err)
	}
	address := unix.SockaddrLinklayer{Protocol: networkOrder(unix.ETH_P_ALL)}
	if err := unix.Bind(fd, &address); err != nil {
		_ = unix.Munmap(memory)
		return nil, fmt.Errorf("binding packet socket: %w", err)
	}
	file := os.NewFile(uintptr(fd), "packet socket")
	conn, err := file.SyscallConn()
	if err != nil {
		_ = unix.Munmap(memory)
		return nil, fmt.Errorf("using packet socket: %w", err)
	}
	return &ring{file: file, conn: conn, memory: memory}, nil
}

func networkOrder(v uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, v))
}

// close gives socket and memory back. The reader must be done.
func (r *ring) close() {
	_ = unix.Munmap(r.memory)
	r.file.Close()
}

// status is the word by which kernel and reader hand a block to each other.
func (r *ring) status(block int) *uint32 {
	return (*uint32)(unsafe.Pointer(&r.memory[block*blockSize+blockStatus]))
}

// ready reports whether a block waits to be read.
func (r *ring) ready() bool {
	return atomic.LoadUint32(r.status(r.current))&unix.TP_STATUS_USER != 0
}

// wait returns when a block is ready, or the file's read deadline has passed.
func (r *ring) wait() error { return r.conn.Read(func(uintptr) bool { return r.ready() }) }

// next calls fn for every packet of the next block, which must be ready, and
// then done, after which the block is the kernel's again: what fn got is valid
// until done returns.
func (r *ring) next(fn func(*frame), done func()) {
	block := r.memory[r.current*blockSize : (r.current+1)*blockSize]
	walk(block, fn)
	done()
	atomic.StoreUint32(r.status(r.current), unix.TP_STATUS_KERNEL)
	r.current = (r.current + 1) % (len(r.memory) / blockSize)
}

// walk reads the packets of one block. The kernel wrote it and is believed,
// but a step outside the block ends the walk rather than the program.
func walk(block []byte, fn func(*frame)) {
	order := binary.NativeEndian
	count := order.Uint32(block[blockCount:])
	at := int(order.Uint32(block[blockFirst:]))
	for range count {
		if at < 0 || at+packetHeader > len(block) {
			return
		}
		header := block[at:]
		mac, network := int(order.Uint16(header[packetMAC:])), int(order.Uint16(header[packetNet:]))
		end := mac + int(order.Uint32(header[packetSnap:]))
		if mac > end || end > len(header) {
			return
		}
		f := frame{
			data: header[mac:end:end], network: network - mac,
			device:   int32(order.Uint32(header[packetDevice:])),
			hardware: order.Uint16(header[packetHardware:]),
			kind:     header[packetKind],
			sec:      order.Uint32(header[packetSec:]), nsec: order.Uint32(header[packetNsec:]),
		}
		if status := order.Uint32(header[packetStatus:]); status&unix.TP_STATUS_VLAN_VALID != 0 {
			f.tag = uint16(order.Uint32(header[packetTCI:]))
			f.tagType = 0x8100
			if status&unix.TP_STATUS_VLAN_TPID_VALID != 0 {
				f.tagType = order.Uint16(header[packetTPI:])
			}
		}
		fn(&f)
		step := order.Uint32(header[packetNext:])
		if step == 0 || step > blockSize {
			return
		}
		at += int(step)
	}
}

// statistics returns how many packets the filter passed since the last call,
// lost ones among them, and how many were lost since the ring was full.
func (r *ring) statistics() (passed, lost uint64, err error) {
	var stats *unix.TpacketStatsV3
	controlErr := r.conn.Control(func(fd uintptr) {
		stats, err = unix.GetsockoptTpacketStatsV3(int(fd), unix.SOL_PACKET, unix.PACKET_STATISTICS)
	})
	if err = cmp.Or(controlErr, err); err != nil {
		return 0, 0, fmt.Errorf("reading statistics of packet socket: %w", err)
	}
	return uint64(stats.Packets), uint64(stats.Drops), nil
}
