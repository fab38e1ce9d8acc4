package journal

import (
	"errors"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// ErrTooLarge is an entry that no block can hold. It is not written, and is
// counted as lost.
var ErrTooLarge = errors.New("entry is too large for the journal")

// Bounds of one block. What is written and what is read keep to the same.
const (
	maxPayload = 4 << 20 // bytes
	maxRecord  = 1 << 20 // bytes of one entry, without the tables
	maxTable   = 1 << 16 // values in one of the tables
	maxList    = 4096    // elements of one list in an entry
	maxDepth   = 8       // processes nested by "by"

	// fullTable is where a block is cut although it is not long yet, so that the
	// tables stay in the processor's cache.
	fullTable = 4096
)

// Where an encoder looks for a repeated string first: at the one that it saw
// last in the same place.
const (
	slotReason = iota
	slotDropReason
	slotHost
	slotBootID
	slotNetns
	slotIn
	slotOut
	slotLink
	slotMAC
	slotMACDst
	slotTriggerMAC
	slotConntrack
	slotState
	slotComm
	slotExe
	slotSummary
	slotRule
	slotContainer
	slotImage
	slotPod
	slotOther
	numSlots
)

// place is what most resets of a host share.
type place struct {
	netns        reset.Netns
	iface        reset.Interface
	host, bootID string
}

// judgement is what the resets of one storm share.
type judgement struct {
	sources                  reset.SourceSet
	direction                reset.Direction
	role                     reset.Role
	sender                   reset.Sender
	cause                    reset.Cause
	confidence               reset.Confidence
	harm                     reset.Harm
	verdict                  reset.Verdict
	inferred                 bool
	reason, dropReason, rule string
	claim                    string
}

// encoder builds the payload of one block after another. It keeps its buffers,
// so that a typical reset costs no allocation.
type encoder struct {
	// block is the block so far: room for its head, then the payload.
	block  []byte
	record []byte // the entry at hand
	body   []byte // the table value at hand

	strings table[string]
	last    [numSlots]struct {
		text string
		ref  uint32
	}
	places     table[place]
	judgements table[judgement]
	evidence   table[reset.Evidence]

	scratch reset.Packet // what the raw bytes say

	entries uint32
	resets  uint32 // first revisions that stand for themselves
	flags   uint8  // of the block
	first   reset.Time
	final   reset.Time

	// The differences that times are stored as; modulo 2^64.
	prevTime, prevMono uint64

	err error // of the entry at hand
}

// clear starts a new block.
func (e *encoder) clear() {
	if cap(e.block) < headerLength {
		e.block = make([]byte, headerLength, 64<<10)
	}
	e.block = e.block[:headerLength]
	e.strings.clear()
	e.last = [numSlots]struct {
		text string
		ref  uint32
	}{}
	e.places.clear()
	e.judgements.clear()
	e.evidence.clear()
	e.entries, e.resets, e.flags = 0, 0, 0
	e.first, e.final = 0, 0
	e.prevTime, e.prevMono = 0, 0
}

// size is the length of the payload so far.
func (e *encoder) size() int { return len(e.block) - headerLength }

// tablesFull reports whether the block should be cut for its tables' sake.
func (e *encoder) tablesFull() bool {
	return e.strings.count >= fullTable || e.places.count >= fullTable ||
		e.judgements.count >= fullTable || e.evidence.count >= fullTable
}

// add appends one entry. On error the block is as before, but its tables are
// not: the caller must cut it, and may try again in the next one.
func (e *encoder) add(entry *reset.Entry) error {
	mark := len(e.block)
	e.err = nil
	e.record = e.record[:0]
	var at reset.Time
	var field protowire.Number
	var time, mono uint64
	switch {
	case entry.Reset != nil:
		field, at = blockResets, entry.Reset.Time
		time, mono = e.encodeReset(entry.Reset)
	case entry.Coverage != nil:
		field, at = blockCoverages, entry.Coverage.Time
		e.encodeCoverage(entry.Coverage)
	case entry.Control != nil:
		field, at = blockControls, entry.Control.Time
		e.encodeControl(entry.Control)
	default:
		return nil
	}
	if len(e.record) > maxRecord || len(e.block)+len(e.record) > maxPayload {
		e.err = ErrTooLarge
	}
	if e.err != nil {
		e.block = e.block[:mark]
		return e.err
	}
	e.block = appendTag(e.block, field, protowire.BytesType)
	e.block = appendVarint(e.block, uint64(len(e.record)))
	e.block = append(e.block, e.record...)
	e.account(entry, at)
	if entry.Reset != nil {
		e.prevTime, e.prevMono = time, mono
	}
	return nil
}

func (e *encoder) account(entry *reset.Entry, at reset.Time) {
	if e.entries == 0 {
		e.first, e.final = at, at
	}
	e.first, e.final = min(e.first, at), max(e.final, at)
	e.entries++
	if r := entry.Reset; r != nil && counts(r) {
		e.resets++
	}
	if c := entry.Control; c != nil {
		e.flags |= flagControl
		if c.Ledger != nil {
			e.flags |= flagLedger
		}
	}
}

// counts reports whether the reset is one of those that the ledger calls
// written: its first revision, and not a fold.
func counts(r *reset.Reset) bool { return r.Revision <= 1 && r.Fold == nil }

// text returns the number of a string in the block's table, 0 for "".
func (e *encoder) text(slot int, s string) uint64 {
	if s == "" {
		return 0
	}
	if c := &e.last[slot]; c.text == s {
		return uint64(c.ref)
	}
	return e.intern(slot, s)
}

func (e *encoder) intern(slot int, s string) uint64 {
	ref := e.strings.find(&s)
	if ref == 0 {
		if e.strings.count >= maxTable-1 || len(e.block)+len(s) > maxPayload-maxRecord {
			e.err = ErrTooLarge
			return 0
		}
		e.block = appendText(e.block, blockStrings, s)
		ref = e.strings.add(&s)
	}
	e.last[slot].text, e.last[slot].ref = s, ref
	return uint64(ref)
}

// bytes is text for byte strings; nothing is allocated for one that was seen
// last in the same place.
func (e *encoder) bytes(slot int, b []byte) uint64 {
	if len(b) == 0 {
		return 0
	}
	if c := &e.last[slot]; c.text == string(b) {
		return uint64(c.ref)
	}
	if ref := e.strings.all[string(b)]; ref != 0 {
		return uint64(ref)
	}
	return e.intern(slot, string(b))
}

// texts appends a packed list of numbers of strings; "" is 0.
func (e *encoder) texts(b []byte, field protowire.Number, list []string) []byte {
	if len(list) == 0 {
		return b
	}
	if len(list) > maxList {
		e.err = ErrTooLarge
		return b
	}
	b, start := beginMessage(b, field)
	for _, s := range list {
		b = appendVarint(b, e.text(slotOther, s))
	}
	return endMessage(b, start)
}

// define appends a table value, encoded in e.body, to the block.
func (e *encoder) define(field protowire.Number) {
	e.block = appendTag(e.block, field, protowire.BytesType)
	e.block = appendVarint(e.block, uint64(len(e.body)))
	e.block = append(e.block, e.body...)
	if len(e.block) > maxPayload {
		e.err = ErrTooLarge
	}
}

func (e *encoder) place(p *place) uint64 {
	if ref := e.places.find(p); ref != 0 {
		return uint64(ref)
	}
	b := e.body[:0]
	b = appendUint(b, placeHost, e.text(slotHost, p.host))
	b = appendUint(b, placeBootID, e.text(slotBootID, p.bootID))
	b = appendUint(b, placeNetnsID, p.netns.ID)
	b = appendUint(b, placeNetnsCookie, p.netns.Cookie)
	b = appendUint(b, placeNetnsName, e.text(slotNetns, p.netns.Name))
	b = appendUint(b, placeIn, e.text(slotIn, p.iface.In))
	b = appendUint(b, placeOut, e.text(slotOut, p.iface.Out))
	b = appendUint(b, placePhysIn, e.text(slotIn, p.iface.PhysIn))
	b = appendUint(b, placePhysOut, e.text(slotOut, p.iface.PhysOut))
	e.body = b
	e.define(blockPlaces)
	return uint64(e.places.add(p))
}

func (e *encoder) judgement(j *judgement) uint64 {
	if ref := e.judgements.find(j); ref != 0 {
		return uint64(ref)
	}
	b := e.body[:0]
	b = appendUint(b, judgementDirection, uint64(j.direction))
	b = appendUint(b, judgementRole, uint64(j.role))
	b = appendUint(b, judgementSender, uint64(j.sender))
	b = appendUint(b, judgementCause, uint64(j.cause))
	b = appendUint(b, judgementSenderConfidence, uint64(j.confidence.Sender))
	b = appendUint(b, judgementCauseConfidence, uint64(j.confidence.Cause))
	b = appendUint(b, judgementHarm, uint64(j.harm))
	b = appendUint(b, judgementSources, uint64(j.sources))
	b = appendUint(b, judgementReason, e.text(slotReason, j.reason))
	b = appendUint(b, judgementDropReason, e.text(slotDropReason, j.dropReason))
	b = appendUint(b, judgementVerdict, uint64(j.verdict))
	b = appendBool(b, judgementInferred, j.inferred)
	b = appendUint(b, judgementRule, e.text(slotRule, j.rule))
	b = appendUint(b, judgementClaim, e.text(slotOther, j.claim))
	e.body = b
	e.define(blockJudgements)
	return uint64(e.judgements.add(j))
}

func (e *encoder) fact(v *reset.Evidence) uint64 {
	if ref := e.evidence.find(v); ref != 0 {
		return uint64(ref)
	}
	b := e.body[:0]
	b = appendUint(b, evidenceFact, e.text(slotOther, v.Fact))
	b = appendUint(b, evidenceValue, e.text(slotOther, v.Value))
	b = appendUint(b, evidenceFor, e.text(slotOther, v.For))
	b = appendUint(b, evidenceWeight, uint64(v.Weight))
	b = appendBool(b, evidenceAgainst, v.Against)
	e.body = b
	e.define(blockEvidence)
	return uint64(e.evidence.add(v))
}
