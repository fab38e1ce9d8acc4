package export

import (
	"encoding/binary"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// Block types and options of draft-ietf-opsawg-pcapng.
const (
	blockSection   = 0x0a0d0d0a
	blockInterface = 1
	blockEnhanced  = 6

	optionComment     = 1
	optionApplication = 4 // shb_userappl
	optionName        = 2 // if_name
	optionDescription = 3 // if_description
	optionResolution  = 9 // if_tsresol
	optionFlags       = 2 // epb_flags

	linkEthernet = 1
	linkRaw      = 101
)

// maxComment bounds a comment: an option's length has 16 bits.
const maxComment = 60000

// device is an interface that has its block.
type device struct {
	link        uint16
	name, netns string
}

// PCAPNG returns what writes a packet for the last revision of each reset, with
// what is said of it as a comment, and the heading of the section before the
// first. A record without the packet's bytes gets headers made of its fields.
func PCAPNG(version string) func([]byte, *reset.Entry) []byte {
	begun := false
	devices := map[device]uint32{}
	return func(b []byte, e *reset.Entry) []byte {
		if !begun {
			begun = true
			b = appendSection(b, version)
		}
		r := e.Reset
		if r == nil || !r.Final {
			return b
		}
		data, whole, link := packetOf(r)
		if data == nil {
			return b
		}
		d := device{link, r.Interface.In, netnsText(&r.Netns)}
		if d.name == "" {
			d.name = r.Interface.Out
		}
		number, known := devices[d]
		if !known {
			number = uint32(len(devices))
			devices[d] = number
			b = appendDevice(b, &d)
		}
		return appendPacket(b, r, number, data, whole)
	}
}

// block frames a body, which starts at an offset of b after its type and length.
func block(b []byte, kind uint32, body func([]byte) []byte) []byte {
	start := len(b)
	b = append(binary.LittleEndian.AppendUint32(b, kind), 0, 0, 0, 0)
	b = body(b)
	length := uint32(len(b) - start + 4)
	binary.LittleEndian.PutUint32(b[start+4:], length)
	return binary.LittleEndian.AppendUint32(b, length)
}

func option(b []byte, code uint16, value []byte) []byte {
	b = binary.LittleEndian.AppendUint16(b, code)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(value)))
	return pad(append(b, value...), len(value))
}

func pad(b []byte, length int) []byte {
	for ; length%4 != 0; length++ {
		b = append(b, 0)
	}
	return b
}

func endOptions(b []byte) []byte { return append(b, 0, 0, 0, 0) }

func appendSection(b []byte, version string) []byte {
	return block(b, blockSection, func(b []byte) []byte {
		b = binary.LittleEndian.AppendUint32(b, 0x1a2b3c4d)
		b = binary.LittleEndian.AppendUint16(b, 1)
		b = binary.LittleEndian.AppendUint16(b, 0)
		b = binary.LittleEndian.AppendUint64(b, ^uint64(0)) // how long the section is: not known
		return endOptions(option(b, optionApplication, []byte("rstwatch "+version)))
	})
}

func appendDevice(b []byte, d *device) []byte {
	const snap, nanoseconds = 262144, 9
	return block(b, blockInterface, func(b []byte) []byte {
		b = binary.LittleEndian.AppendUint16(b, d.link)
		b = binary.LittleEndian.AppendUint16(b, 0)
		b = binary.LittleEndian.AppendUint32(b, snap)
		if d.name != "" {
			b = option(b, optionName, []byte(d.name))
		}
		if d.netns != "" {
			b = option(b, optionDescription, []byte(d.netns))
		}
		return endOptions(option(b, optionResolution, []byte{nanoseconds}))
	})
}

func appendPacket(b []byte, r *reset.Reset, device uint32, data []byte, whole int) []byte {
	return block(b, blockEnhanced, func(b []byte) []byte {
		b = binary.LittleEndian.AppendUint32(b, device)
		b = binary.LittleEndian.AppendUint32(b, uint32(uint64(r.Time)>>32))
		b = binary.LittleEndian.AppendUint32(b, uint32(r.Time))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
		b = binary.LittleEndian.AppendUint32(b, uint32(max(whole, len(data))))
		b = pad(append(b, data...), len(data))
		b = option(b, optionComment, commentOf(r))
		if record := append([]byte(reset.CommentMark), reset.AppendJSON(nil, &reset.Entry{Reset: r})...); len(record) <= maxComment {
			b = option(b, optionComment, record)
		}
		if way := wayOf(r.Direction); way != 0 {
			b = option(b, optionFlags, binary.LittleEndian.AppendUint32(nil, way))
		}
		return endOptions(b)
	})
}

// commentOf is what people read: the sentence, and the words it is made of.
func commentOf(r *reset.Reset) []byte {
	text := r.Summary
	if text != "" {
		text += "\n"
	}
	text += "sender " + r.Sender.String() + level(r.Confidence.Sender) + ", cause " + r.Cause.String() + level(r.Confidence.Cause) +
		", harm " + r.Harm.String()
	if len(r.Packet.Raw) == 0 {
		text += "\nthe packet's bytes were not captured: its headers are made of the record"
	}
	return []byte(text[:min(len(text), maxComment)])
}

func level(l reset.Level) string {
	if text := l.String(); text != "" {
		return " (" + text + ")"
	}
	return ""
}

func wayOf(d reset.Direction) uint32 {
	switch d {
	case reset.In:
		return 1
	case reset.Out:
		return 2
	}
	return 0
}

func netnsText(n *reset.Netns) string {
	switch {
	case n.Name != "":
		return "network namespace " + n.Name
	case n.ID != 0:
		return "network namespace " + unsigned(n.ID)
	}
	return ""
}
