package rule

import "bytes"

// operation is what a step of a rule does.
type operation uint8

const (
	opUnknown operation = iota // it may match or not, and write to any register
	opNothing                  // it matches always: a counter, a comment
	opForget                   // it puts into a register what is not known
	opMeta                     // it loads what is known beside the packet
	opPayload                  // it loads bytes of the packet
	opState                    // it loads the state of conntrack
	opMask                     // it changes a register by mask and xor
	opCompare                  // it compares a register
	opRange                    // it compares a register with two bounds
	opLookup                   // it looks for a register in a set
	opPorts                    // iptables' own match on ports and flags
	opAddress                  // iptables' own match on addresses and protocol
	opReject                   // it rejects with a RST
	opJump                     // it leads to a chain
	opMap                      // it leads to the chain that a map has for a register
)

// step is one expression of a rule.
type step struct {
	op       operation
	source   int // the first of four-byte registers
	target   int
	key      uint32 // of meta
	base     uint32 // of a payload: 1 network, 2 transport
	offset   uint32
	length   uint32
	compare  uint32 // an operator of nftables
	data     []byte // the value, the mask, the lower bound
	other    []byte // xor, the upper bound
	inverted bool
	name     string // of a chain or set
	ports    *portMatch
	address  *addressMatch
}

// The operators of compare (enum nft_cmp_ops).
const (
	equal = iota
	notEqual
	less
	lessOrEqual
	greater
	greaterOrEqual
)

// The keys of meta that are known (enum nft_meta_keys).
const (
	metaProtocol = 1
	metaFamily   = 15
	metaL4       = 16
)

// registers is how many of four bytes there are.
const registers = 16

// register is the first four-byte register of one that nftables names; -1 for
// the verdict, and for what is none.
func register(n uint64) int {
	switch {
	case n >= 1 && n <= 4: // of sixteen bytes
		return int(n-1) * 4
	case n >= 8 && n < 8+registers:
		return int(n - 8)
	}
	return -1
}

// decodeStep reads an expression of the given kind; it keeps nothing of b. The
// attributes are those of linux/netfilter/nf_tables.h.
func decodeStep(kind string, b []byte) step {
	at := func(n uint16) []byte { return attribute(b, n) }
	num := func(n uint16) uint32 { return uint32(number(at(n))) }
	reg := func(n uint16) int { return register(number(at(n))) }
	value := func(n uint16) []byte { return bytes.Clone(attribute(at(n), 1)) } // NFTA_DATA_VALUE
	switch kind {
	case "counter", "log", "notrack", "last":
		return step{op: opNothing}
	case "meta":
		if at(1) == nil { // it sets something
			return step{op: opNothing}
		}
		return step{op: opMeta, target: reg(1), key: num(2)}
	case "payload":
		if at(1) == nil {
			return step{op: opNothing}
		}
		return step{op: opPayload, target: reg(1), base: num(2), offset: num(3), length: num(4)}
	case "ct":
		switch {
		case at(1) == nil:
			return step{op: opNothing}
		case num(2) == 0 && at(2) != nil: // NFT_CT_STATE
			return step{op: opState, target: reg(1)}
		}
		return step{op: opForget, target: reg(1)}
	case "bitwise":
		if num(6) != 0 { // a shift, or one of the newer operators
			return step{op: opForget, target: reg(2)}
		}
		return step{op: opMask, source: reg(1), target: reg(2), data: value(4), other: value(5)}
	case "cmp":
		return step{op: opCompare, source: reg(1), compare: num(2), data: value(3)}
	case "range":
		return step{op: opRange, source: reg(1), inverted: num(2) != 0, data: value(3), other: value(4)}
	case "lookup":
		s := step{op: opLookup, source: reg(2), name: text(at(1)), inverted: num(5)&1 != 0}
		if at(3) != nil {
			if number(at(3)) == 0 { // NFT_REG_VERDICT
				s.op = opMap
			} else {
				return step{op: opForget, target: reg(3)}
			}
		}
		return s
	case "immediate":
		return immediate(b)
	case "reject":
		if num(1) == 1 { // NFT_REJECT_TCP_RST
			return step{op: opReject}
		}
		return step{op: opNothing}
	case "match":
		return decodeMatch(text(at(1)), num(2), at(3))
	case "target":
		return decodeTarget(text(at(1)), at(3))
	}
	return step{op: opUnknown}
}

// The verdicts that lead to a chain (enum nft_verdicts).
const (
	verdictJump = ^uint32(0) - 2 // -3
	verdictGoto = ^uint32(0) - 3 // -4
)

// immediate loads a constant, or decides.
func immediate(b []byte) step {
	data := attribute(b, 2)
	if verdict := attribute(data, 2); verdict != nil {
		code := uint32(number(attribute(verdict, 1)))
		if code == verdictJump || code == verdictGoto {
			return step{op: opJump, name: text(attribute(verdict, 2))}
		}
		return step{op: opNothing}
	}
	return step{op: opForget, target: register(number(attribute(b, 1)))}
}
