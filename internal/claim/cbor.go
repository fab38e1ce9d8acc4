package claim

import "encoding/binary"

// The magic number stands for the number of a RFC that was never given; before
// it there may be the head of an array of two.
var (
	cborMagic  = [...]byte{0x19, 0x30, 0x39} // 12345
	cborPairOf = byte(0x82)
)

// The keys of the map.
const (
	keyCode        = 1
	keyEnterprise  = 2
	keyDescription = 3
)

// maxPairs bounds the map: three keys are known.
const maxPairs = 8

// The major types that may occur (RFC 8949, 3.1).
const (
	majorUnsigned = 0
	majorBytes    = 2
	majorText     = 3
	majorMap      = 5
)

func afterCBORMagic(payload []byte) (rest []byte, ok bool) {
	if len(payload) > 0 && payload[0] == cborPairOf {
		payload = payload[1:]
	}
	if len(payload) < len(cborMagic) || [3]byte(payload) != cborMagic {
		return nil, false
	}
	return payload[len(cborMagic):], true
}

// fromCBOR reads the map that follows the magic number.
func fromCBOR(rest []byte, cut bool) Claim {
	d := cborReader{rest: rest}
	code, enterprise, said := d.reason()
	switch {
	case d.bad || (d.short && !cut):
		return Claim{Kind: Malformed}
	case said != "":
		return Claim{Kind: CBOR, Text: "diagnostic text: " + said}
	case d.short:
		return Claim{Kind: Cut}
	case code == 0 || len(d.rest) > 0:
		return Claim{Kind: Malformed}
	}
	return Claim{Kind: CBOR, Text: coded(code, enterprise, cborEditions)}
}

// cborReader reads heads and what belongs to them. It goes no deeper than one
// map and follows no length beyond what is there.
type cborReader struct {
	rest  []byte
	bad   bool // it is not what the draft says
	short bool // it ends too early
}

func (d *cborReader) reason() (code, enterprise uint64, said string) {
	major, pairs := d.head()
	if d.short {
		return 0, 0, ""
	}
	if major != majorMap || pairs == 0 || pairs > maxPairs {
		d.bad = true
		return 0, 0, ""
	}
	seen := make(map[uint64]bool, pairs)
	for range pairs {
		major, key := d.head()
		if d.bad || d.short {
			break
		}
		if major != majorUnsigned || seen[key] {
			d.bad = true
			break
		}
		seen[key] = true
		switch key {
		case keyCode:
			code = d.number()
		case keyEnterprise:
			enterprise = d.number()
		case keyDescription:
			said = d.text()
		default:
			d.skip()
		}
	}
	return code, enterprise, said
}

// head reads a type and its number; only definite lengths are known.
func (d *cborReader) head() (major byte, n uint64) {
	if len(d.rest) == 0 {
		d.short = true
		return 0, 0
	}
	major, info := d.rest[0]>>5, d.rest[0]&31
	d.rest = d.rest[1:]
	switch {
	case info < 24:
		return major, uint64(info)
	case info > 27:
		d.bad = true
		return 0, 0
	}
	size := 1 << (info - 24)
	if len(d.rest) < size {
		d.short, d.rest = true, nil
		return 0, 0
	}
	var wide [8]byte
	copy(wide[8-size:], d.rest)
	d.rest = d.rest[size:]
	return major, binary.BigEndian.Uint64(wide[:])
}

func (d *cborReader) number() uint64 {
	major, n := d.head()
	if major != majorUnsigned {
		d.bad = true
	}
	return n
}

func (d *cborReader) text() string {
	major, n := d.head()
	if major != majorText {
		d.bad = d.bad || !d.short
		return ""
	}
	body := d.take(n)
	if d.short {
		body = wholeRunes(body)
	}
	return cleaned(body, d.short)
}

// skip goes over a value whose key is not known.
func (d *cborReader) skip() {
	switch major, n := d.head(); major {
	case majorUnsigned:
	case majorBytes, majorText:
		d.take(n)
	default:
		d.bad = true
	}
}

// take returns n bytes, or those that there are.
func (d *cborReader) take(n uint64) []byte {
	if n > uint64(len(d.rest)) {
		d.short = true
		n = uint64(len(d.rest))
	}
	body := d.rest[:n]
	d.rest = d.rest[n:]
	return body
}
