package export

import (
	"fmt"
	"strings"
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// zeekField is a field of the log, with Zeek's type.
type zeekField struct {
	name, kind string
	text       func(*reset.Reset, bool) string
}

// zeekFields follow conn.log where it has such a field. The originator of a
// connection is the RST's source unless the record knows better.
var zeekFields = []zeekField{
	{"ts", "time", func(r *reset.Reset, _ bool) string {
		return fmt.Sprintf("%d.%06d", int64(r.Time)/1e9, int64(r.Time)%1e9/1000)
	}},
	{"uid", "string", func(r *reset.Reset, _ bool) string { return r.ID.String() }},
	{"id.orig_h", "addr", func(r *reset.Reset, turned bool) string { return address(first(r, turned)) }},
	{"id.orig_p", "port", func(r *reset.Reset, turned bool) string { return port(first(r, turned)) }},
	{"id.resp_h", "addr", func(r *reset.Reset, turned bool) string { return address(first(r, !turned)) }},
	{"id.resp_p", "port", func(r *reset.Reset, turned bool) string { return port(first(r, !turned)) }},
	{"is_orig", "bool", func(r *reset.Reset, turned bool) string {
		switch r.Role {
		case reset.Originator:
			return "T"
		case reset.Responder:
			return "F"
		}
		return ""
	}},
	{"direction", "string", func(r *reset.Reset, _ bool) string { return r.Direction.String() }},
	{"flags", "string", func(r *reset.Reset, _ bool) string { return r.Packet.Flags.String() }},
	{"seq", "count", func(r *reset.Reset, _ bool) string { return optional(r.Packet.Seq) }},
	{"ack", "count", func(r *reset.Reset, _ bool) string { return optional(r.Packet.Ack) }},
	{"ttl", "count", func(r *reset.Reset, _ bool) string { return optional(r.Packet.TTL) }},
	{"sender", "string", func(r *reset.Reset, _ bool) string { return r.Sender.String() }},
	{"sender_confidence", "string", func(r *reset.Reset, _ bool) string { return r.Confidence.Sender.String() }},
	{"cause", "string", func(r *reset.Reset, _ bool) string { return r.Cause.String() }},
	{"cause_confidence", "string", func(r *reset.Reset, _ bool) string { return r.Confidence.Cause.String() }},
	{"harm", "string", func(r *reset.Reset, _ bool) string { return r.Harm.String() }},
	{"process", "string", func(r *reset.Reset, _ bool) string {
		return ofProcess(r, func(p *reset.Process) string { return p.Comm })
	}},
	{"summary", "string", func(r *reset.Reset, _ bool) string { return r.Summary }},
}

// first is the originator, or what stands for it; turned is where that is the
// RST's destination.
func first(r *reset.Reset, turned bool) reset.Endpoint {
	if turned {
		return r.Dst
	}
	return r.Src
}

// Zeek returns what writes a line of Zeek's ASCII log (base/frameworks/logging/
// writers/ascii) for the last revision of each reset, after the heading.
func Zeek(now time.Time) func([]byte, *reset.Entry) []byte {
	begun := false
	return func(b []byte, e *reset.Entry) []byte {
		if !begun {
			begun = true
			b = appendZeekHead(b, now)
		}
		r := e.Reset
		if r == nil || !r.Final {
			return b
		}
		turned := r.Role == reset.Responder
		for i, f := range zeekFields {
			if i > 0 {
				b = append(b, '\t')
			}
			b = appendZeek(b, f.text(r, turned))
		}
		return append(b, '\n')
	}
}

func appendZeekHead(b []byte, now time.Time) []byte {
	var names, kinds []string
	for _, f := range zeekFields {
		names, kinds = append(names, f.name), append(kinds, f.kind)
	}
	return fmt.Appendf(b, "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\trst\n#open\t%s\n#fields\t%s\n#types\t%s\n",
		now.Format("2006-01-02-15-04-05"), strings.Join(names, "\t"), strings.Join(kinds, "\t"))
}

// appendZeek escapes what the log's own signs would be.
func appendZeek(b []byte, text string) []byte {
	switch text {
	case "":
		return append(b, '-')
	case "-":
		return append(b, `\x2d`...)
	}
	for i := range len(text) {
		if c := text[i]; c < ' ' || c == '\\' || c == 0x7f {
			b = fmt.Appendf(b, `\x%02x`, c)
			continue
		}
		b = append(b, text[i])
	}
	return b
}
