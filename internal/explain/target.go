package explain

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// Target is what somebody wants explained: a reset by its id, by the end of its
// id, or whatever happened between two ends.
type Target struct {
	ID     reset.ID
	Suffix string // upper case; empty: none
	A, B   Side
}

// Side is one end of a connection; without a port it stands for all of them.
type Side struct {
	Addr netip.Addr
	Port uint16
	Any  bool // whatever port
}

// minSuffix is the least number of characters of an id that is taken for one.
const minSuffix = 4

// idLength is that of a whole id.
const idLength = 26

var errTarget = errors.New("want an id (the whole, or # and its last characters), " +
	"or the two ends of a connection as ADDRESS:PORT ADDRESS:PORT")

// ParseTarget reads the arguments of explain. The two ends may come as a line
// shows them, with a > between.
func ParseTarget(args []string) (Target, error) {
	words := strings.Fields(strings.Join(args, " "))
	if len(words) == 3 && (words[1] == ">" || words[1] == "<" || words[1] == "-") {
		words = []string{words[0], words[2]}
	}
	switch len(words) {
	case 1:
		return parseID(words[0])
	case 2:
		return parseSides(words[0], words[1])
	case 0:
		return Target{}, errTarget
	}
	return Target{}, fmt.Errorf("%d words: %w", len(words), errTarget)
}

func parseID(word string) (Target, error) {
	text := alike.Replace(strings.ToUpper(strings.TrimPrefix(word, "#")))
	if len(text) == idLength {
		id, err := reset.ParseID(text)
		if err == nil && id.IsZero() {
			err = fmt.Errorf("%q: no reset has this id", word)
		}
		return Target{ID: id}, err
	}
	for _, c := range text {
		if !strings.ContainsRune("0123456789ABCDEFGHJKMNPQRSTVWXYZ", c) {
			if strings.ContainsAny(word, ".:") {
				return Target{}, fmt.Errorf("%q is one end of a connection: %w", word, errTarget)
			}
			return Target{}, fmt.Errorf("%q is no id: %w", word, errTarget)
		}
	}
	if len(text) < minSuffix || len(text) > idLength {
		return Target{}, fmt.Errorf("%q: an id has %d characters, and its end is wanted with %d at least", word, idLength, minSuffix)
	}
	return Target{Suffix: text}, nil
}

// alike turns letters that ids do not have into the digits that they look like.
var alike = strings.NewReplacer("O", "0", "I", "1", "L", "1")

func parseSides(a, b string) (t Target, err error) {
	if t.A, err = parseSide(a); err != nil {
		return Target{}, err
	}
	if t.B, err = parseSide(b); err != nil {
		return Target{}, err
	}
	if t.A.Addr.Is4() != t.B.Addr.Is4() {
		return Target{}, fmt.Errorf("%s and %s: one is IPv4, the other IPv6", a, b)
	}
	return t, nil
}

func parseSide(text string) (Side, error) {
	if addr, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return Side{Addr: addr.Unmap().WithZone(""), Any: true}, nil
	}
	if end, err := netip.ParseAddrPort(text); err == nil {
		return Side{Addr: end.Addr().Unmap().WithZone(""), Port: end.Port()}, nil
	}
	host, port, found := cutPort(text)
	if !found {
		return Side{}, fmt.Errorf("%q is no address with a port: write 10.0.0.7:443 or [2001:db8::7]:443", text)
	}
	if _, err := netip.ParseAddr(host); err != nil {
		return Side{}, fmt.Errorf("%q is no address (names are not looked up)", host)
	}
	return Side{}, fmt.Errorf("port %q is no number from 0 to 65535", port)
}

func cutPort(text string) (host, port string, found bool) {
	at := strings.LastIndexByte(text, ':')
	if at < 0 {
		return "", "", false
	}
	return strings.Trim(text[:at], "[]"), text[at+1:], true
}

// String is the end as people write it.
func (s Side) String() string {
	if s.Any {
		return s.Addr.String()
	}
	return netip.AddrPortFrom(s.Addr, s.Port).String()
}

func (s Side) fits(e reset.Endpoint) bool {
	return e.Addr().Unmap().WithZone("") == s.Addr && (s.Any || s.Port == e.Port())
}

// String is the target as people write it.
func (t *Target) String() string {
	switch {
	case t.Suffix != "":
		return "#" + t.Suffix
	case !t.ID.IsZero():
		return t.ID.String()
	}
	return t.A.String() + " and " + t.B.String()
}

// ByTuple reports whether the target is a connection rather than an id.
func (t *Target) ByTuple() bool { return t.A.Addr.IsValid() }

// Fits reports whether the reset is the target, or one of them.
func (t *Target) Fits(r *reset.Reset) bool {
	switch {
	case t.ByTuple():
		return t.joins(r.Src, r.Dst) ||
			r.NAT != nil && (t.joins(r.NAT.Original.Src, r.NAT.Original.Dst) || t.joins(r.NAT.Reply.Src, r.NAT.Reply.Dst))
	case t.Suffix != "":
		return endsWith(r.ID, t.Suffix)
	}
	return r.ID == t.ID
}

func (t *Target) joins(a, b reset.Endpoint) bool {
	return t.A.fits(a) && t.B.fits(b) || t.A.fits(b) && t.B.fits(a)
}

// near reports whether the reset is between the target's two addresses,
// whatever the ports.
func (t *Target) near(r *reset.Reset) bool {
	hosts := Target{A: Side{Addr: t.A.Addr, Any: true}, B: Side{Addr: t.B.Addr, Any: true}}
	return t.ByTuple() && hosts.joins(r.Src, r.Dst)
}

// endsWith looks at the id's last byte before it writes the id out: a journal
// has many.
func endsWith(id reset.ID, suffix string) bool {
	last := strings.IndexByte("0123456789ABCDEFGHJKMNPQRSTVWXYZ", suffix[len(suffix)-1])
	if last < 0 || int(id[15]&31) != last {
		return false
	}
	var buffer [idLength]byte
	text := id.AppendTo(buffer[:0])
	return string(text[len(text)-len(suffix):]) == suffix
}

// Name is how people call the reset.
func Name(id reset.ID) string { return "#" + id.Short() }

// number writes a count with commas between thousands.
func number(n uint64) string {
	text := strconv.FormatUint(n, 10)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}

// count writes a number and its noun.
func count(n uint64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return number(n) + " " + many
}
