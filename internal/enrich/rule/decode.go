package rule

import (
	"bytes"
	"encoding/binary"
)

// Each message begins with four bytes, struct nfgenmsg: the family, and what is
// of no interest here.
const generalHeader = 4

// takeChain reads a chain (NFT_MSG_NEWCHAIN).
func (s *ruleset) takeChain(message []byte) {
	if len(message) < generalHeader {
		return
	}
	family, b := message[0], message[generalHeader:]
	p := place{family: family, table: text(attribute(b, 1)), chain: text(attribute(b, 3))}
	c := s.at(p)
	hook := attribute(b, 4)
	if hook == nil {
		return
	}
	c.base = true
	c.hook = uint32(number(attribute(hook, 1)))
	c.priority = int32(uint32(number(attribute(hook, 2))))
	if device := attribute(hook, 3); device != nil {
		c.devices = append(c.devices, text(device))
	}
	for _, device := range attributes(attribute(hook, 4)) {
		c.devices = append(c.devices, text(device))
	}
}

// counted is the chain whose rules are being read, and how many there were.
type counted struct {
	place place
	rules int
}

// takeRule reads a rule (NFT_MSG_NEWRULE), and keeps it if it rejects with a
// RST or leads on: the number of those that were kept. The rules of a chain
// come one after the other.
func (s *ruleset) takeRule(message []byte, at *counted) int {
	if len(message) < generalHeader {
		return 0
	}
	family, b := message[0], message[generalHeader:]
	p := place{family: family, table: text(attribute(b, 1)), chain: text(attribute(b, 2))}
	if at.place != p {
		*at = counted{place: p}
	}
	at.rules++
	r := rule{position: at.rules, handle: number(attribute(b, 3)), comment: userComment(attribute(b, 7))}
	leads := false
	for _, item := range attributes(attribute(b, 4)) {
		st := decodeStep(text(attribute(item, 1)), attribute(item, 2))
		switch {
		case st.op == opReject && !st.resets(family):
			st = step{op: opNothing}
		case st.op == opNothing && st.name != "":
			r.comment = st.name
		}
		leads = leads || st.op == opReject || st.op == opJump || st.op == opMap
		r.steps = append(r.steps, st)
	}
	if !leads {
		return 0
	}
	c := s.at(p)
	c.rules = append(c.rules, r)
	return 1
}

// userComment finds the comment among what nft stores with a rule
// (NFTNL_UDATA_RULE_COMMENT): kind, length, value.
func userComment(b []byte) string {
	for len(b) >= 2 {
		kind, length := b[0], int(b[1])
		if length > len(b)-2 {
			return ""
		}
		if kind == 0 {
			return text(b[2 : 2+length])
		}
		b = b[2+length:]
	}
	return ""
}

// The flag of an element that ends the interval before it.
const intervalEnd = 1

// takeElements reads elements of a set (NFT_MSG_NEWSETELEM). In a set of
// intervals each begins with one element and ends before the next, which is
// flagged; the kernel tells them in any order. It keeps nothing of the message.
func takeElements(message []byte, list []element) []element {
	if len(message) < generalHeader {
		return list
	}
	for _, item := range attributes(attribute(message[generalHeader:], 3)) {
		e := element{from: bytes.Clone(attribute(attribute(item, 1), 1))}
		if e.from == nil {
			continue
		}
		if end := attribute(attribute(item, 10), 1); end != nil { // a span of a concatenation
			e.to = bytes.Clone(end)
		}
		if number(attribute(item, 3))&intervalEnd != 0 {
			e.end = true
		}
		if verdict := attribute(attribute(item, 2), 2); verdict != nil {
			e.chain = text(attribute(verdict, 2))
		}
		list = append(list, e)
	}
	return list
}

// generationOf reads the number of the ruleset's state (NFT_MSG_NEWGEN).
func generationOf(message []byte) (uint32, bool) {
	if len(message) < generalHeader {
		return 0, false
	}
	id := attribute(message[generalHeader:], 1)
	if len(id) != 4 {
		return 0, false
	}
	return binary.BigEndian.Uint32(id), true
}
