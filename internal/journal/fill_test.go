package journal

import (
	"math"
	"net/netip"
	"reflect"

	"pgregory.net/rapid"

	"github.com/rstwatch/rstwatch/internal/packet"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// filler draws values for every field of a record by reflection, so that a
// field that is added to the record without a codec makes a test fail.
type filler struct {
	t *rapid.T
	// every says that no field may be left at its zero.
	every bool
	depth int
}

var (
	endpointType = reflect.TypeFor[reset.Endpoint]()
	words        = []string{"", "lo", "eth0", "nginx", "tcp: \xff\x00 not UTF-8", "a longer text that repeats seldom"}
)

func (f *filler) absent() bool { return !f.every && rapid.IntRange(0, 2).Draw(f.t, "absent") == 0 }

func (f *filler) fill(v reflect.Value) {
	if f.absent() {
		return
	}
	switch {
	case v.Type() == endpointType:
		v.Set(reflect.ValueOf(f.endpoint()))
		return
	case v.Kind() == reflect.Struct && v.NumField() == 2 && v.Type().Field(1).Name == "OK":
		f.value(v.Field(0))
		v.Field(1).SetBool(true)
		return
	}
	f.value(v)
}

func (f *filler) value(v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(f.every || rapid.Bool().Draw(f.t, "bool"))
	case reflect.Int32, reflect.Int64:
		v.SetInt(rapid.Int64Range(f.lowest(), math.MaxInt64>>(64-v.Type().Bits())).Draw(f.t, "int"))
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(rapid.Uint64Range(1, math.MaxUint64>>(64-v.Type().Bits())).Draw(f.t, "uint"))
	case reflect.String:
		from := words
		if f.every {
			from = words[1:]
		}
		v.SetString(rapid.SampledFrom(from).Draw(f.t, "text"))
	case reflect.Array:
		b := rapid.SliceOfN(rapid.ByteRange(1, 255), v.Len(), v.Len()).Draw(f.t, "array")
		reflect.Copy(v, reflect.ValueOf(b))
	case reflect.Slice:
		f.slice(v)
	case reflect.Pointer:
		if f.depth >= 4 {
			return
		}
		f.depth++
		v.Set(reflect.New(v.Type().Elem()))
		f.value(v.Elem())
		f.depth--
	case reflect.Struct:
		for i := range v.NumField() {
			f.fill(v.Field(i))
		}
	default:
		f.t.Fatalf("no filler for %v", v.Type())
	}
}

func (f *filler) lowest() int64 {
	if f.every {
		return 1
	}
	return math.MinInt32
}

func (f *filler) slice(v reflect.Value) {
	n := rapid.IntRange(1, 3).Draw(f.t, "length")
	v.Set(reflect.MakeSlice(v.Type(), n, n))
	for i := range n {
		if v.Index(i).Type() == endpointType {
			f.fill(v.Index(i))
			continue
		}
		f.value(v.Index(i))
	}
}

func (f *filler) endpoint() reset.Endpoint {
	port := rapid.Uint16Range(1, 65535).Draw(f.t, "port")
	ip := rapid.SampledFrom([]netip.Addr{
		netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("2001:db8::7"),
		netip.MustParseAddr("::ffff:192.0.2.7"), netip.MustParseAddr("fe80::1%eth0"),
	}).Draw(f.t, "ip")
	return reset.Endpoint{AddrPort: netip.AddrPortFrom(ip, port)}
}

// entry draws one entry; a reset is sometimes one with real packet bytes.
func (f *filler) entry() reset.Entry {
	switch rapid.IntRange(0, 5).Draw(f.t, "kind") {
	case 0:
		c := &reset.Coverage{}
		f.value(reflect.ValueOf(c).Elem())
		return reset.Entry{Coverage: c}
	case 1:
		c := &reset.Control{}
		f.value(reflect.ValueOf(c).Elem())
		return reset.Entry{Control: c}
	}
	r := &reset.Reset{}
	f.value(reflect.ValueOf(r).Elem())
	if rapid.Bool().Draw(f.t, "real") {
		realistic(r, rapid.Uint32().Draw(f.t, "seed"))
		if rapid.Bool().Draw(f.t, "spoiled") {
			f.fill(reflect.ValueOf(&r.Packet).Elem().Field(rapid.IntRange(0, 22).Draw(f.t, "which")))
		}
	}
	return reset.Entry{Reset: r}
}

// realistic gives the reset the headers that follow from a RST in answer to a
// SYN, as the wire bears it.
func realistic(r *reset.Reset, seed uint32) {
	raw := []byte{
		0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0, 192, 0, 2, 1, 198, 51, 100, 2,
		0, 80, 0x9c, 0x40, 0, 0, 0, 0, 1, 2, 3, 4, 0x50, 0x14, 0, 0, 0, 0, 0, 0,
	}
	be32 := func(at int, v uint32) {
		raw[at], raw[at+1], raw[at+2], raw[at+3] = byte(v>>24), byte(v>>16), byte(v>>8), byte(v)
	}
	be32(16, 0x0a000000|seed>>12)
	be32(28, seed*2654435761)
	raw[22], raw[23] = byte(seed>>8), byte(seed)
	r.Packet = reset.Packet{Raw: raw, LinkHeader: []byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0}}
	r.Src, r.Dst, _ = packet.Derive(&r.Packet)
	r.Flow = reset.FlowHash(r.Src, r.Dst)
	r.Pkt = reset.PktHash(r.Src, r.Dst, r.Packet.Seq)
	r.PacketID = reset.PacketHash(r.Src, r.Dst, &r.Packet)
}

var stormOrigin = reset.NewOrigin("boot")

// storm makes a reset as a SYN storm to a closed port makes them.
func storm(i int) reset.Entry {
	at := reset.Time(1_790_000_000_000_000_000 + int64(i)*1500)
	r := &reset.Reset{
		ID: stormOrigin.NewID(int64(at), uint64(i)), Revision: 1, Final: true, Time: at,
		MonoNS: reset.Some(int64(at) - 1_789_000_000_000_000_000 - int64(i%7)),
		Host:   "web-3.example.net", BootID: "0f0a9c7e-9d2e-4a55-8f0f-3a7d3a4e7c55",
		Netns: reset.Netns{ID: 4026531840, Cookie: 1}, Direction: reset.Out,
		Interface: reset.Interface{Out: "eth0"}, Role: reset.Responder,
		Sender: reset.LocalKernel, Cause: reset.NoListener, Harm: reset.FailedConnect,
		Confidence: reset.Confidence{Sender: reset.Certain, Cause: reset.Certain},
		Kernel:     reset.Kernel{Reason: "NO_SOCKET", DropReason: "NO_SOCKET"},
		Sources:    reset.SourceSet(0).With(reset.TCPSendReset).With(reset.Wire),
		Evidence: []reset.Evidence{
			{Fact: "kernel-reason", Value: "NO_SOCKET", For: "cause=no-listener", Weight: reset.Decisive},
			{Fact: "no-socket", For: "sender=local-kernel", Weight: reset.Strong},
		},
	}
	realistic(r, uint32(i)*40503)
	r.Trigger = &reset.Trigger{
		Flags: reset.SYN, Seq: reset.Some(r.Packet.Ack.V - 1), Ack: reset.Some[uint32](0),
		Length: reset.Some[uint32](60), TTL: reset.Some[uint8](63), TOS: reset.Some[uint8](0),
		IPID: reset.Some(uint16(i)), Window: reset.Some[uint16](64240),
		MACSrc: reset.MAC{2, 0, 0, 0, 0, 1}, Mark: reset.Some[uint32](0),
	}
	return reset.Entry{Reset: r}
}

// abort makes a reset as an application makes it that closes with unread data:
// with a connection, a process and a container.
func abort(i int) reset.Entry {
	e := storm(i)
	r := e.Reset
	r.Sender, r.Cause, r.Harm = reset.LocalApp, reset.UnreadData, reset.LostData
	r.Trigger = nil
	r.Kernel = reset.Kernel{Reason: "TCP_STATE"}
	r.Connection = &reset.Connection{
		State: "CLOSE_WAIT", AgeMS: reset.Some(int64(4000 + i%977)), SinceHeardMS: reset.Some(int64(i % 99)),
		SinceSentMS: reset.Some(int64(i % 77)), BytesSent: reset.Some(uint64(100000 + i)),
		BytesReceived: reset.Some(uint64(5000 + i)), Unread: reset.Some(uint32(i % 4096)),
		Unsent: reset.Some[uint32](0), RTTUS: reset.Some(uint32(200 + i%50)), MinRTTUS: reset.Some[uint32](180),
		Retransmits: reset.Some[uint32](0), Cookie: reset.Some(uint64(70000 + i)), Baseline: reset.BaselineFull,
	}
	r.Process = &reset.Process{
		PID: reset.Some(uint32(800 + i%8)), Comm: "nginx", Exe: "/usr/sbin/nginx",
		UID: reset.Some[uint32](33), GID: reset.Some[uint32](33),
	}
	r.Container = &reset.Container{
		ID: "3f4e5d6c7b8a99887766554433221100ffeeddccbbaa00112233445566778899", Name: "web", Runtime: "docker",
		Image: "nginx:1.29",
	}
	return e
}
