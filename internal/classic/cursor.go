package classic

import (
	"bytes"
	"encoding/hex"
	"net/netip"
)

// cursor reads tags in the kernel's order and keeps the first failure, after
// which every step does nothing.
type cursor struct {
	line   []byte
	at     int
	failed error
}

func (c *cursor) rest() []byte { return c.line[c.at:] }

func (c *cursor) done() bool { return len(bytes.TrimRight(c.rest(), " \r\n")) == 0 }

func (c *cursor) fail(want string) {
	if c.failed == nil {
		c.failed = &ParseError{Want: want, Offset: c.at}
	}
}

// has reports whether the tag stands next.
func (c *cursor) has(tag string) bool {
	rest := c.rest()
	return c.failed == nil && len(rest) >= len(tag) && rest[0] == tag[0] && string(rest[:len(tag)]) == tag
}

// text steps over a text of fixed form.
func (c *cursor) text(text string) bool {
	if !c.has(text) {
		return false
	}
	c.at += len(text)
	return true
}

// word steps over a word and the space behind it.
func (c *cursor) word(word string) bool {
	rest := c.rest()
	if !c.has(word) || len(rest) > len(word) && rest[len(word)] != ' ' {
		return false
	}
	c.at += min(len(word)+1, len(rest))
	return true
}

// token steps over a tag and returns what stands behind it up to a space. The
// last space of a line may be missing: some syslog daemons trim it.
func (c *cursor) token(tag string) []byte {
	if c.failed != nil {
		return nil
	}
	if !c.text(tag) {
		c.fail(tag)
		return nil
	}
	rest := c.rest()
	for end, b := range rest { // a few bytes
		if b == ' ' || b == '\r' || b == '\n' {
			c.at += end + 1
			return rest[:end]
		}
	}
	c.at += len(rest)
	return rest
}

func (c *cursor) name(tag string) string {
	text := c.token(tag)
	if len(text) > 0 && !isDeviceName(text) {
		c.fail(tag)
	}
	name := string(text)
	if !isClean(name) {
		name = string(appendClean(nil, name))
	}
	return name
}

func (c *cursor) decimal(tag string, bits int) uint64 { return c.number(tag, 10, bits) }

func (c *cursor) hex(tag string, bits int) uint64 { return c.number(tag, 16, bits) }

func (c *cursor) number(tag string, base uint64, bits int) uint64 {
	from := c.at
	digits := c.token(tag)
	v, ok := uint64(0), len(digits) > 0
	for _, b := range digits {
		d := digitOf[b]
		if v = v*base + uint64(d); uint64(d) >= base || v>>bits != 0 {
			ok = false
			break
		}
	}
	if !ok && c.failed == nil {
		c.at = from
		c.fail(tag)
	}
	return v
}

// digitOf is the value of a digit, and 255 of any other byte.
var digitOf = func() (table [256]uint8) {
	for i := range table {
		switch b := byte(i); {
		case '0' <= b && b <= '9':
			table[i] = b - '0'
		case 'a' <= b && b <= 'f':
			table[i] = b - 'a' + 10
		case 'A' <= b && b <= 'F':
			table[i] = b - 'A' + 10
		default:
			table[i] = 255
		}
	}
	return table
}()

func (c *cursor) ip(tag string) netip.Addr {
	from := c.at
	ip, err := netip.ParseAddr(string(c.token(tag)))
	if (err != nil || ip.Zone() != "") && c.failed == nil {
		c.at = from
		c.fail(tag)
	}
	return ip
}

// macBytes reads colon-separated pairs of digits, which may be none.
func (c *cursor) macBytes(tag string) []byte {
	from := c.at
	text := c.token(tag)
	b := make([]byte, 0, etherHeader)
	for i := 0; i < len(text) && c.failed == nil; i += 3 {
		if i+2 > len(text) || digitOf[text[i]] > 15 || digitOf[text[i+1]] > 15 ||
			i+2 < len(text) && (text[i+2] != ':' || i+3 == len(text)) {
			c.at = from
			c.fail(tag)
			break
		}
		b = append(b, digitOf[text[i]]<<4|digitOf[text[i+1]])
	}
	return b
}

// options reads "OPT (hex) ".
func (c *cursor) options() []byte {
	from := c.at
	text := c.token("OPT (")
	if b, closed := bytes.CutSuffix(text, []byte{')'}); closed && len(b) <= 2*40 {
		if v, err := hex.DecodeString(string(b)); err == nil {
			return v
		}
	}
	if c.failed == nil {
		c.at = from
		c.fail("OPT (")
	}
	return nil
}
