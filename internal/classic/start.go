package classic

import "bytes"

// maxDeviceName is IFNAMSIZ less the final zero.
const maxDeviceName = 15

// maxStart bounds what is looked at to tell a start: two tags with names of
// which every byte is written as \xNN, and the tag that follows.
const maxStart = 2*(4*maxDeviceName+5) + 8

// findStart returns where the last plausible LOG text begins, or -1.
func findStart(line []byte) int {
	// Nearly every line has the tag once.
	if i := bytes.Index(line, []byte("IN=")); i < 0 || !bytes.Contains(line[i+3:], []byte("IN=")) {
		if i >= 0 && isStart(line[i:]) {
			return i
		}
		return -1
	}
	for end := len(line); ; {
		i := bytes.LastIndex(line[:end], []byte("IN="))
		if i < 0 {
			return -1
		}
		if isStart(line[i:]) {
			return earlierSame(line, i)
		}
		end = i + 2 // "IN=" starts do not overlap
	}
}

// earlierSame returns the first start whose device name contains the start at
// i, else i.
func earlierSame(line []byte, i int) int {
	for from := max(0, i-maxDeviceName-3); from < i; from++ {
		if bytes.HasPrefix(line[from:], []byte("IN=")) && isStart(line[from:]) &&
			from+3+bytes.IndexByte(line[from+3:], ' ') > i {
			return from
		}
	}
	return i
}

// isStart reports whether text reads "IN=name OUT=name " and then something
// that the kernel writes next.
func isStart(text []byte) bool {
	text = text[:min(len(text), maxStart)]
	rest, ok := cutName(text, "IN=")
	if !ok {
		return false
	}
	if rest, ok = cutName(rest, "OUT="); !ok {
		return false
	}
	for _, next := range [...]string{"SRC=", "MAC=", "MACSRC=", "PHYSIN=", "PHYSOUT="} {
		if bytes.HasPrefix(rest, []byte(next)) {
			return true
		}
	}
	return false
}

func cutName(text []byte, tag string) (rest []byte, ok bool) {
	text, ok = bytes.CutPrefix(text, []byte(tag))
	if !ok {
		return nil, false
	}
	name, rest, ok := bytes.Cut(text, []byte{' '})
	return rest, ok && (len(name) == 0 || isDeviceName(name))
}

// isDeviceName is dev_valid_name of net/core/dev.c: no slash, colon or space.
// A name may be longer here, as each odd byte can be written as \xNN.
func isDeviceName(name []byte) bool {
	if len(name) > 4*maxDeviceName || len(name) > maxDeviceName && !bytes.Contains(name, []byte(`\x`)) {
		return false
	}
	for _, c := range name {
		if c == '/' || c == ':' || c <= ' ' || c == 0x7f {
			return false
		}
	}
	return true
}

// skipHead returns where the prefix begins in what stands before "IN=": after
// a priority "<4>" or a record head of /dev/kmsg, after the head of a syslog
// daemon, which ends in "kernel: ", and after printk's own time stamp.
func skipHead(head []byte) int {
	at := 0
	if i := bytes.Index(head, []byte("kernel: ")); i >= 0 {
		at = i + len("kernel: ")
	} else if i := bytes.IndexByte(head, ';'); i > 0 && isKmsgHead(head[:i]) {
		at = i + 1
	} else if i := bytes.IndexByte(head, '>'); i > 1 && i < 5 && head[0] == '<' && isDigits(head[1:i]) {
		at = i + 1
	}
	return at + skipStamp(head[at:])
}

// skipStamp returns the length of "[  679.718123] ", or 0.
func skipStamp(text []byte) int {
	end := bytes.Index(text, []byte("] "))
	if end < 0 || text[0] != '[' {
		return 0
	}
	seconds, fraction, ok := bytes.Cut(bytes.TrimLeft(text[1:end], " "), []byte{'.'})
	if !ok || !isDigits(seconds) || !isDigits(fraction) {
		return 0
	}
	return end + 2
}

// isKmsgHead reports "6,1234,5678901,-" with any further fields.
func isKmsgHead(text []byte) bool {
	fields := bytes.Split(text, []byte{','})
	return len(fields) >= 4 && isDigits(fields[0]) && isDigits(fields[1]) && isDigits(fields[2])
}

func isDigits(text []byte) bool {
	for _, c := range text {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(text) > 0
}
