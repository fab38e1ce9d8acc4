package nflog

import (
	"encoding/binary"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
)

func attribute(b []byte, kind uint16, value ...byte) []byte {
	b = binary.NativeEndian.AppendUint16(b, uint16(attrHeader+len(value)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, value...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

func message(kind uint16, body []byte) []byte {
	b := binary.NativeEndian.AppendUint32(nil, uint32(messageHeader+len(body)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	return append(append(b, make([]byte, 10)...), body...)
}

func logged(attributes []byte) []byte {
	return message(unix.NFNL_SUBSYS_ULOG<<8, append([]byte{unix.AF_INET, 0, 0x72, 0x77}, attributes...))
}

func full() []byte {
	b := attribute(nil, attrPacketHeader, 8, 0, 1, 0)
	b = attribute(b, attrPrefix, 'x', 'y', 0)
	b = attribute(b, attrMark, 0, 0, 0, 7)
	b = attribute(b, attrTimestamp, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 6)
	b = attribute(b, attrIn, 0, 0, 0, 2)
	b = attribute(b, attrPhysIn, 0, 0, 0, 3)
	b = attribute(b, attrAddress, 0, 6, 0, 0, 1, 2, 3, 4, 5, 6, 0, 0)
	b = attribute(b, attrHardwareType, 0, 1)
	b = attribute(b, attrHardwareHeader, 1, 2, 3, 4)
	b = attribute(b, attrHardwareLength, 0, 3)
	b = attribute(b, attrUID, 0, 0, 3, 232)
	b = attribute(b, attrSequence, 0, 0, 0, 0)
	b = attribute(b, attrPayload, 0x45, 0, 0)
	return logged(b)
}

func TestParse(t *testing.T) {
	var got []Packet
	datagram := append(append(full(), logged(attribute(nil, attrOut, 0, 0, 0, 9))...), message(unix.NLMSG_DONE, nil)...)
	if err := Parse(datagram, func(p *Packet) { got = append(got, *p) }); err != nil {
		t.Fatal(err)
	}
	want := []Packet{
		{
			Family: unix.AF_INET, Group: 0x7277, Hook: 1, Mark: reset.Some(uint32(7)), Sec: 5, Usec: 6, In: 2, PhysIn: 3,
			SenderAddress: []byte{1, 2, 3, 4, 5, 6}, HardwareType: 1, HardwareHeader: []byte{1, 2, 3}, Prefix: "xy",
			UID: reset.Some(uint32(1000)), Sequence: reset.Some(uint32(0)), Payload: []byte{0x45, 0, 0},
		},
		{Family: unix.AF_INET, Group: 0x7277, Out: 9},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("packets (-want +got):\n%s", diff)
	}
}

func TestParseMalformed(t *testing.T) {
	long := full()
	binary.NativeEndian.PutUint32(long, uint32(len(long)+1))
	badAttribute := logged([]byte{3, 0, 1, 0})
	tests := []struct {
		name     string
		datagram []byte
	}{
		{"message longer than the datagram", long},
		{"message shorter than its header", message(0, nil)[:4]},
		{"attribute shorter than its header", badAttribute},
		{"no nfgenmsg", message(unix.NFNL_SUBSYS_ULOG<<8, nil)},
		{"rest", append(full(), 1, 2)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := Parse(tt.datagram, func(*Packet) {}); !errors.Is(err, ErrMalformed) {
				t.Errorf("error %v, want ErrMalformed", err)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add(full())
	f.Add(append(full(), message(unix.NLMSG_DONE, nil)...))
	f.Fuzz(func(t *testing.T, datagram []byte) {
		_ = Parse(datagram, func(p *Packet) {
			if len(p.Payload)+len(p.HardwareHeader)+len(p.SenderAddress) > 3*len(datagram) {
				t.Error("more bytes than there are")
			}
		})
	})
}
