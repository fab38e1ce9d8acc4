package conntrack

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// ErrUnknown means that conntrack knows no such connection.
var ErrUnknown = errors.New("no such connection")

// patience is how long the kernel may take for an answer, in milliseconds.
const patience = 2000

// The only message that is ever sent, and its answer (enum
// cntl_msg_types).
const (
	getConnection = unix.NFNL_SUBSYS_CTNETLINK<<8 | 1
	newConnection = unix.NFNL_SUBSYS_CTNETLINK << 8
)

const messageHeader = 16 // struct nlmsghdr

// Conn asks conntrack in the network namespace of the thread that opened it. It
// is not safe for concurrent use.
//
// It reads its socket itself: the kernel flags the answer as one of several,
// and then sends no end of them.
type Conn struct {
	fd       int
	sequence uint32
	buffer   [8192]byte
}

// Open opens a socket. The first question may make the kernel load the module
// that answers: whoever does not want that must look first.
func Open() (*Conn, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		return nil, fmt.Errorf("opening netfilter socket: %w", err)
	}
	timeout := unix.NsecToTimeval(patience * 1e6)
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("opening netfilter socket: %w", err)
	}
	return &Conn{fd: fd}, nil
}

// Close closes the socket.
func (c *Conn) Close() error { return unix.Close(c.fd) }

// Get returns the TCP connection to which a packet with these addresses
// belongs as it comes in, in either direction. The error is ErrUnknown where
// there is none.
func (c *Conn) Get(t reset.Tuple) (Connection, error) {
	body, err := question(t)
	if err != nil {
		return Connection{}, err
	}
	c.sequence++
	order := binary.NativeEndian
	request := order.AppendUint32(nil, uint32(messageHeader+len(body)))
	request = order.AppendUint16(request, getConnection)
	request = order.AppendUint16(request, unix.NLM_F_REQUEST)
	request = order.AppendUint32(request, c.sequence)
	request = append(order.AppendUint32(request, 0), body...)
	if err := unix.Sendto(c.fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return Connection{}, fmt.Errorf("asking conntrack: %w", err)
	}
	for {
		n, _, err := unix.Recvfrom(c.fd, c.buffer[:], 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return Connection{}, fmt.Errorf("reading conntrack's answer: %w", err)
		}
		if found, ours, err := c.answer(c.buffer[:n]); ours {
			return found, err
		}
	}
}

// answer reads one message. ours is false for the answer to a question that was
// given up.
func (c *Conn) answer(b []byte) (found Connection, ours bool, err error) {
	order := binary.NativeEndian
	if len(b) < messageHeader {
		return found, true, ErrMalformed
	}
	length, kind := int(order.Uint32(b)), order.Uint16(b[4:])
	if length < messageHeader || length > len(b) {
		return found, true, ErrMalformed
	}
	if order.Uint32(b[8:]) != c.sequence {
		return found, false, nil
	}
	body := b[messageHeader:length]
	switch {
	case kind == newConnection:
		found, err = Parse(body)
	case kind != unix.NLMSG_ERROR || len(body) < 4:
		err = ErrMalformed
	default:
		if err = unix.Errno(-int32(order.Uint32(body))); errors.Is(err, unix.ENOENT) {
			err = ErrUnknown
		}
		err = fmt.Errorf("asking conntrack: %w", err)
	}
	return found, true, err
}
