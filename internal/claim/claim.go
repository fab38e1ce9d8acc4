package claim

import "encoding/binary"

// Kind is the form of a payload.
type Kind uint8

// The kinds.
const (
	None        Kind = iota // no payload
	Diagnostic              // magic, code and enterprise number
	Description             // magic and text
	CBOR                    // a CBOR sequence, or an array of it
	Text                    // plain text
	Malformed               // a format's magic, and then not that format: nothing is claimed
	Cut                     // a format's magic, and too little of the rest was captured
	Other                   // anything else
)

// NumKinds is the number of kinds, for arrays indexed by them.
const NumKinds = int(Other) + 1

var kindNames = [NumKinds]string{"none", "diagnostic", "description", "cbor", "text", "malformed", "cut", "other"}

// String is the kind's word, as status reports use it.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "unknown"
}

// Claim is what a payload says.
type Claim struct {
	Kind Kind
	// Text is for people, on one line, without control characters, and short. It
	// is empty where nothing is claimed.
	Text string
}

// The magic numbers of the binary forms, in front of everything else.
const (
	diagnosticMagic  = 0x33aa
	descriptionMagic = 0xf317
)

// diagnosticLength is the length of the form with a code: no other is allowed.
const diagnosticLength = 8

// Decode reads a payload, of which captured may be only the beginning: length
// is what the packet bore.
func Decode(captured []byte, length int) Claim {
	if len(captured) == 0 {
		if length > 0 {
			return Claim{Kind: Cut}
		}
		return Claim{}
	}
	cut := length > len(captured)
	if len(captured) >= 2 {
		switch binary.BigEndian.Uint16(captured) {
		case diagnosticMagic:
			return diagnostic(captured, max(length, len(captured)))
		case descriptionMagic:
			return description(captured[2:], cut)
		}
	}
	if rest, ok := afterCBORMagic(captured); ok {
		return fromCBOR(rest, cut)
	}
	if text := plainText(captured, cut); text != "" {
		return Claim{Kind: Text, Text: "text: " + text}
	}
	return Claim{Kind: Other}
}

func diagnostic(captured []byte, length int) Claim {
	switch {
	case length != diagnosticLength:
		return Claim{Kind: Malformed}
	case len(captured) < diagnosticLength:
		return Claim{Kind: Cut}
	}
	code, enterprise := binary.BigEndian.Uint16(captured[2:4]), binary.BigEndian.Uint32(captured[4:8])
	if code == 0 { // reserved
		return Claim{Kind: Malformed}
	}
	return Claim{Kind: Diagnostic, Text: coded(uint64(code), uint64(enterprise), binaryEditions)}
}

func description(text []byte, cut bool) Claim {
	said := cleaned(text, cut)
	if said == "" {
		return Claim{Kind: Malformed}
	}
	return Claim{Kind: Description, Text: "diagnostic text: " + said}
}
