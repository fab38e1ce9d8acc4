package rule

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// The questions to nftables; nothing else is ever sent.
const (
	getChain      = unix.NFT_MSG_GETCHAIN
	getRule       = unix.NFT_MSG_GETRULE
	getSetElement = unix.NFT_MSG_GETSETELEM
	getGeneration = unix.NFT_MSG_GETGEN
)

// socket asks nftables in the namespace in which it was opened. What comes is
// handed on piece by piece: a ruleset may have hundreds of thousands of rules.
type socket struct {
	fd       int
	sequence uint32
	buffer   []byte
}

// pieces is the size of the buffer: the kernel fills at most 32 KiB of one
// this large.
const pieces = 64 << 10

// patience is how long the kernel may take for a piece, in milliseconds.
const patience = 2000

func openSocket() (*socket, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		return nil, fmt.Errorf("opening netfilter socket: %w", err)
	}
	timeout := unix.NsecToTimeval(patience * 1e6)
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("opening netfilter socket: %w", err)
	}
	return &socket{fd: fd, buffer: make([]byte, pieces)}, nil
}

func (s *socket) close() { unix.Close(s.fd) }

// errChanged means that the rules were changed while they were read.
var errChanged = errors.New("the rules changed meanwhile")

const messageHeader = 16 // struct nlmsghdr

// ask sends a question and calls take with the body of each answer, until take
// returns false. dump asks for all that there are.
func (s *socket) ask(ctx context.Context, kind uint16, family uint8, dump bool, attrs []byte, take func([]byte) bool) error {
	s.sequence++
	flags := uint16(unix.NLM_F_REQUEST)
	if dump {
		flags |= unix.NLM_F_DUMP
	}
	order := binary.NativeEndian
	request := order.AppendUint32(nil, uint32(messageHeader+generalHeader+len(attrs)))
	request = order.AppendUint16(request, unix.NFNL_SUBSYS_NFTABLES<<8|kind)
	request = order.AppendUint16(request, flags)
	request = order.AppendUint32(request, s.sequence)
	request = order.AppendUint32(request, 0)
	request = append(request, family, unix.NFNETLINK_V0, 0, 0)
	request = append(request, attrs...)
	if err := unix.Sendto(s.fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("asking nftables: %w", err)
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, _, err := unix.Recvfrom(s.fd, s.buffer, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("reading nftables' answer: %w", err)
		}
		if done, err := s.messages(s.buffer[:n], dump, take); done || err != nil {
			return err
		}
	}
}

// messages hands on the messages of one piece. done says that no more will come
// or is wanted.
func (s *socket) messages(b []byte, dump bool, take func([]byte) bool) (done bool, err error) {
	order := binary.NativeEndian
	for len(b) >= messageHeader {
		length := int(order.Uint32(b))
		if length < messageHeader || length > len(b) {
			return true, errors.New("reading nftables' answer: a length that cannot be")
		}
		kind, flags, sequence := order.Uint16(b[4:]), order.Uint16(b[6:]), order.Uint32(b[8:])
		body := b[messageHeader:length:length]
		b = b[min((length+3)&^3, len(b)):]
		switch {
		case sequence != s.sequence:
			continue // of a question that was given up
		case flags&unix.NLM_F_DUMP_INTR != 0:
			return true, errChanged
		case kind == unix.NLMSG_DONE:
			return true, nil
		case kind == unix.NLMSG_ERROR:
			if len(body) >= 4 {
				if code := int32(order.Uint32(body)); code != 0 {
					return true, fmt.Errorf("asking nftables: %w", unix.Errno(-code))
				}
			}
			return true, nil
		}
		if !take(body) || !dump {
			return true, nil
		}
	}
	return false, nil
}
