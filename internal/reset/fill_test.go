package reset_test

import (
	"encoding/binary"
	"math"
	"net/netip"
	"reflect"
	"strings"

	"pgregory.net/rapid"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// filler sets every field of a struct by reflection, so that a field that is
// added later is tested without anyone thinking of it.
type filler struct {
	t     *rapid.T
	full  bool // no field is left at its zero
	valid bool // only values that can be read back: UTF-8, words of the lists
}

func (f filler) fill(v reflect.Value, depth int) {
	switch v.Type() {
	case reflect.TypeFor[reset.Endpoint]():
		v.Set(reflect.ValueOf(f.endpoint()))
		return
	case reflect.TypeFor[reset.SourceSet]():
		v.SetUint(f.uint("sources", 16) & f.mask(1<<reset.NumSources-2))
		if f.full {
			v.SetUint(v.Uint() | 1<<reset.Wire)
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		f.fillStruct(v, depth)
	case reflect.Pointer:
		if depth > 0 && (f.full || rapid.Bool().Draw(f.t, "present")) {
			v.Set(reflect.New(v.Type().Elem()))
			f.fill(v.Elem(), depth-1)
		}
	case reflect.Slice:
		f.fillSlice(v, depth)
	case reflect.Array:
		for i := range v.Len() {
			f.fill(v.Index(i), depth)
		}
	case reflect.String:
		v.SetString(f.text())
	case reflect.Bool:
		v.SetBool(f.full || rapid.Bool().Draw(f.t, "bool"))
	case reflect.Int32, reflect.Int64:
		v.SetInt(f.int(v.Type().Bits()))
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(f.number(v.Type()))
	default:
		panic("no way to fill " + v.Type().String())
	}
}

func (f filler) fillStruct(v reflect.Value, depth int) {
	if strings.HasPrefix(v.Type().Name(), "Opt[") {
		if f.full || rapid.Bool().Draw(f.t, "known") {
			v.FieldByName("OK").SetBool(true)
			f.fill(v.FieldByName("V"), depth)
		}
		return
	}
	for i := range v.NumField() {
		f.fill(v.Field(i), depth)
	}
}

func (f filler) fillSlice(v reflect.Value, depth int) {
	least := -1 // nil
	if f.full || f.valid && v.Type().Elem().Kind() == reflect.Struct {
		least = 1
	}
	n := rapid.IntRange(least, 3).Draw(f.t, "length")
	if n < 0 {
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), n, n))
	for i := range n {
		f.fill(v.Index(i), depth)
	}
}

func (f filler) uint(label string, bits int) uint64 {
	most := uint64(math.MaxUint64) >> (64 - bits)
	least := uint64(0)
	if f.full {
		least = 1
	}
	return rapid.OneOf(rapid.Uint64Range(least, most), rapid.Just(most), rapid.Just(least)).Draw(f.t, label)
}

func (f filler) mask(valid uint64) uint64 {
	if f.valid {
		return valid
	}
	return math.MaxUint64
}

// number draws an unsigned number; of a closed list, sometimes one beyond it.
func (f filler) number(t reflect.Type) uint64 {
	words, ok := wordLists[t]
	if !ok {
		return f.uint("number", t.Bits())
	}
	most := uint64(len(words))
	if !f.valid {
		most += 2
	}
	least := uint64(0)
	if f.full || t == reflect.TypeFor[reset.Weight]() && f.valid {
		least = 1
	}
	return rapid.Uint64Range(least, most).Draw(f.t, "word")
}

func (f filler) int(bits int) int64 {
	v := int64(f.uint("number", bits))
	return v << (64 - bits) >> (64 - bits)
}

// hostile are strings that processes, devices and log lines may bear.
var hostile = []string{
	"nginx", "", "a\"b\\c", "\x00\x01\x1f\x7f", "\b\f\n\r\t", "<script>&", "\xff\xfe", "caf\xc3", "\xed\xa0\x80",
	"\u2028\u2029", "\u009b31m\x7f", "\u202egnp.exe\u2066", "\U000e0001\ufeff", "日本", "\U0001F600", "\x1b[31mred", "\xf4\x90\x80\x80", "end\xe2\x80",
}

func (f filler) text() string {
	s := rapid.OneOf(
		rapid.SampledFrom(hostile), rapid.String(),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 8), func(b []byte) string { return string(b) }),
	).Draw(f.t, "text")
	if f.valid {
		s = strings.ToValidUTF8(s, "?")
	}
	if f.full && s == "" {
		return "x"
	}
	return s
}

func (f filler) endpoint() reset.Endpoint {
	kind := rapid.IntRange(0, 4).Draw(f.t, "address")
	port := uint16(f.uint("port", 16))
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], f.uint("address", 64))
	binary.BigEndian.PutUint64(b[8:], f.uint("address", 64))
	addr := netip.AddrFrom16(b)
	switch {
	case kind == 0 && !f.full && !f.valid:
		addr = netip.Addr{}
	case kind == 1:
		addr = netip.AddrFrom4([4]byte(b[:4]))
	case kind == 2:
		addr = netip.AddrFrom16(netip.AddrFrom4([4]byte(b[:4])).As16())
	case kind == 3:
		addr = addr.WithZone("eth<0>\"")
	}
	return reset.Endpoint{AddrPort: netip.AddrPortFrom(addr, port)}
}

// entry draws an entry of any of the three types.
func (f filler) entry() reset.Entry {
	var e reset.Entry
	v := reflect.ValueOf(&e).Elem()
	field := v.Field(rapid.IntRange(0, v.NumField()-1).Draw(f.t, "type"))
	field.Set(reflect.New(field.Type().Elem()))
	f.fill(field.Elem(), 3)
	return e
}

// fillReset sets every field, the endpoints to ordinary ones.
func (f filler) fillReset(r *reset.Reset) {
	f.fill(reflect.ValueOf(r).Elem(), 3)
	r.Src, r.Dst = endpoint("192.0.2.1:443"), endpoint("198.51.100.2:51000")
	r.NAT.Original = reset.Tuple{Src: r.Src, Dst: r.Dst}
	r.NAT.Reply = reset.Tuple{Src: r.Dst, Dst: r.Src}
	for i := range r.Packet.Tunnel {
		r.Packet.Tunnel[i].Src, r.Packet.Tunnel[i].Dst = r.Src, r.Dst
	}
}
