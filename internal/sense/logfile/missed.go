package logfile

import "bytes"

// Of these words one is in every line that says how many messages are missing.
// Their first letters are rare, which makes them quick to look for.
var (
	wordMissed = []byte("Missed ")
	wordStars  = []byte("** ")
)

// missed reads how many messages of the kernel a log says are missing; 0: the
// line says nothing of that. The words are those of
//
//	systemd-journald: Missed 42 kernel messages
//	kernel: ** 42 printk messages dropped **
func missed(line []byte) uint64 {
	before, after, ok := cut(line, "messages")
	if !ok {
		return 0
	}
	switch {
	case bytes.HasSuffix(before, []byte(" kernel ")):
		before = bytes.TrimSuffix(before, []byte("kernel "))
		if at := bytes.LastIndex(before, []byte("Missed ")); at < 0 || bytes.Count(before[at:], []byte{' '}) != 2 {
			return 0
		}
	case bytes.HasSuffix(before, []byte(" printk ")) && bytes.HasPrefix(after, []byte(" dropped")):
		before = bytes.TrimSuffix(before, []byte("printk "))
	default:
		return 0
	}
	words := bytes.Fields(before)
	if len(words) == 0 {
		return 0
	}
	n, rest, ok := number(words[len(words)-1], 1<<31)
	if !ok || len(rest) > 0 {
		return 0
	}
	return uint64(n)
}
