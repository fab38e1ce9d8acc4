package logfile

import (
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"strconv"
	"strings"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// journalLine is what is kept of a line of journalctl -o json. A field that is
// not UTF-8 is a list of numbers there.
type journalLine struct {
	Message   text   `json:"MESSAGE"`
	Host      text   `json:"_HOSTNAME"`
	Boot      text   `json:"_BOOT_ID"`
	Transport text   `json:"_TRANSPORT"`
	Realtime  text   `json:"__REALTIME_TIMESTAMP"`
	Program   text   `json:"SYSLOG_IDENTIFIER"`
	RST       *int64 `json:"tcp.rst"` // of ulogd: it is no line of journald
}

// text is a string or a list of bytes; anything else is absent.
type text []byte

// UnmarshalJSON reads both forms.
func (t *text) UnmarshalJSON(data []byte) error {
	var words string
	if json.Unmarshal(data, &words) == nil {
		*t = []byte(words)
		return nil
	}
	var numbers []byte
	if len(data) > 0 && data[0] == '[' && json.Unmarshal(data, &numbers) == nil {
		*t = numbers
	}
	return nil
}

// ulogLine is what is kept of a line of ulogd's JSON.
type ulogLine struct {
	Seconds  *int64  `json:"oob.time.sec"`
	Micros   int64   `json:"oob.time.usec"`
	Stamp    string  `json:"timestamp"`
	In       string  `json:"oob.in"`
	Out      string  `json:"oob.out"`
	Mark     *uint32 `json:"oob.mark"`
	UID      *uint32 `json:"oob.uid"`
	GID      *uint32 `json:"oob.gid"`
	Src      string  `json:"src_ip"`
	Dst      string  `json:"dest_ip"`
	Sport    *uint16 `json:"src_port"`
	Dport    *uint16 `json:"dest_port"`
	Protocol int64   `json:"ip.protocol"`
	Length   *uint32 `json:"ip.totlen"`
	TOS      *uint8  `json:"ip.tos"`
	TTL      *uint8  `json:"ip.ttl"`
	IPID     *uint16 `json:"ip.id"`
	Fragment *uint16 `json:"ip.fragoff"`
	Payload  *uint32 `json:"ip6.payloadlen"`
	Class    *uint8  `json:"ip6.priority"`
	Label    *uint32 `json:"ip6.flowlabel"`
	Hops     *uint8  `json:"ip6.hoplimit"`
	Seq      *uint32 `json:"tcp.seq"`
	Ack      *uint32 `json:"tcp.ackseq"`
	Window   *uint16 `json:"tcp.window"`
	Pointer  *uint16 `json:"tcp.urgp"`
	URG      int64   `json:"tcp.urg"`
	ACK      int64   `json:"tcp.ack"`
	PSH      int64   `json:"tcp.psh"`
	RST      int64   `json:"tcp.rst"`
	SYN      int64   `json:"tcp.syn"`
	FIN      int64   `json:"tcp.fin"`
	MAC      string  `json:"mac.str"`
}

// ulog reads a line of ulogd's JSON about a RST into s; ok is false where it is
// not whole.
func ulog(line []byte, s *reset.Sighting) (at stamp, isReset, ok bool) {
	var u ulogLine
	if json.Unmarshal(line, &u) != nil {
		return at, false, false
	}
	if u.RST == 0 || u.Protocol != 6 {
		return at, false, true
	}
	src, srcErr := netip.ParseAddr(u.Src)
	dst, dstErr := netip.ParseAddr(u.Dst)
	if srcErr != nil || dstErr != nil || src.Zone() != "" || dst.Zone() != "" || src.Is4() != dst.Is4() ||
		u.Sport == nil || u.Dport == nil || !deviceName(u.In) || !deviceName(u.Out) {
		return at, true, false
	}
	s.Source = reset.KLog
	s.Src, s.Dst = reset.EndpointFrom(src, *u.Sport), reset.EndpointFrom(dst, *u.Dport)
	s.Interface = reset.Interface{In: u.In, Out: u.Out}
	s.Hook = hookOf(&s.Interface)
	u.packet(&s.Packet, src.Is4())
	if u.UID != nil && u.GID != nil {
		s.Process = &reset.Process{UID: reset.Some(*u.UID), GID: reset.Some(*u.GID)}
	}
	return u.at(), true, true
}

func (u *ulogLine) at() (s stamp) {
	if u.Seconds != nil && *u.Seconds > 0 && *u.Seconds <= maxSeconds && u.Micros >= 0 && u.Micros < 1e6 {
		return stamp{kind: absolute, ns: *u.Seconds*1e9 + u.Micros*1000}
	}
	if rest, ok := isoStamp([]byte(u.Stamp), &s); !ok || len(rest) > 0 {
		return stamp{}
	}
	return s
}

func (u *ulogLine) packet(k *reset.Packet, v4 bool) {
	if v4 {
		k.Family = reset.IPv4
		k.Length, k.TOS, k.TTL, k.IPID = known(u.Length), known(u.TOS), known(u.TTL), known(u.IPID)
		if u.Fragment != nil {
			k.DF = reset.Some(*u.Fragment&0x4000 != 0)
		}
	} else {
		k.Family = reset.IPv6
		k.TOS, k.TTL, k.FlowLabel = known(u.Class), known(u.Hops), known(u.Label)
		if u.Payload != nil && *u.Payload <= 0xffff {
			k.Length = reset.Some(*u.Payload + 40)
		}
	}
	k.Seq, k.Ack, k.Window, k.Urgent, k.Mark = known(u.Seq), known(u.Ack), known(u.Window), known(u.Pointer), known(u.Mark)
	for _, f := range []struct {
		set  int64
		flag reset.Flags
	}{{u.URG, reset.URG}, {u.ACK, reset.ACK}, {u.PSH, reset.PSH}, {u.RST, reset.RST}, {u.SYN, reset.SYN}, {u.FIN, reset.FIN}} {
		if f.set != 0 {
			k.Flags |= f.flag
		}
	}
	if header, err := hex.DecodeString(strings.ReplaceAll(u.MAC, ":", "")); err == nil && len(header) == 14 {
		k.LinkHeader = header
		k.MACDst, k.MACSrc = reset.MAC(header[0:6]), reset.MAC(header[6:12])
	}
}

func known[T any](v *T) reset.Opt[T] {
	if v == nil {
		return reset.Opt[T]{}
	}
	return reset.Some(*v)
}

// hookOf is the place that the devices of a line tell.
func hookOf(i *reset.Interface) reset.Hook {
	switch {
	case i.In != "" && i.Out != "":
		return reset.HookForward
	case i.In != "":
		return reset.HookLocalIn
	case i.Out != "":
		return reset.HookLocalOut
	}
	return reset.HookTransit
}

func deviceName(name string) bool {
	if len(name) > 15 {
		return false
	}
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c >= 0x7f || c == '/' || c == ':' {
			return false
		}
	}
	return true
}

// microseconds reads a count of microseconds since 1970.
func microseconds(text []byte) stamp {
	v, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || v <= 0 || v > maxSeconds*1e6 {
		return stamp{}
	}
	return stamp{kind: absolute, ns: v * 1000}
}
