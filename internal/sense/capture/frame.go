package capture

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// frame is one packet as its file has it. Its bytes lie in the file's window.
type frame struct {
	at      int64 // nanoseconds since 1970; 0: the file does not say
	data    []byte
	whole   int // bytes on the wire
	device  *device
	number  uint64 // in its file, from 1
	options []byte // of its block in a pcapng file
	swapped bool   // the options' numbers are big-endian
}

// device is what a file says of an interface that was captured on.
type device struct {
	// place is the same for one interface in all parts of a capture: a hash of
	// what is said of it and of its number.
	place uint32
	link  uint32 // LINKTYPE_
	name  string
	snap  uint32
	// How a pcapng file counts time on it.
	perSecond uint64 // units
	binary    uint8  // 0, or the power of two that perSecond is
	offset    int64  // seconds
}

// format reads one kind of file.
type format interface {
	// next reads the next packet. At the end it is io.EOF, a *TornError or a
	// *DamageError.
	next(into *frame) error
}

// FormatError says that a file is no capture file, or of a kind that is not
// known here.
type FormatError struct{ Reason string }

func (e *FormatError) Error() string { return e.Reason }

// TornError is the end of a file in the middle of a packet, as a tcpdump that
// was killed or a full disk leave it.
type TornError struct {
	Offset int64 // where the piece begins
	Bytes  int64 // of it
	Err    error // what the stream said, where it was no plain end
}

func (e *TornError) Error() string {
	text := fmt.Sprintf("ends in the middle of a packet: %d bytes at %d are left over", e.Bytes, e.Offset)
	if e.Err != nil {
		text = fmt.Sprintf("cannot be read beyond byte %d: %v", e.Offset+e.Bytes, e.Err)
	}
	return text
}

func (e *TornError) Unwrap() error { return e.Err }

// DamageError is a place from which on a file makes no sense.
type DamageError struct {
	Offset int64
	Reason string
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("is damaged at byte %d: %s; what follows cannot be read", e.Offset, e.Reason)
}

// errMagic is a beginning that no kind of capture file has.
var errMagic = errors.New("no capture file: it begins neither as pcap nor as pcapng")

// order reads numbers of either byte order without asking through an interface.
type order bool

const (
	littleEndian order = false
	bigEndian    order = true
)

func (o order) u16(b []byte) uint16 {
	if o == bigEndian {
		return binary.BigEndian.Uint16(b)
	}
	return binary.LittleEndian.Uint16(b)
}

func (o order) u32(b []byte) uint32 {
	if o == bigEndian {
		return binary.BigEndian.Uint32(b)
	}
	return binary.LittleEndian.Uint32(b)
}

func (o order) u64(b []byte) uint64 {
	if o == bigEndian {
		return binary.BigEndian.Uint64(b)
	}
	return binary.LittleEndian.Uint64(b)
}

// direction is what a pcapng file says of the way of a packet.
func (f *frame) direction() reset.Direction {
	value, found := option(f.options, order(f.swapped), optionFlags)
	if !found || len(value) < 4 {
		return reset.DirectionUnknown
	}
	switch order(f.swapped).u32(value) & 3 {
	case 1:
		return reset.In
	case 2:
		return reset.Out
	}
	return reset.DirectionUnknown
}
