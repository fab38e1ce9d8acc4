package packet

import "errors"

// The errors of the decoders. They come as they are, never wrapped, so that a
// flood of bad packets costs no memory. Whatever was read before the error is
// in the result.
var (
	// ErrNotIP is a first byte that says neither version 4 nor version 6.
	ErrNotIP = errors.New("not an IPv4 or IPv6 packet")
	// ErrNotTCP is a packet that carries another protocol.
	ErrNotTCP = errors.New("not a TCP packet")
	// ErrLaterFragment is a fragment other than the first: it has no TCP header.
	ErrLaterFragment = errors.New("a later fragment, which has no TCP header")
	// ErrTruncated is a capture that ends before the end of the 20 bytes that
	// every TCP header has.
	ErrTruncated = errors.New("captured bytes end before the end of the TCP header")
	// ErrMalformed is a header whose own lengths contradict each other. The
	// kernel drops such a packet, but it may have been on the wire: where the 20
	// bytes of a TCP header are there, the result holds their fields.
	ErrMalformed = errors.New("header lengths contradict each other")
	// ErrTooManyHeaders is a chain of more than 16 IPv6 extension headers.
	ErrTooManyHeaders = errors.New("too many IPv6 extension headers")
)
