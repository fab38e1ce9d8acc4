package reset

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Time is nanoseconds since 1970 UTC; 0 means unknown. JSON: RFC 3339 in UTC
// with nine digits of fraction.
type Time int64

// TimeOf converts from the standard library.
func TimeOf(t time.Time) Time { return Time(t.UnixNano()) }

// Std converts to the standard library, in UTC.
func (t Time) Std() time.Time { return time.Unix(0, int64(t)).UTC() }

// IsZero reports whether the time is unknown.
func (t Time) IsZero() bool { return t == 0 }

// MarshalText writes RFC 3339 in UTC.
func (t Time) MarshalText() ([]byte, error) { return t.AppendTo(nil), nil }

// UnmarshalText reads RFC 3339 with any zone and fraction.
func (t *Time) UnmarshalText(text []byte) error {
	std, err := time.Parse(time.RFC3339Nano, string(text))
	if err != nil {
		return err
	}
	if year := std.UTC().Year(); year < 1678 || year > 2261 {
		return fmt.Errorf("time %q: beyond what 64 bits of nanoseconds can say", text)
	}
	*t = Time(std.UnixNano())
	return nil
}

// Hash is a 64-bit hash that both ends of a connection compute alike. JSON: 16
// hexadecimal digits; 0 means unknown.
type Hash uint64

// MarshalText writes 16 hexadecimal digits.
func (h Hash) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%016x", uint64(h)), nil }

// UnmarshalText reads hexadecimal digits.
func (h *Hash) UnmarshalText(text []byte) error {
	v, err := strconv.ParseUint(string(text), 16, 64)
	*h = Hash(v)
	return err
}

// Hex is bytes that people read in hexadecimal, as the kernel's LOG prints
// options: upper case, no separators.
type Hex []byte

// MarshalText writes upper-case hexadecimal digits.
func (h Hex) MarshalText() ([]byte, error) {
	return []byte(strings.ToUpper(hex.EncodeToString(h))), nil
}

// UnmarshalText reads hexadecimal digits of either case.
func (h *Hex) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	*h = b
	return err
}

// MAC is a link-layer address; nil means unknown. JSON: 52:54:00:aa:01:fe.
type MAC []byte

// String returns colon-separated lower-case hexadecimal digits.
func (m MAC) String() string { return net.HardwareAddr(m).String() }

// MarshalText writes colon-separated lower-case hexadecimal digits.
func (m MAC) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads colon-separated hexadecimal digits, of any length.
func (m *MAC) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(strings.ReplaceAll(string(text), ":", ""))
	*m = b
	return err
}

// Flags are the TCP flags, the low eight bits of RFC 9293's control bits.
type Flags uint8

// The flags, in the order of their bits.
const (
	FIN Flags = 1 << iota
	SYN
	RST
	PSH
	ACK
	URG
	ECE
	CWR
)

// flagOrder is the order in which flags are written: RST first, since every
// record has it.
var flagOrder = []struct {
	flag Flags
	name string
}{{RST, "RST"}, {SYN, "SYN"}, {FIN, "FIN"}, {PSH, "PSH"}, {ACK, "ACK"}, {URG, "URG"}, {ECE, "ECE"}, {CWR, "CWR"}}

// String joins the names of the flags that are set with commas.
func (f Flags) String() string {
	var names []string
	for _, o := range flagOrder {
		if f&o.flag != 0 {
			names = append(names, o.name)
		}
	}
	return strings.Join(names, ",")
}

// MarshalText writes the names of the flags.
func (f Flags) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText reads comma-separated names of flags.
func (f *Flags) UnmarshalText(text []byte) error {
	*f = 0
	if len(text) == 0 {
		return nil
	}
next:
	for name := range strings.SplitSeq(string(text), ",") {
		for _, o := range flagOrder {
			if o.name == name {
				*f |= o.flag
				continue next
			}
		}
		return fmt.Errorf("TCP flag %q: not one of the eight", name)
	}
	return nil
}

// Endpoint is an address and a TCP port. JSON: {"ip": …, "port": …}.
type Endpoint struct{ netip.AddrPort }

// EndpointFrom pairs an address and a port; an IPv4-mapped address becomes IPv4.
func EndpointFrom(ip netip.Addr, port uint16) Endpoint {
	return Endpoint{netip.AddrPortFrom(ip.Unmap(), port)}
}

// IsZero reports whether the endpoint is unknown.
func (e Endpoint) IsZero() bool { return !e.IsValid() }

// Equal reports whether both are the same address and port, or both unknown.
// An address is not equal to its IPv4-mapped form.
func (e Endpoint) Equal(other Endpoint) bool { return e.AddrPort == other.AddrPort }

type endpointJSON struct {
	IP   netip.Addr `json:"ip"`
	Port uint16     `json:"port"`
}

// MarshalJSON writes the object with ip and port.
func (e Endpoint) MarshalJSON() ([]byte, error) {
	return json.Marshal(endpointJSON{e.Addr(), e.Port()})
}

// UnmarshalJSON reads the object with ip and port; null changes nothing.
func (e *Endpoint) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	var v endpointJSON
	if err := json.Unmarshal(data, &v); err != nil {
		return err
	}
	if !v.IP.IsValid() {
		return errors.New("endpoint without an ip")
	}
	*e = Endpoint{netip.AddrPortFrom(v.IP, v.Port)}
	return nil
}

// SourceSet is a set of Source. JSON: a list of their words.
type SourceSet uint16

// With returns the set with one more member.
func (s SourceSet) With(source Source) SourceSet { return s | 1<<source }

// Has reports whether source is a member.
func (s SourceSet) Has(source Source) bool { return s&(1<<source) != 0 }

// List returns the members in the order of their numbers.
func (s SourceSet) List() []Source {
	var list []Source
	for source := TCPSendReset; int(source) < NumSources; source++ {
		if s.Has(source) {
			list = append(list, source)
		}
	}
	return list
}

// MarshalJSON writes the list of words.
func (s SourceSet) MarshalJSON() ([]byte, error) { return json.Marshal(s.List()) }

// UnmarshalJSON reads a list of words.
func (s *SourceSet) UnmarshalJSON(data []byte) error {
	var list []Source
	if err := json.Unmarshal(data, &list); err != nil {
		return err
	}
	*s = 0
	for _, source := range list {
		*s = s.With(source)
	}
	return nil
}
