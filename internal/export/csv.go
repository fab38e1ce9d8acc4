package export

import (
	"bytes"
	"encoding/csv"
	"strconv"
	"strings"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// column is one of a table, and how a record fills it.
type column struct {
	name string
	text func(*reset.Reset) string
}

// columns are those of CSV, in their order: further ones come at the end.
var columns = []column{
	{"time", func(r *reset.Reset) string { return stamp(r.Time) }},
	{"id", func(r *reset.Reset) string { return r.ID.String() }},
	{"revision", func(r *reset.Reset) string { return strconv.FormatUint(uint64(r.Revision), 10) }},
	{"final", func(r *reset.Reset) string { return strconv.FormatBool(r.Final) }},
	{"host", func(r *reset.Reset) string { return plain(r.Host) }},
	{"netns", func(r *reset.Reset) string { return unsigned(r.Netns.ID) }},
	{"netns_name", func(r *reset.Reset) string { return plain(r.Netns.Name) }},
	{"direction", func(r *reset.Reset) string { return r.Direction.String() }},
	{"interface_in", func(r *reset.Reset) string { return plain(r.Interface.In) }},
	{"interface_out", func(r *reset.Reset) string { return plain(r.Interface.Out) }},
	{"src", func(r *reset.Reset) string { return address(r.Src) }},
	{"src_port", func(r *reset.Reset) string { return port(r.Src) }},
	{"dst", func(r *reset.Reset) string { return address(r.Dst) }},
	{"dst_port", func(r *reset.Reset) string { return port(r.Dst) }},
	{"flags", func(r *reset.Reset) string { return r.Packet.Flags.String() }},
	{"seq", func(r *reset.Reset) string { return optional(r.Packet.Seq) }},
	{"ack", func(r *reset.Reset) string { return optional(r.Packet.Ack) }},
	{"window", func(r *reset.Reset) string { return optional(r.Packet.Window) }},
	{"ttl", func(r *reset.Reset) string { return optional(r.Packet.TTL) }},
	{"ip_id", func(r *reset.Reset) string { return optional(r.Packet.IPID) }},
	{"length", func(r *reset.Reset) string { return optional(r.Packet.Length) }},
	{"role", func(r *reset.Reset) string { return r.Role.String() }},
	{"sender", func(r *reset.Reset) string { return r.Sender.String() }},
	{"sender_confidence", func(r *reset.Reset) string { return r.Confidence.Sender.String() }},
	{"cause", func(r *reset.Reset) string { return r.Cause.String() }},
	{"cause_confidence", func(r *reset.Reset) string { return r.Confidence.Cause.String() }},
	{"harm", func(r *reset.Reset) string { return r.Harm.String() }},
	{"kernel_reason", func(r *reset.Reset) string { return plain(r.Kernel.Reason) }},
	{"kernel_verdict", func(r *reset.Reset) string { return r.Kernel.Verdict.String() }},
	{"drop_reason", func(r *reset.Reset) string { return plain(r.Kernel.DropReason) }},
	{"pid", func(r *reset.Reset) string {
		return ofProcess(r, func(p *reset.Process) string { return optional(p.PID) })
	}},
	{"comm", func(r *reset.Reset) string {
		return ofProcess(r, func(p *reset.Process) string { return plain(p.Comm) })
	}},
	{"uid", func(r *reset.Reset) string {
		return ofProcess(r, func(p *reset.Process) string { return optional(p.UID) })
	}},
	{"rule", func(r *reset.Reset) string { return plain(r.Rule) }},
	{"summary", func(r *reset.Reset) string { return plain(r.Summary) }},
}

// CSV returns what writes a line for each revision of a reset (RFC 4180), and
// before the first the names of the columns. A cell that a spreadsheet would take
// for a formula has an apostrophe before it: its text may be another's.
func CSV() func([]byte, *reset.Entry) []byte {
	begun := false
	cells := make([]string, len(columns))
	var lines bytes.Buffer
	return func(b []byte, e *reset.Entry) []byte {
		lines.Reset()
		w := csv.NewWriter(&lines)
		if !begun {
			begun = true
			for i, c := range columns {
				cells[i] = c.name
			}
			_ = w.Write(cells) // into memory
		}
		if e.Reset != nil {
			for i, c := range columns {
				cells[i] = c.text(e.Reset)
			}
			_ = w.Write(cells)
		}
		w.Flush()
		return append(b, lines.Bytes()...)
	}
}

// plain makes text from outside harmless in a cell.
func plain(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, text)
	if text != "" && strings.ContainsRune("=+-@", rune(text[0])) {
		return "'" + text
	}
	return text
}

func ofProcess(r *reset.Reset, text func(*reset.Process) string) string {
	if r.Process == nil {
		return ""
	}
	return text(r.Process)
}

func stamp(t reset.Time) string {
	if t.IsZero() {
		return ""
	}
	return string(t.AppendTo(nil))
}

func unsigned(n uint64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatUint(n, 10)
}

func optional[N uint8 | uint16 | uint32](v reset.Opt[N]) string {
	if !v.OK {
		return ""
	}
	return strconv.FormatUint(uint64(v.V), 10)
}

func address(e reset.Endpoint) string {
	if e.IsZero() {
		return ""
	}
	return e.Addr().Unmap().String()
}

func port(e reset.Endpoint) string {
	if e.IsZero() {
		return ""
	}
	return strconv.Itoa(int(e.Port()))
}
