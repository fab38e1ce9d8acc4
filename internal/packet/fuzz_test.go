package packet_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/rstwatch/rstwatch/internal/packet"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// FuzzDecode holds Decode against gopacket, an independent decoder: what both
// can read, both read alike.
func FuzzDecode(f *testing.F) {
	for _, seed := range [][]byte{
		ipv4(tcp(rst)), ipv4(tcp(rstAck, timestamps...), 1, 1, 1, 0), ipv4(join(tcp(rst), []byte("payload"))),
		with(ipv4(tcp(rst)), 6, 0x20), with(ipv4(tcp(rst)), 32, 0x4f), with(ipv4(tcp(rst)), 2, 0, 0),
		ipv6(6, tcp(rst)), ipv6(0, join(with(extension, 0, 43), with(extension, 0, 60), extension, tcp(rst))),
		ipv6(44, join([]byte{6, 0, 0, 1, 1, 2, 3, 4}, tcp(rst))), ipv6(51, join([]byte{6, 1, 11: 0}, tcp(rst))),
	} {
		f.Add(seed, len(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte, keep int) {
		if keep >= 0 && keep < len(raw) {
			raw = raw[:keep]
		}
		before := bytes.Clone(raw)
		got := stale()
		src, dst, err := packet.Decode(raw, &got)
		var trigger reset.Trigger
		_, _, triggerErr := packet.DecodeTrigger(raw, &trigger)
		if !errors.Is(triggerErr, err) || trigger.Seq != got.Seq || trigger.Flags != got.Flags {
			t.Errorf("trigger differs: %v, %v", triggerErr, err)
		}
		payload := packet.PayloadOf(raw)
		if len(payload)+packet.HeaderLength(raw) > len(raw) {
			t.Errorf("%d bytes of payload after %d of headers in %d", len(payload), packet.HeaderLength(raw), len(raw))
		}
		if !bytes.Equal(before, raw) {
			t.Error("the input changed")
		}
		want, ok := oracle(raw)
		if !ok {
			return
		}
		if err != nil {
			t.Fatalf("error %v where gopacket has none", err)
		}
		keepOthers(&want.packet)
		if diff := cmp.Diff(want.packet, got); diff != "" {
			t.Errorf("packet (-gopacket +got):\n%s", diff)
		}
		if src != want.src || dst != want.dst || !bytes.Equal(payload, want.payload) {
			t.Errorf("%v %v %q, gopacket has %v %v %q", src, dst, payload, want.src, want.dst, want.payload)
		}
	})
}

type oracled struct {
	packet   reset.Packet
	src, dst reset.Endpoint
	payload  []byte
}

// oracle decodes with gopacket; false where it cannot, or where the packet has
// a form that it is known to read otherwise than the RFCs say.
func oracle(raw []byte) (o oracled, ok bool) {
	if len(raw) == 0 || raw[0]>>4 != 4 && raw[0]>>4 != 6 {
		return o, false
	}
	first := gopacket.Decoder(layers.LayerTypeIPv4)
	if raw[0]>>4 == 6 {
		first = layers.LayerTypeIPv6
	}
	p := gopacket.NewPacket(raw, first, gopacket.DecodeOptions{NoCopy: true})
	if p.ErrorLayer() != nil || p.Metadata().Truncated {
		return o, false
	}
	for _, layer := range p.Layers() {
		switch l := layer.(type) {
		case *layers.IPv4:
			if raw[2] == 0 && raw[3] == 0 {
				return o, false // it takes the captured length for the packet's
			}
			o.ipv4(l)
		case *layers.IPv6:
			if l.HopByHop != nil && l.Length == 0 {
				return o, false // a jumbogram, which it bounds otherwise
			}
			o.ipv6(l)
		case *layers.IPv6HopByHop, *layers.IPv6Routing, *layers.IPv6Destination, *layers.IPSecAH:
			if o.packet.Family != reset.IPv6 {
				return o, false
			}
		case *layers.TCP:
			o.tcp(l)
			o.packet.Captured = reset.Some(uint32(len(raw)))
			return o, o.packet.Family != 0
		default:
			return o, false
		}
	}
	return o, false
}

func (o *oracled) ipv4(l *layers.IPv4) {
	o.packet.Family, o.packet.TOS = reset.IPv4, reset.Some(l.TOS)
	o.packet.TTL, o.packet.IPID = reset.Some(l.TTL), reset.Some(l.Id)
	o.packet.DF = reset.Some(l.Flags&layers.IPv4DontFragment != 0)
	o.packet.Length = reset.Some(uint32(l.Length))
	if header := int(l.IHL) * 4; header > 20 {
		o.packet.IPOptions = l.Contents[20:header]
	}
	o.src.AddrPort, o.dst.AddrPort = addrPorts(l.SrcIP.To4(), l.DstIP.To4())
}

func (o *oracled) ipv6(l *layers.IPv6) {
	o.packet.Family, o.packet.TOS = reset.IPv6, reset.Some(l.TrafficClass)
	o.packet.TTL, o.packet.FlowLabel = reset.Some(l.HopLimit), reset.Some(l.FlowLabel)
	if l.Length != 0 {
		o.packet.Length = reset.Some(uint32(l.Length) + 40)
	}
	o.src.AddrPort, o.dst.AddrPort = addrPorts(l.SrcIP, l.DstIP)
}

func (o *oracled) tcp(l *layers.TCP) {
	o.packet.Seq, o.packet.Ack = reset.Some(l.Seq), reset.Some(l.Ack)
	o.packet.Window, o.packet.Urgent = reset.Some(l.Window), reset.Some(l.Urgent)
	o.packet.Reserved = reset.Some(l.Contents[12] & 15)
	for i, set := range []bool{l.FIN, l.SYN, l.RST, l.PSH, l.ACK, l.URG, l.ECE, l.CWR} {
		if set {
			o.packet.Flags |= 1 << i
		}
	}
	if len(l.Contents) > 20 {
		o.packet.TCPOptions = l.Contents[20:]
	}
	o.src = reset.Endpoint{AddrPort: withPort(o.src.AddrPort, uint16(l.SrcPort))}
	o.dst = reset.Endpoint{AddrPort: withPort(o.dst.AddrPort, uint16(l.DstPort))}
	o.payload = l.Payload
}

// TestOracleReads makes sure that FuzzDecode compares at all.
func TestOracleReads(t *testing.T) {
	for _, raw := range [][]byte{
		ipv4(join(tcp(rstAck, timestamps...), []byte("payload")), 1, 1, 1, 0),
		ipv6(0, join(with(extension, 0, 43), with(extension, 0, 60), extension, tcp(rst))),
		ipv6(51, join([]byte{6, 1, 11: 0}, tcp(rst))),
	} {
		if _, ok := oracle(raw); !ok {
			t.Errorf("gopacket does not read %x", raw)
		}
	}
}
