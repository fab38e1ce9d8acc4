package journal

import (
	"bytes"
	"io"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// decoder reads the entries of one block, one at a time, so that a hostile
// block costs no more memory than its tables and one entry.
type decoder struct {
	c          cursor
	strings    []string
	places     []place
	judgements []judgement
	evidence   []reset.Evidence

	prevTime, prevMono uint64
}

// newDecoder starts at a block's payload. Strings and tables are copied from
// it; nothing of what next returns points into it.
func newDecoder(payload []byte) *decoder { return &decoder{c: cursor{rest: payload}} }

// next returns the next entry, io.EOF at the end, or an error that wraps
// errRecord, after which the rest of the block cannot be read.
func (d *decoder) next() (entry reset.Entry, err error) {
	for d.c.next() {
		switch d.c.field {
		case blockStrings:
			d.grow(len(d.strings))
			d.strings = append(d.strings, string(d.c.data))
		case blockPlaces:
			d.grow(len(d.places))
			d.places = append(d.places, d.decodePlace())
		case blockJudgements:
			d.grow(len(d.judgements))
			d.judgements = append(d.judgements, d.decodeJudgement())
		case blockEvidence:
			d.grow(len(d.evidence))
			d.evidence = append(d.evidence, d.decodeEvidence())
		case blockResets:
			entry.Reset = d.decodeReset()
			return entry, d.c.err
		case blockCoverages:
			entry.Coverage = d.decodeCoverage()
			return entry, d.c.err
		case blockControls:
			entry.Control = d.decodeControl()
			return entry, d.c.err
		}
	}
	if d.c.err != nil {
		return entry, d.c.err
	}
	return entry, io.EOF
}

// grow refuses a table that grows beyond its bound.
func (d *decoder) grow(length int) {
	if length >= maxTable {
		d.c.fail("table is too long")
	}
}

// close keeps the error of a nested message.
func (d *decoder) close(m *cursor) {
	if d.c.err == nil {
		d.c.err = m.err
	}
}

// text looks a string up by its number; 0 is "".
func (d *decoder) text(c *cursor) string {
	return d.lookup(c, c.value)
}

func (d *decoder) lookup(c *cursor, ref uint64) string {
	if ref == 0 {
		return ""
	}
	if ref > uint64(len(d.strings)) {
		c.fail("string is not in the table")
		return ""
	}
	return d.strings[ref-1]
}

// bytes looks a byte string up, and copies it.
func (d *decoder) bytes(c *cursor) []byte { return []byte(d.text(c)) }

// refs reads a packed list of numbers.
func refs(c *cursor, visit func(ref uint64)) {
	if len(c.data) == 0 {
		c.fail("empty list")
		return
	}
	rest := cursor{rest: c.data}
	for n := 0; len(rest.rest) > 0; n++ {
		v, length := consumeVarint(rest.rest)
		if length <= 0 || n >= maxList {
			c.fail("bad list")
			return
		}
		rest.rest = rest.rest[length:]
		visit(v)
	}
}

func (d *decoder) texts(c *cursor) []string {
	var list []string
	refs(c, func(ref uint64) { list = append(list, d.lookup(c, ref)) })
	return list
}

func (d *decoder) decodePlace() (p place) {
	m := d.c.message()
	for m.next() {
		switch m.field {
		case placeHost:
			p.host = d.text(&m)
		case placeBootID:
			p.bootID = d.text(&m)
		case placeNetnsID:
			p.netns.ID = m.value
		case placeNetnsCookie:
			p.netns.Cookie = m.value
		case placeNetnsName:
			p.netns.Name = d.text(&m)
		case placeIn:
			p.iface.In = d.text(&m)
		case placeOut:
			p.iface.Out = d.text(&m)
		case placePhysIn:
			p.iface.PhysIn = d.text(&m)
		case placePhysOut:
			p.iface.PhysOut = d.text(&m)
		}
	}
	d.close(&m)
	return p
}

func (d *decoder) decodeJudgement() (j judgement) {
	m := d.c.message()
	for m.next() {
		switch m.field {
		case judgementDirection:
			j.direction = small[reset.Direction](&m)
		case judgementRole:
			j.role = small[reset.Role](&m)
		case judgementSender:
			j.sender = small[reset.Sender](&m)
		case judgementCause:
			j.cause = small[reset.Cause](&m)
		case judgementSenderConfidence:
			j.confidence.Sender = small[reset.Level](&m)
		case judgementCauseConfidence:
			j.confidence.Cause = small[reset.Level](&m)
		case judgementHarm:
			j.harm = small[reset.Harm](&m)
		case judgementSources:
			j.sources = small[reset.SourceSet](&m)
		case judgementReason:
			j.reason = d.text(&m)
		case judgementDropReason:
			j.dropReason = d.text(&m)
		case judgementVerdict:
			j.verdict = small[reset.Verdict](&m)
		case judgementInferred:
			j.inferred = m.truth()
		case judgementRule:
			j.rule = d.text(&m)
		case judgementClaim:
			j.claim = d.text(&m)
		}
	}
	d.close(&m)
	return j
}

func (d *decoder) decodeEvidence() (v reset.Evidence) {
	m := d.c.message()
	for m.next() {
		switch m.field {
		case evidenceFact:
			v.Fact = d.text(&m)
		case evidenceValue:
			v.Value = d.text(&m)
		case evidenceFor:
			v.For = d.text(&m)
		case evidenceWeight:
			v.Weight = small[reset.Weight](&m)
		case evidenceAgainst:
			v.Against = m.truth()
		}
	}
	d.close(&m)
	return v
}

// clone copies bytes out of the block; none is nil.
func clone(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return bytes.Clone(b)
}
