package capture

import (
	"encoding/binary"
	"fmt"
	"io"
)

// The first four bytes of a pcap file as its writer's processor wrote them.
const (
	magicMicro     = 0xa1b2c3d4
	magicNano      = 0xa1b23c4d
	magicKuznetzov = 0xa1b2cd34 // with a longer header before each packet

	pcapHeader      = 24
	pcapRecord      = 16
	kuznetzovRecord = 24
)

// pcapFile reads the file format of libpcap.
type pcapFile struct {
	window *window
	order  order
	record int    // bytes of the header before each packet
	scale  uint32 // nanoseconds in a unit of the fraction
	device device
	number uint64
}

// pcapMagic says whether a file begins as pcap, and how it is to be read.
func pcapMagic(begin []byte) (o order, record int, scale uint32, ok bool) {
	for _, o := range []order{littleEndian, bigEndian} {
		switch o.u32(begin) {
		case magicMicro:
			return o, pcapRecord, 1000, true
		case magicNano:
			return o, pcapRecord, 1, true
		case magicKuznetzov:
			return o, kuznetzovRecord, 1000, true
		}
	}
	return littleEndian, 0, 0, false
}

func newPcapFile(w *window) (*pcapFile, error) {
	header := w.peek(pcapHeader)
	if len(header) < pcapHeader {
		return nil, &FormatError{Reason: fmt.Sprintf("a pcap file's header has %d bytes, and this one ends after %d", pcapHeader, len(header))}
	}
	f := &pcapFile{window: w}
	f.order, f.record, f.scale, _ = pcapMagic(header)
	if major := f.order.u16(header[4:6]); major != 2 {
		return nil, &FormatError{Reason: fmt.Sprintf("pcap of version %d.%d: only version 2 is known", major, f.order.u16(header[6:8]))}
	}
	// The upper half says how long the checksum at the end of a frame is.
	f.device = device{link: f.order.u32(header[20:24]) & 0xffff, snap: f.order.u32(header[16:20])}
	f.device.place = placeOf("", f.device.link, 0)
	w.skip(pcapHeader)
	return f, nil
}

func (f *pcapFile) next(into *frame) error {
	w := f.window
	header := w.peek(f.record)
	if len(header) < f.record {
		return ended(w)
	}
	seconds, fraction := f.order.u32(header[0:4]), f.order.u32(header[4:8])
	captured, whole := f.order.u32(header[8:12]), f.order.u32(header[12:16])
	if captured > maxBlock || uint64(fraction)*uint64(f.scale) >= 1e10 {
		return &DamageError{w.offset, fmt.Sprintf("a packet of %d bytes with %d units of a second", captured, fraction)}
	}
	record := w.peek(f.record + int(captured))
	if len(record) < f.record+int(captured) {
		return ended(w)
	}
	f.number++
	into.at = int64(seconds)*1e9 + int64(fraction)*int64(f.scale)
	into.data = record[f.record:]
	into.whole = int(max(whole, captured))
	into.device, into.number, into.options = &f.device, f.number, nil
	w.skip(len(record))
	return nil
}

// ended tells a regular end from one in the middle.
func ended(w *window) error {
	if err := w.failure(); err != nil || w.left() > 0 {
		return &TornError{w.offset, int64(w.left()), err}
	}
	return io.EOF
}

// detect finds out which kind of file a stream is.
func detect(w *window) (format, error) {
	begin := w.peek(4)
	if len(begin) < 4 {
		if err := w.failure(); err != nil {
			return nil, err
		}
		if len(begin) == 0 {
			return nil, &FormatError{Reason: "no capture file: it is empty"}
		}
		return nil, &FormatError{Reason: errMagic.Error()}
	}
	if _, _, _, ok := pcapMagic(begin); ok {
		return newPcapFile(w)
	}
	if binary.BigEndian.Uint32(begin) == blockSection {
		return newPcapngFile(w), nil
	}
	return nil, &FormatError{Reason: errMagic.Error()}
}
