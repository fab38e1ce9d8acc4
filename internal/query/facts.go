package query

import (
	"strconv"
	"strings"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// The primitives of this file are our own: where a reset was seen and what was
// made of it.

// wordKind is a primitive whose value is a word of a closed list.
type wordKind uint8

const (
	kindDirection wordKind = iota
	kindSender
	kindCause
	kindHarm
	kindConfidence
	kindSource
	kindVerdict
)

// wordKinds is indexed by wordKind.
var wordKinds = [...]struct {
	keyword string
	words   func() []string
	field   Fields
}{
	{"direction", reset.DirectionWords, FieldDirection},
	{"sender", reset.SenderWords, FieldSender},
	{"cause", reset.CauseWords, FieldCause},
	{"harm", reset.HarmWords, FieldHarm},
	{"confidence", reset.LevelWords, FieldConfidence},
	{"source", reset.SourceWords, FieldSource},
	{"verdict", reset.VerdictWords, FieldVerdict},
}

// word8 compares a field with the number of a word.
type word8 struct {
	kind  wordKind
	value uint8
}

func (n *word8) match(r *reset.Reset) bool {
	switch n.kind {
	case kindDirection:
		return uint8(r.Direction) == n.value
	case kindSender:
		return uint8(r.Sender) == n.value
	case kindCause:
		return uint8(r.Cause) == n.value
	case kindHarm:
		return uint8(r.Harm) == n.value
	case kindConfidence:
		return uint8(min(r.Confidence.Sender, r.Confidence.Cause)) >= n.value
	case kindSource:
		return r.Sources.Has(reset.Source(n.value))
	case kindVerdict:
		return uint8(r.Kernel.Verdict) == n.value
	}
	return false
}
func (n *word8) needs() Fields { return wordKinds[n.kind].field }
func (n *word8) appendTo(b []byte) []byte {
	kind := wordKinds[n.kind]
	return append(append(append(b, kind.keyword...), ' '), kind.words()[n.value-1]...)
}

// text compares a name with a pattern.
type text struct{ kind, pattern string }

func (n *text) match(r *reset.Reset) bool {
	switch n.kind {
	case "interface":
		i := &r.Interface
		return n.like(i.In) || n.like(i.Out) || n.like(i.PhysIn) || n.like(i.PhysOut)
	case "netns":
		return n.like(r.Netns.Name)
	case "comm":
		return r.Process != nil && n.like(r.Process.Comm)
	case "container":
		return r.Container != nil && (n.like(r.Container.Name) || strings.HasPrefix(r.Container.ID, n.pattern))
	}
	return false
}

// like reports whether a name is there and matches the pattern.
func (n *text) like(name string) bool { return name != "" && glob(n.pattern, name) }

func (n *text) needs() Fields {
	switch n.kind {
	case "interface":
		return FieldInterface
	case "netns":
		return FieldNetns
	case "comm":
		return FieldProcess
	}
	return FieldContainer
}

func (n *text) appendTo(b []byte) []byte {
	b = append(append(b, n.kind...), ' ')
	if n.kind == "netns" && '0' <= n.pattern[0] && n.pattern[0] <= '9' {
		return append(append(append(b, '"'), escapeQuotes(n.pattern)...), '"')
	}
	return appendText(b, n.pattern)
}

func escapeQuotes(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, `\`, `\\`), `"`, `\"`)
}

// glob matches a name with a pattern in which * stands for any characters and ?
// for any one byte.
func glob(pattern, name string) bool {
	star, resume := -1, 0
	p, n := 0, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, resume = p, n
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == name[n]):
			p, n = p+1, n+1
		case star >= 0: // let the last star take one character more
			resume++
			p, n = star+1, resume
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// number compares a number.
type number struct {
	kind  string // pid, uid, mark
	value uint32
}

func (n *number) match(r *reset.Reset) bool {
	want := reset.Some(n.value)
	switch n.kind {
	case "pid":
		return r.Process != nil && r.Process.PID == want
	case "uid":
		return r.Process != nil && r.Process.UID == want
	}
	return r.Packet.Mark == want
}

func (n *number) needs() Fields {
	if n.kind == "mark" {
		return FieldMark
	}
	return FieldProcess
}

func (n *number) appendTo(b []byte) []byte {
	return strconv.AppendUint(append(append(b, n.kind...), ' '), uint64(n.value), 10)
}

// netnsID is a namespace by the number of its inode.
type netnsID struct{ id uint64 }

func (n *netnsID) match(r *reset.Reset) bool { return r.Netns.ID == n.id }
func (n *netnsID) needs() Fields             { return FieldNetns }
func (n *netnsID) appendTo(b []byte) []byte {
	return strconv.AppendUint(append(b, "netns "...), n.id, 10)
}
