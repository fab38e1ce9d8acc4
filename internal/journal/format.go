package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// All numbers are little endian; all times are nanoseconds since 1970 UTC.
//
// A segment file is one head and then blocks, back to back:
//
//	0                8               16               24               32
//	+----------------+-------+-------+----------------+----------------+
//	| magic RSTWSEG1 |version|length |    sequence    |    created     |
//	+----------------+-------+-------+----------------+----------------+
//	|               hash: the chain's end in the segment before        |
//	+--------------------------------+----------------+-------+--------+
//	|      id of the journal         |      tag       |  zero | CRC32C |
//	+--------------------------------+----------------+-------+--------+
//	64                               80               88      92       96
//
// The tag is random, and every block of the segment bears it: so bytes that
// somebody sent in a packet can never pass for a block. The CRC covers all
// bytes of the head before it. The chain's start in this segment is the
// SHA-256 of the 96 bytes.
//
// A block:
//
//	0       4   5   6       8                16      20      24      28      32
//	+-------+---+---+-------+----------------+-------+-------+-------+-------+
//	| RWB1  |ver|flg|length |      tag       |number |payload|entries|CRC32C |
//	|       |   |   |of head|                |       |length |       |of p.l.|
//	+-------+---+---+-------+----------------+-------+-------+-------+-------+
//	|      first time       |   last time    |  hash ...
//	+-----------------------+----------------+-------------------------------+
//	                              ... hash           | CRC32C of the head    |
//	+------------------------------------------------+-----------------------+
//	|  payload: a protobuf message "Block" (docs/reference/journal.proto)    |
//	+------------------------------------------------------------------------+
//
// (32: first time, 40: last time, 48: hash, 80: CRC, 84: payload.) number
// counts the segment's blocks from 0. hash is the SHA-256 of the hash of the
// block before (or the chain's start), the first 48 bytes of this head, and
// the payload.
const (
	headLength   = 96
	headerLength = 84

	formatVersion = 1

	headMagic  = "RSTWSEG1"
	blockMagic = "RWB1"
)

// The flags of a block.
const (
	flagEnd     = 1 << iota // no block follows in this segment
	flagLedger              // the payload holds a control entry with a ledger
	flagControl             // the payload holds a control entry
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli) // a constant, in effect
	le         = binary.LittleEndian
)

// segmentHead is the head of a segment file.
type segmentHead struct {
	sequence uint64
	created  reset.Time
	previous Hash
	journal  [16]byte
	tag      uint64
}

func (h *segmentHead) encode() []byte {
	b := make([]byte, headLength)
	copy(b, headMagic)
	le.PutUint32(b[8:], formatVersion)
	le.PutUint32(b[12:], headLength)
	le.PutUint64(b[16:], h.sequence)
	le.PutUint64(b[24:], uint64(h.created))
	copy(b[32:], h.previous[:])
	copy(b[64:], h.journal[:])
	le.PutUint64(b[80:], h.tag)
	le.PutUint32(b[92:], crc32.Checksum(b[:92], castagnoli))
	return b
}

var (
	errHead    = errors.New("no head of a journal segment")
	errVersion = errors.New("written by a newer version of the format")
)

// decodeHead reads the head at the start of b.
func decodeHead(b []byte) (h segmentHead, err error) {
	if len(b) < headLength || string(b[:8]) != headMagic || le.Uint32(b[92:]) != crc32.Checksum(b[:92], castagnoli) {
		return h, errHead
	}
	if v := le.Uint32(b[8:]); v != formatVersion {
		return h, fmt.Errorf("version %d: %w", v, errVersion)
	}
	h.sequence, h.created = le.Uint64(b[16:]), reset.Time(le.Uint64(b[24:]))
	copy(h.previous[:], b[32:])
	copy(h.journal[:], b[64:])
	h.tag = le.Uint64(b[80:])
	return h, nil
}

// blockHead is the head of one block.
type blockHead struct {
	flags       uint8
	tag         uint64
	number      uint32
	length      uint32 // of the payload
	entries     uint32
	payloadCRC  uint32
	first, last reset.Time
	hash        Hash
}

// encode writes the head into b, which has headerLength bytes, all but the
// hash and the CRC that covers it.
func (h *blockHead) encode(b []byte) {
	_ = b[headerLength-1]
	copy(b, blockMagic)
	b[4], b[5] = formatVersion, h.flags
	le.PutUint16(b[6:], headerLength)
	le.PutUint64(b[8:], h.tag)
	le.PutUint32(b[16:], h.number)
	le.PutUint32(b[20:], h.length)
	le.PutUint32(b[24:], h.entries)
	le.PutUint32(b[28:], h.payloadCRC)
	le.PutUint64(b[32:], uint64(h.first))
	le.PutUint64(b[40:], uint64(h.last))
}

// seal adds the hash and the CRC.
func (h *blockHead) seal(b []byte) {
	copy(b[48:80], h.hash[:])
	le.PutUint32(b[80:], crc32.Checksum(b[:80], castagnoli))
}

var (
	errBlock  = errors.New("no block starts here")
	errTag    = errors.New("block of another segment")
	errLength = errors.New("block is longer than any that is written")
)

// decodeBlockHead reads the head at the start of b, which has headerLength
// bytes. tag is the segment's, or 0 if it is not known.
func decodeBlockHead(b []byte, tag uint64) (h blockHead, err error) {
	if string(b[:4]) != blockMagic || le.Uint32(b[80:]) != crc32.Checksum(b[:80], castagnoli) {
		return h, errBlock
	}
	if b[4] != formatVersion || le.Uint16(b[6:]) != headerLength {
		return h, errVersion
	}
	h = blockHead{
		flags: b[5], tag: le.Uint64(b[8:]), number: le.Uint32(b[16:]), length: le.Uint32(b[20:]),
		entries: le.Uint32(b[24:]), payloadCRC: le.Uint32(b[28:]),
		first: reset.Time(le.Uint64(b[32:])), last: reset.Time(le.Uint64(b[40:])),
	}
	copy(h.hash[:], b[48:80])
	if tag != 0 && h.tag != tag {
		return h, errTag
	}
	if h.length > maxPayload {
		return h, errLength
	}
	return h, nil
}
