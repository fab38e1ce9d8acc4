package capture

import (
	"bytes"
	"fmt"
	"math"
	"math/bits"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// Block types of pcapng (draft-ietf-opsawg-pcapng, 4) and the options that are
// read here.
const (
	blockSection   = 0x0a0d0d0a
	blockInterface = 1
	blockObsolete  = 2
	blockSimple    = 3
	blockEnhanced  = 6

	sectionOrder = 0x1a2b3c4d

	optionName       = 2 // of an interface
	optionResolution = 9
	optionOffset     = 14
	optionFlags      = 2 // of a packet

	blockMinimum = 12
	maxDevices   = 4096 // of a section
	maxName      = 64
)

// pcapngFile reads the blocks of a pcapng file.
type pcapngFile struct {
	window  *window
	order   order
	devices []*device // of the section
	number  uint64
}

func newPcapngFile(w *window) *pcapngFile {
	return &pcapngFile{window: w}
}

func (f *pcapngFile) next(into *frame) error {
	for {
		kind, body, err := f.block()
		if err != nil {
			return err
		}
		found := false
		switch kind {
		case blockSection:
			f.devices = nil
		case blockInterface:
			err = f.addDevice(body)
		case blockEnhanced:
			found, err = f.enhanced(body, into)
		case blockSimple:
			found, err = f.simple(body, into)
		case blockObsolete:
			found, err = f.obsolete(body, into)
		}
		if err != nil || found {
			return err
		}
	}
}

// block reads the next block and returns what lies between its two lengths.
func (f *pcapngFile) block() (kind uint32, body []byte, err error) {
	w := f.window
	head := w.peek(blockMinimum)
	if len(head) < blockMinimum {
		return 0, nil, ended(w)
	}
	// A section's type reads the same in both orders, and says in which the rest is.
	if kind = f.order.u32(head[0:4]); kind == blockSection {
		switch uint32(sectionOrder) {
		case littleEndian.u32(head[8:12]):
			f.order = littleEndian
		case bigEndian.u32(head[8:12]):
			f.order = bigEndian
		default:
			return 0, nil, f.damage("a section whose byte order cannot be told")
		}
	}
	length := f.order.u32(head[4:8])
	if length < blockMinimum || length > maxBlock || length%4 != 0 {
		return 0, nil, f.damage(fmt.Sprintf("a block of %d bytes", length))
	}
	whole := w.peek(int(length))
	if len(whole) < int(length) {
		return 0, nil, ended(w)
	}
	if again := f.order.u32(whole[length-4:]); again != length {
		return 0, nil, f.damage(fmt.Sprintf("a block of %d bytes that ends as one of %d", length, again))
	}
	w.skip(int(length))
	return kind, whole[8 : length-4], nil
}

func (f *pcapngFile) damage(reason string) error { return &DamageError{f.window.offset, reason} }

// addDevice reads an interface description block.
func (f *pcapngFile) addDevice(body []byte) error {
	if len(body) < 8 {
		return f.damage("an interface description without its fields")
	}
	if len(f.devices) >= maxDevices {
		return f.damage(fmt.Sprintf("a section with more than %d interfaces", maxDevices))
	}
	d := &device{
		link: uint32(f.order.u16(body[0:2])), snap: f.order.u32(body[4:8]), perSecond: 1e6,
	}
	options := body[8:]
	if name, found := option(options, f.order, optionName); found {
		d.name = string(name[:min(len(name), maxName)])
	}
	if resolution, found := option(options, f.order, optionResolution); found && len(resolution) > 0 {
		if err := d.setResolution(resolution[0]); err != nil {
			return f.damage(err.Error())
		}
	}
	if offset, found := option(options, f.order, optionOffset); found && len(offset) >= 8 {
		d.offset = int64(f.order.u64(offset))
	}
	d.place = placeOf(d.name, d.link, len(f.devices))
	f.devices = append(f.devices, d)
	return nil
}

// setResolution takes the unit of time stamps: a negative power of ten or, with
// the upper bit, of two.
func (d *device) setResolution(v uint8) error {
	power := v & 0x7f
	if v&0x80 != 0 {
		if power > 63 {
			return fmt.Errorf("time in units of 2^-%d seconds", power)
		}
		d.binary, d.perSecond = power, 1<<power
		return nil
	}
	if power > 19 {
		return fmt.Errorf("time in units of 10^-%d seconds", power)
	}
	d.perSecond = 1
	for range power {
		d.perSecond *= 10
	}
	return nil
}

// nanoseconds turns a time stamp into nanoseconds since 1970; 0 where 64 bits
// cannot say it.
func (d *device) nanoseconds(stamp uint64) int64 {
	if d.perSecond == 1e6 && d.offset == 0 && stamp < math.MaxInt64/1000 {
		return int64(stamp * 1000)
	}
	seconds, rest := stamp/d.perSecond, stamp%d.perSecond
	high, low := bits.Mul64(rest, 1_000_000_000)
	fraction, _ := bits.Div64(high, low, d.perSecond) // rest < perSecond: it fits
	const most = math.MaxInt64 / 1_000_000_000
	if seconds > most || d.offset > most || d.offset < -most {
		return 0
	}
	if total := int64(seconds) + d.offset; total >= 0 && total < most {
		return total*1e9 + int64(fraction)
	}
	return 0
}

func (f *pcapngFile) device(index uint32) (*device, error) {
	if int64(index) >= int64(len(f.devices)) {
		return nil, f.damage(fmt.Sprintf("a packet of interface %d, of which nothing was said", index))
	}
	return f.devices[index], nil
}

func (f *pcapngFile) enhanced(body []byte, into *frame) (bool, error) {
	if len(body) < 20 {
		return false, f.damage("a packet block without its fields")
	}
	d, err := f.device(f.order.u32(body[0:4]))
	if err != nil {
		return false, err
	}
	stamp := uint64(f.order.u32(body[4:8]))<<32 | uint64(f.order.u32(body[8:12]))
	return f.packet(into, d, d.nanoseconds(stamp), body[20:], f.order.u32(body[12:16]), f.order.u32(body[16:20]))
}

func (f *pcapngFile) obsolete(body []byte, into *frame) (bool, error) {
	if len(body) < 20 {
		return false, f.damage("a packet block without its fields")
	}
	d, err := f.device(uint32(f.order.u16(body[0:2])))
	if err != nil {
		return false, err
	}
	stamp := uint64(f.order.u32(body[4:8]))<<32 | uint64(f.order.u32(body[8:12]))
	return f.packet(into, d, d.nanoseconds(stamp), body[20:], f.order.u32(body[12:16]), f.order.u32(body[16:20]))
}

// simple reads a block that says neither when nor how much was captured: that
// is the smaller of the packet's and the interface's length.
func (f *pcapngFile) simple(body []byte, into *frame) (bool, error) {
	if len(body) < 4 {
		return false, f.damage("a packet block without its fields")
	}
	d, err := f.device(0)
	if err != nil {
		return false, err
	}
	whole := f.order.u32(body[0:4])
	captured := min(whole, uint32(len(body)-4))
	if d.snap != 0 {
		captured = min(captured, d.snap)
	}
	return f.packet(into, d, 0, body[4:], captured, whole)
}

func (f *pcapngFile) packet(into *frame, d *device, at int64, body []byte, captured, whole uint32) (bool, error) {
	if int64(captured) > int64(len(body)) {
		return false, f.damage(fmt.Sprintf("a packet of %d bytes in a block with room for %d", captured, len(body)))
	}
	f.number++
	into.at, into.device, into.number = at, d, f.number
	into.data, into.whole = body[:captured], int(max(whole, captured))
	into.options, into.swapped = body[min(int(captured+3)&^3, len(body)):], bool(f.order)
	return true, nil
}

// option finds an option by its code; a list that is damaged ends there.
// record is the record that a file bears of a packet, as JSON; nil if it has none.
func (f *frame) record() []byte {
	const comment, mark = 1, reset.CommentMark
	o, list := order(f.swapped), f.options
	for len(list) >= 4 {
		code, length := o.u16(list[0:2]), int(o.u16(list[2:4]))
		if code == 0 || 4+length > len(list) {
			return nil
		}
		if value := list[4 : 4+length]; code == comment && bytes.HasPrefix(value, []byte(mark)) {
			return value[len(mark):]
		}
		list = list[min(4+(length+3)&^3, len(list)):]
	}
	return nil
}

func option(list []byte, o order, code uint16) (value []byte, found bool) {
	for len(list) >= 4 {
		have, length := o.u16(list[0:2]), int(o.u16(list[2:4]))
		if have == 0 || 4+length > len(list) {
			return nil, false
		}
		if have == code {
			return list[4 : 4+length], true
		}
		list = list[min(4+(length+3)&^3, len(list)):]
	}
	return nil, false
}
