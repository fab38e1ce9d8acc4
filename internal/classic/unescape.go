package classic

import (
	"bytes"
	"strconv"
)

// Unescape undoes, in place, the \xNN that the kernel writes for what is not
// printable ASCII (msg_add_ext_body of printk.c).
func Unescape(text []byte) []byte {
	if !bytes.Contains(text, []byte(`\x`)) {
		return text
	}
	out := text[:0]
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+3 < len(text) && text[i+1] == 'x' {
			if v, err := strconv.ParseUint(string(text[i+2:i+4]), 16, 8); err == nil {
				out = append(out, byte(v))
				i += 3
				continue
			}
		}
		out = append(out, text[i])
	}
	return out
}
