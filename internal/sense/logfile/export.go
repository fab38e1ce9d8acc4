package logfile

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

// message is what may be of the LOG target, with its head.
type message struct {
	line   []byte
	head   head
	boot   []byte // journald's word for the boot
	number uint64 // of its line in the file
	json   bool   // line is a JSON object, not looked into yet
}

// isExport reports whether a file begins as journald's export format
// (https://systemd.io/JOURNAL_EXPORT_FORMATS): "NAME=value".
func isExport(sample []byte) bool {
	line, _, _ := bytes.Cut(sample, []byte{'\n'})
	name, _, ok := bytes.Cut(line, []byte{'='})
	return ok && isFieldName(name) && (bytes.HasPrefix(name, []byte("__")) || bytes.HasPrefix(name, []byte("_BOOT")))
}

// isFieldName reports upper-case letters, digits and low lines.
func isFieldName(name []byte) bool {
	for _, c := range name {
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return len(name) > 0 && len(name) <= 64
}

// exported reads journald's export format.
type exported struct {
	lines   *lines
	file    *file
	entries uint64
	begun   uint64 // the line at which the entry begins
	empty   bool   // nothing of an entry was read
	// What is kept of the entry at hand.
	message, host, boot, transport, realtime []byte
}

// maxField bounds the fields that are looked at.
const maxField = 8 << 10

// next reads entries up to one that may be of the LOG target. At the end it
// returns io.EOF; a stream that ends within a field ends with
// io.ErrUnexpectedEOF.
func (e *exported) next(m *message) error {
	e.clear()
	for {
		line, err := e.lines.next()
		if err != nil && !e.empty && isEnd(err) {
			err = nil // the stream may end without the empty line
			line = nil
		}
		if err != nil {
			return err
		}
		if len(line) == 0 {
			if found := e.finish(m); found {
				return nil
			}
			e.clear()
			continue
		}
		if e.empty {
			e.empty, e.begun = false, e.lines.number
		}
		if err := e.field(line); err != nil {
			return err
		}
	}
}

func (e *exported) clear() {
	e.empty = true
	e.message, e.host, e.boot, e.transport, e.realtime = e.message[:0], e.host[:0], e.boot[:0], e.transport[:0], e.realtime[:0]
}

// finish ends an entry and reports whether it may be of the LOG target.
func (e *exported) finish(m *message) bool {
	if e.empty {
		return false
	}
	e.entries++
	if !isCandidate(e.message) {
		if e.file != nil {
			e.file.missed += missed(e.message)
		}
		return false
	}
	m.line, m.boot, m.number, m.json = e.message, e.boot, e.begun, false
	m.head = head{stamp: microseconds(e.realtime), host: e.host, by: another, sure: true}
	if string(e.transport) == "kernel" {
		m.head.by = kernel
	}
	return true
}

// field takes "NAME=value", or "NAME" with eight bytes of length, the value and a
// newline behind it.
func (e *exported) field(line []byte) error {
	name, value, ok := bytes.Cut(line, []byte{'='})
	if ok {
		e.keep(name, value)
		return nil
	}
	if !isFieldName(name) {
		return fmt.Errorf("line %d is no field of journald's export format", e.lines.number)
	}
	into := e.place(name)
	size, err := e.lines.exact(8)
	if err != nil {
		return unexpected(err)
	}
	length := binary.LittleEndian.Uint64(size)
	if length > maxField || into == nil {
		if length > 1<<40 {
			return fmt.Errorf("line %d: a field of %d bytes", e.lines.number, length)
		}
		return unexpected(e.lines.skip(length + 1))
	}
	data, err := e.lines.exact(int(length) + 1)
	if err != nil {
		return unexpected(err)
	}
	*into = append((*into)[:0], data[:length]...)
	return nil
}

func (e *exported) keep(name, value []byte) {
	if into := e.place(name); into != nil && len(value) <= maxField {
		*into = append((*into)[:0], value...)
	}
}

// place is where a field is kept; nil: it is not.
func (e *exported) place(name []byte) *[]byte {
	switch string(name) {
	case "MESSAGE":
		return &e.message
	case "_HOSTNAME":
		return &e.host
	case "_BOOT_ID":
		return &e.boot
	case "_TRANSPORT":
		return &e.transport
	case "__REALTIME_TIMESTAMP":
		return &e.realtime
	}
	return nil
}

// unexpected says of an end within something that it was none.
func unexpected(err error) error {
	if isEnd(err) {
		return io.ErrUnexpectedEOF
	}
	return err
}
