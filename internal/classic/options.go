package classic

import (
	"strings"
	"unicode/utf8"
)

// The kernel's limits for a prefix, in bytes: a longer one never reaches a log.
const (
	MaxPrefixIPTables = 29  // struct xt_log_info, less the final zero
	MaxPrefixNFTables = 127 // NF_LOG_PREFIXLEN, less the final zero
)

// LevelWarning is the syslog severity that iptables and nft use where a rule
// names none.
const LevelWarning = 4

// Options are those of the LOG target. The zero value prints what a bare
// `-j LOG` prints.
type Options struct {
	Prefix string // stands before "IN=", with no space added
	Level  int    // syslog severity, 0 to 7; not part of the line, see AppendPriority

	TCPSequence bool // --log-tcp-sequence: SEQ= and ACK=
	TCPOptions  bool // --log-tcp-options: OPT (…) after URGP=
	IPOptions   bool // --log-ip-options: OPT (…) before PROTO=
	UID         bool // --log-uid: UID= and GID= of the sending socket
	MACDecode   bool // --log-macdecode: MACSRC= MACDST= MACPROTO= for MAC=

	// BeforeAE prints the reserved bits as kernels did before they knew the AE
	// flag of accurate ECN: as the lowest of four bits in RES=, not as a word.
	BeforeAE bool
}

// CleanPrefix returns the prefix with control characters and invalid UTF-8
// written as \xNN, so that no prefix can forge a line, cut to limit bytes without
// splitting a character.
func CleanPrefix(prefix string, limit int) string {
	if !isClean(prefix) {
		prefix = string(appendClean(nil, prefix))
	}
	if len(prefix) <= limit {
		return prefix
	}
	cut := limit
	for cut > 0 && !utf8.RuneStart(prefix[cut]) {
		cut--
	}
	return strings.Clone(prefix[:cut])
}

// isClean reports whether appendClean would change nothing.
func isClean(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < 0x20 || c == 0x7f || c >= 0x80 {
			return false
		}
	}
	return true
}

// appendClean appends text with whatever could act on a terminal or break a
// line escaped, in the form that /dev/kmsg uses.
func appendClean(b []byte, text string) []byte {
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		if r == utf8.RuneError && size == 1 || r < 0x20 || 0x7f <= r && r < 0xa0 {
			for i := range size {
				b = append(b, '\\', 'x', hexLower[text[i]>>4], hexLower[text[i]&15])
			}
		} else {
			b = append(b, text[:size]...)
		}
		text = text[size:]
	}
	return b
}
