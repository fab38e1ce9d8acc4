package bench

import (
	"errors"
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/testkit"
)

// dropRules: the target's firewall throws the flood away, which
// is what the drop tracepoint then tells of each packet.
const dropRules = `table ip rwdrops {
	chain input { type filter hook prerouting priority raw; udp dport 9 drop; }
}`

// Drops measures packets that the target's firewall drops.
func (b *Bench) Drops(watchers []Watcher) (costs []Cost, err error) {
	if err := inNode(b.pair.Target, "", "nft", dropRules); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, inNode(b.pair.Target, "", "nft", "delete", "table", "ip", "rwdrops")) }()
	return b.costs("dropped packets", watchers, func() (testkit.Load, error) { return b.flood(b.sizes.Drops) })
}

// floodBatch is the number of datagrams handed over in one system call.
const floodBatch = 64

// flood sends datagrams and counts those that the target took in.
func (b *Bench) flood(n int) (load testkit.Load, err error) {
	fd, err := b.floodSocket()
	if err != nil {
		return load, fmt.Errorf("making a flood: %w", err)
	}
	defer unix.Close(fd)
	before, err := b.pair.Target.Counter("IpInReceives")
	if err != nil {
		return load, err
	}
	start := time.Now()
	if err := sendDatagrams(fd, n); err != nil {
		return load, fmt.Errorf("making a flood: %w", err)
	}
	load.Elapsed = time.Since(start)
	after, err := b.pair.Target.Counter("IpInReceives")
	load.Packets = after - before
	if err == nil && load.Packets == 0 {
		err = errors.New("the flood did not arrive")
	}
	return load, err
}

func (b *Bench) floodSocket() (fd int, err error) {
	err = b.pair.Source.Do(func() error {
		fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return -1, err
	}
	to := testkit.StormTarget(4)
	if err := unix.Connect(fd, &unix.SockaddrInet4{Addr: to.Addr().As4(), Port: 9}); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// mmsghdr is struct mmsghdr of sendmmsg(2).
type mmsghdr struct {
	header unix.Msghdr
	length uint32
	_      [4]byte
}

func sendDatagrams(fd, n int) error {
	var data [64]byte
	vector := unix.Iovec{Base: &data[0]}
	vector.SetLen(len(data))
	var messages [floodBatch]mmsghdr
	for i := range messages {
		messages[i].header.Iov = &vector
		messages[i].header.SetIovlen(1)
	}
	for n > 0 {
		sent, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(fd),
			uintptr(unsafe.Pointer(&messages[0])), uintptr(min(n, floodBatch)), 0, 0, 0)
		if errno != 0 && errno != unix.EINTR {
			return errno
		}
		if errno == 0 {
			n -= int(sent)
		}
	}
	return nil
}
