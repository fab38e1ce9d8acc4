package logfile

import "bytes"

// writer says who wrote a line, as its head tells it.
type writer uint8

const (
	unnamed writer = iota
	kernel
	another
)

// head is what stands before a kernel's message.
type head struct {
	stamp  stamp
	host   []byte
	by     writer
	text   int  // where in the line the message begins
	quoted bool // it has \xNN for what is not printable, as in /dev/kmsg
	sure   bool // by is no guess: the form says it
}

var kernelTag = []byte("kernel: ")

// parseHead reads the head of a line. Whatever it does not know stands in the
// text.
func parseHead(line []byte) (h head) {
	rest := line
	if len(rest) > 2 && rest[0] == '<' {
		if priority, after, ok := number(rest[1:], 1023); ok && len(after) > 0 && after[0] == '>' {
			rest = after[1:]
			if bytes.HasPrefix(rest, []byte("1 ")) {
				if rfc5424(rest[2:], len(line), &h) {
					return h
				}
			} else if priority>>3 != 0 {
				h.by, h.sure = another, true // a process wrote it to the kernel's log
			}
		}
	}
	h.text = len(line) - len(rest)
	if len(rest) == 0 {
		return h
	}
	ok := false
	after := rest
	switch c := rest[0]; {
	case c == '[':
		if after, ok = bracket(rest, &h.stamp); ok {
			// journalctl's short-monotonic has host and tag behind it, dmesg has not.
			h.text = len(line) - len(after)
			if host, tagged := cutHost(after); tagged != nil && bytes.HasPrefix(tagged, kernelTag) {
				h.host, h.by, h.text = host, kernel, len(line)-len(tagged)+len(kernelTag)
			}
			return h
		}
	case '0' <= c && c <= '9':
		if kmsgHead(rest, len(line), &h) {
			return h
		}
		if after, ok = isoStamp(rest, &h.stamp); !ok {
			after, ok = secondsStamp(rest, absolute, &h.stamp)
		}
	case c >= 'A' && c <= 'Z':
		if after, ok = bsdStamp(rest, &h.stamp); !ok {
			after, ok = weekdayStamp(rest, &h.stamp)
		}
	case bytes.HasPrefix(rest, []byte("kern")):
		if after, ok = decoded(rest, &h.stamp); ok {
			h.text = len(line) - len(after)
			return h
		}
	}
	if !ok || len(after) == 0 || after[0] != ' ' {
		return h
	}
	h.behindStamp(after[1:], len(line))
	return h
}

// behindStamp reads host and tag.
func (h *head) behindStamp(rest []byte, length int) {
	h.text = length - len(rest)
	if bytes.HasPrefix(rest, kernelTag) {
		h.by, h.text = kernel, h.text+len(kernelTag)
		return
	}
	host, after := cutHost(rest)
	if after == nil {
		return
	}
	if isFacility(host) { // OpenWrt: no host, but "kern.warn"
		after, host = rest, nil
	}
	h.host = host
	if i := bytes.IndexByte(after, ' '); i > 0 && isFacility(after[:i]) { // busybox
		after = after[i+1:]
	}
	h.text = length - len(after)
	if bytes.HasPrefix(after, kernelTag) {
		h.by, h.text = kernel, h.text+len(kernelTag)
		return
	}
	if i := bytes.IndexByte(after, ' '); i > 1 && after[i-1] == ':' && after[0] != '[' {
		h.by = another
	}
}

// cutHost takes a name of a host and the space behind it; rest is nil where
// there is none.
func cutHost(text []byte) (host, rest []byte) {
	i := 0
	for ; i < len(text) && i < 255 && text[i] != ' '; i++ {
		switch c := text[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '-', c == '_':
		case c == ':' && i+1 < len(text) && text[i+1] != ' ': // within an IPv6 address
		default:
			return nil, nil
		}
	}
	if i == 0 || i >= len(text) || text[i] != ' ' {
		return nil, nil
	}
	return text[:i], text[i+1:]
}

// isHost reports a name of a host, or an address.
func isHost(text []byte) bool {
	for _, c := range text {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '-' && c != '_' && c != ':' {
			return false
		}
	}
	return len(text) <= 255
}

// isFacility reports "kern.warn" and the like.
func isFacility(word []byte) bool {
	facility, level, ok := bytes.Cut(word, []byte{'.'})
	if !ok || !bytes.Equal(facility, []byte("kern")) && !bytes.Equal(facility, []byte("user")) {
		return false
	}
	for _, name := range [...]string{
		"debug", "info", "notice", "warn", "warning", "err", "crit", "alert", "emerg", "panic", "error",
	} {
		if string(level) == name {
			return true
		}
	}
	return false
}

// bracket reads "[12345.678901] " or "[Wed Nov 25 09:32:31 2026] ".
func bracket(text []byte, s *stamp) (rest []byte, ok bool) {
	inner := bytes.TrimLeft(text[1:min(len(text), 40)], " ")
	at := text[1:]
	at = at[len(text[1:min(len(text), 40)])-len(inner):]
	if rest, ok = secondsStamp(at, uptime, s); !ok {
		if rest, ok = ctimeStamp(at, s); !ok {
			return nil, false
		}
	}
	if len(rest) == 0 || rest[0] != ']' {
		s.kind = noStamp
		return nil, false
	}
	return bytes.TrimPrefix(rest[1:], []byte{' '}), true
}

// decoded reads what dmesg -x puts before the time: "kern  :warn  : [1.2] ".
func decoded(text []byte, s *stamp) (rest []byte, ok bool) {
	i := bytes.IndexByte(text[:min(len(text), 24)], '[')
	if i < 6 || bytes.Count(text[:i], []byte{':'}) != 2 {
		return nil, false
	}
	return bracket(text[i:], s)
}

// weekdayStamp reads ctime's form, and journalctl's short-full with a zone that
// is UTC or else taken for the chosen one.
func weekdayStamp(text []byte, s *stamp) (rest []byte, ok bool) {
	if rest, ok = ctimeStamp(text, s); ok {
		return rest, true
	}
	if len(text) < 24 || text[3] != ' ' || !isWeekday(text) {
		return nil, false
	}
	if rest, ok = isoStamp(text[4:], s); !ok || len(rest) < 2 || rest[0] != ' ' {
		return nil, false
	}
	end := bytes.IndexByte(rest[1:], ' ')
	if end < 0 {
		return nil, false
	}
	if string(rest[1:1+end]) == "UTC" && s.kind == localTime {
		s.kind, s.ns = absolute, s.ns+unixOf(s)*1e9
	}
	return rest[1+end:], true
}

// kmsgHead reads "6,1234,5678901,-;".
func kmsgHead(text []byte, length int, h *head) bool {
	priority, rest, ok := number(text, 1<<20)
	if !ok || len(rest) == 0 || rest[0] != ',' {
		return false
	}
	if _, rest, ok = number(rest[1:], 9e17); !ok || len(rest) == 0 || rest[0] != ',' {
		return false
	}
	usec, rest, ok := number(rest[1:], maxSeconds*1e6)
	if !ok || len(rest) == 0 || rest[0] != ',' {
		return false
	}
	end := bytes.IndexByte(rest[:min(len(rest), 128)], ';')
	if end < 0 {
		return false
	}
	h.stamp = stamp{kind: uptime, ns: usec * 1000}
	h.by, h.quoted, h.sure = kernel, true, true
	if priority>>3 != 0 {
		h.by = another
	}
	h.text = length - len(rest) + end + 1
	return true
}

// rfc5424 reads what follows "<4>1 ": time, host, program, process, message id
// and structured data.
func rfc5424(rest []byte, length int, h *head) bool {
	after, ok := isoStamp(rest, &h.stamp)
	if !ok {
		if after, ok = bytes.CutPrefix(rest, []byte{'-'}); !ok {
			return false
		}
	}
	var fields [4][]byte // host, program, process, message id
	for i := range fields {
		if len(after) == 0 || after[0] != ' ' {
			return false
		}
		after = after[1:]
		end := bytes.IndexByte(after, ' ')
		if end <= 0 || end > 255 {
			return false
		}
		fields[i], after = after[:end], after[end:]
	}
	if after, ok = structured(after[1:]); !ok {
		return false
	}
	if string(fields[0]) != "-" {
		h.host = fields[0]
	}
	h.sure = true
	if h.by = another; string(fields[1]) == "kernel" {
		h.by = kernel
	}
	after = bytes.TrimPrefix(bytes.TrimPrefix(after, []byte{' '}), []byte("\xef\xbb\xbf"))
	h.text = length - len(after)
	return true
}

// structured steps over RFC 5424's structured data.
func structured(text []byte) (rest []byte, ok bool) {
	if len(text) > 0 && text[0] == '-' {
		return text[1:], true
	}
	for len(text) > 0 && text[0] == '[' {
		quoted, end := false, -1
		for i := 1; i < len(text) && end < 0; i++ {
			switch {
			case quoted && text[i] == '\\':
				i++
			case text[i] == '"':
				quoted = !quoted
			case text[i] == ']' && !quoted:
				end = i
			}
		}
		if end < 0 {
			return nil, false
		}
		text, ok = text[end+1:], true
	}
	return text, ok
}
