package logfile

import (
	"bytes"

	"github.com/rstwatch/rstwatch/internal/classic"
)

const (
	// maxPieces bounds the messages that are looked for in one window.
	maxPieces = 64
	// window is how far a start is looked for: as far as classic looks.
	window = 8 << 10
)

// piece is one message, with the head that stands before it.
type piece struct {
	line []byte
	head head
}

// pieces cuts a line where a newline was lost and another line's head begins
// within it. It gives them in their order.
//
// A prefix may contain what looks like a head. So a head counts where it stands
// further behind the line's own than any prefix is long; else where what stands
// before it is the beginning of a message, and it names the same host.
func pieces(line []byte, h head, into []piece) []piece {
	into = into[:0]
	rest := line
	for range maxPieces - 1 {
		start := classic.Find(rest)
		if start < 0 {
			break
		}
		at := inner(rest, h.text, start)
		if at < 0 {
			break
		}
		second := parseHead(rest[at:])
		if start-h.text <= classic.MaxPrefixNFTables &&
			(!bytes.Contains(rest[h.text:at], []byte("IN=")) || !bytes.Equal(h.host, second.host)) {
			break
		}
		into = append(into, piece{rest[at:], second})
		rest = rest[:at]
	}
	into = append(into, piece{rest, h})
	for i, j := 0, len(into)-1; i < j; i, j = i+1, j-1 {
		into[i], into[j] = into[j], into[i]
	}
	return into
}

// cutWindow cuts a line that is longer than a window where the last head begins
// within that; rest is nil at the end. What has no head for the length of a window
// is no log: whole says that nothing was left out.
func cutWindow(line []byte) (part, rest []byte, whole bool) {
	if len(line) <= window {
		return line, nil, true
	}
	at := inner(line, 1, window)
	if at < 0 {
		return line[:window], nil, false
	}
	return line[:at], line[at:], true
}

// inner returns where the last head of a syslog daemon begins between two
// places, or -1.
func inner(line []byte, from, to int) int {
	if to-from < len("Jan  1 00:00:00 h kernel: ") {
		return -1
	}
	region := line[:to]
	if i := bytes.LastIndex(region[from:], []byte(" kernel: ")); i >= 0 {
		if at := headBefore(region, from, from+i); at >= 0 {
			return at
		}
	}
	if i := bytes.LastIndex(region[from:], []byte(" kernel - ")); i >= 0 {
		if at := headBefore(region, from, from+i); at >= from+4 && bytes.HasSuffix(region[:at], []byte(">1 ")) {
			if p := bytes.LastIndexByte(region[:at-3], '<'); p >= from && at-p < 9 {
				return p
			}
		}
	}
	return -1
}

// headBefore returns where the time and host begin that end at a place.
func headBefore(line []byte, from, end int) int {
	host := bytes.LastIndexByte(line[from:end], ' ')
	if host < 15 || end-from-host > 256 {
		return -1
	}
	last := from + host // the space between time and host
	var s stamp
	if at := last - 15; at >= from {
		if rest, ok := bsdStamp(line[at:last], &s); ok && len(rest) == 0 {
			return at
		}
	}
	for at := last - 19; at >= max(from, last-36); at-- {
		if rest, ok := isoStamp(line[at:last], &s); ok && len(rest) == 0 {
			return at
		}
	}
	return -1
}
