package logfile

import (
	"bytes"
	"encoding/json"
)

// takeJSON reads a line of journald's or ulogd's JSON.
func (s *series) takeJSON(m *message) {
	if bytes.Contains(m.line, wordRST) {
		s.takeUlog(m)
		return
	}
	var j journalLine
	if err := json.Unmarshal(m.line, &j); err != nil {
		s.reader.counts.torn(s.current.input.Name, m.number, "no whole JSON object")
		return
	}
	if !isCandidate(j.Message) || len(j.Message) > maxField {
		return
	}
	m.boot, m.line = j.Boot, j.Message
	m.head = head{stamp: microseconds(j.Realtime), host: j.Host, by: another, sure: true}
	// Without the transport, as --output-fields leaves it, the program's name tells.
	if string(j.Transport) == "kernel" || len(j.Transport) == 0 && (len(j.Program) == 0 || string(j.Program) == "kernel") {
		m.head.by = kernel
	}
	s.takeText(m)
}

func (s *series) takeUlog(m *message) {
	counts := &s.reader.counts
	it := s.push()
	at, isReset, ok := ulog(m.line, &it.sighting)
	switch {
	case !ok:
		counts.torn(s.current.input.Name, m.number, "no whole JSON object of a packet")
	case !isReset:
		counts.Others++
	default:
		it.sighting.Time = s.current.times.at(&at)
		m.boot = nil
		s.finish(it, m, nil, m.line)
		return
	}
	s.queue = s.queue[:len(s.queue)-1]
}

func cut(text []byte, word string) (before, after []byte, ok bool) {
	return bytes.Cut(text, []byte(word))
}
