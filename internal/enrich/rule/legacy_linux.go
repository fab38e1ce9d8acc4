package rule

import (
	"bytes"
	"encoding/binary"
	"io"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The options by which iptables reads its tables (IPT_SO_GET_INFO and
// IPT_SO_GET_ENTRIES; ip6tables has the same numbers), and the bounds of what
// is read.
const (
	getInfo    = 64
	getEntries = 65

	maxTable = 64 << 20
	maxNames = 4 << 10
	nameSize = 32 // XT_TABLE_MAXNAMELEN
)

// legacyTables are those whose chains may reject. Asking for a table would load
// its module, and with it the table: only those that are there are asked for.
var legacyTables = []string{"filter"}

// readLegacy adds the rules of the iptables before nftables. Where it is not
// there, nothing is added.
func readLegacy(r *ruleset) {
	for _, f := range []legacyFamily{legacy4, legacy6} {
		for _, name := range legacyTables {
			if f.has(name) {
				r.legacy = true
				f.read(r, name)
			}
		}
	}
}

// legacyFamily is how an IP version's iptables keeps its rules: struct ipt_entry
// and struct ip6t_entry.
type legacyFamily struct {
	family  uint8
	domain  int
	level   int
	names   string // lists the tables that are there
	entry   int    // bytes of the struct: the matches follow
	target  int    // where in it the offset of the target stands; that of the next rule follows
	address int    // bytes of an address
	proto   int    // where the protocol stands
	inverts int    // where the bits of inversion stand
	devices int    // where the masks of the two devices' names stand
}

var (
	legacy4 = legacyFamily{familyIPv4, unix.AF_INET, unix.SOL_IP, "/proc/thread-self/net/ip_tables_names", 112, 88, 4, 80, 83, 48}
	legacy6 = legacyFamily{familyIPv6, unix.AF_INET6, unix.SOL_IPV6, "/proc/thread-self/net/ip6_tables_names", 168, 140, 16, 128, 132, 96}
)

// has tells whether the table is there in the namespace of the calling thread.
func (f legacyFamily) has(table string) bool {
	file, err := os.Open(f.names)
	if err != nil {
		return false
	}
	defer file.Close()
	names, err := io.ReadAll(io.LimitReader(file, maxNames))
	return err == nil && slices.Contains(strings.Fields(string(names)), table)
}

func (f legacyFamily) read(r *ruleset, name string) {
	fd, err := unix.Socket(f.domain, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	if err != nil {
		r.partial = true
		return
	}
	defer unix.Close(fd)
	// struct ipt_getinfo: the name, then numbers: hooks that are in use, their
	// entries, their ends, how many rules, how many bytes.
	info := make([]byte, nameSize+4*(1+5+5+2))
	copy(info, name)
	for range 3 {
		if getOption(fd, f.level, getInfo, info) != nil {
			r.partial = true
			return
		}
		size := binary.NativeEndian.Uint32(info[nameSize+4*12:])
		if size > maxTable {
			break
		}
		entries := make([]byte, nameSize+8+int(size)) // name, size, and what aligns the rules
		copy(entries, name)
		binary.NativeEndian.PutUint32(entries[nameSize:], size)
		switch getOption(fd, f.level, getEntries, entries) {
		case nil:
			if !f.decode(r, name, info, entries[nameSize+8:]) {
				r.partial = true
			}
			return
		case unix.EAGAIN: // it grew
			continue
		}
		break
	}
	r.partial = true
}

func getOption(fd, level, option int, value []byte) error {
	length := uint32(len(value))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), uintptr(level), uintptr(option),
		uintptr(unsafe.Pointer(&value[0])), uintptr(unsafe.Pointer(&length)), 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// hookNames are the chains to which hooks lead, by their numbers.
var hookNames = [5]string{"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"}

// entryAt is one rule within the table.
type entryAt struct {
	offset int
	rule   rule
	jump   int // to the rule at that offset; -1: to none
	head   string
}

// decode reads the rules of a table: a chain's follow one another, its head
// names it, and jumps lead to offsets. It reports false where the table is not
// as it should be.
func (f legacyFamily) decode(r *ruleset, table string, info, entries []byte) bool {
	order := binary.NativeEndian
	heads := make(map[int]*chain)
	hooks := order.Uint32(info[nameSize:])
	for hook, name := range hookNames {
		if hooks&(1<<hook) == 0 {
			continue
		}
		c := r.at(place{f.family, table, name, true})
		c.base, c.hook = true, uint32(hook)
		heads[int(order.Uint32(info[nameSize+4+4*hook:]))] = c
	}
	list, ok := f.entries(entries)
	if !ok {
		return false
	}
	for _, e := range list {
		if e.head != "" { // the chain's rules begin behind its head
			heads[e.offset+f.headSize(entries, e.offset)] = r.at(place{f.family, table, e.head, true})
		}
	}
	var c *chain
	position := 0
	for _, e := range list {
		if next := heads[e.offset]; next != nil {
			c, position = next, 0
		}
		if c == nil || e.head != "" {
			continue
		}
		position++
		e.rule.position = position
		if e.jump >= 0 {
			target := heads[e.jump]
			if target == nil {
				continue
			}
			e.rule.steps = append(e.rule.steps, step{op: opJump, name: target.place.chain})
		}
		if e.jump >= 0 || e.rule.rejects() {
			c.rules = append(c.rules, e.rule)
		}
	}
	return true
}

func (f legacyFamily) headSize(entries []byte, offset int) int {
	return int(binary.NativeEndian.Uint16(entries[offset+f.target+2:]))
}

// entries reads the rules one after the other.
func (f legacyFamily) entries(b []byte) ([]entryAt, bool) {
	var list []entryAt
	for offset := 0; offset < len(b); {
		if len(b)-offset < f.entry || len(list) >= maxKept {
			return nil, false
		}
		target := int(binary.NativeEndian.Uint16(b[offset+f.target:]))
		size := f.headSize(b, offset)
		if target < f.entry || size < target+extensionHeader || size > len(b)-offset {
			return nil, false
		}
		e := entryAt{offset: offset, jump: -1}
		e.rule.steps = append(e.rule.steps, f.addresses(b[offset:offset+f.entry]))
		if !e.matches(b[offset+f.entry : offset+target]) {
			return nil, false
		}
		e.decide(b[offset+target:offset+size], offset+size, f.family)
		list = append(list, e)
		offset += size
	}
	return list, true
}

// extensionHeader is struct xt_entry_match and struct xt_entry_target: the size,
// 29 bytes of name, the revision.
const extensionHeader = 32

// extension reads one.
func extension(b []byte) (name string, revision uint32, data []byte, size int, ok bool) {
	if len(b) < extensionHeader {
		return "", 0, nil, 0, false
	}
	size = int(binary.NativeEndian.Uint16(b))
	if size < extensionHeader || size > len(b) {
		return "", 0, nil, 0, false
	}
	return text(b[2:31]), uint32(b[31]), b[extensionHeader:size], size, true
}

// matches reads the matches of a rule.
func (e *entryAt) matches(b []byte) bool {
	for len(b) > 0 {
		name, revision, data, size, ok := extension(b)
		if !ok {
			return false
		}
		st := decodeMatch(name, revision, data)
		if st.op == opNothing && st.name != "" {
			e.rule.comment = st.name
		}
		e.rule.steps = append(e.rule.steps, st)
		b = b[size:]
	}
	return true
}

// decide reads the target of a rule, which the next one follows. A verdict is
// below zero; at and above it, it is where to go on, and to go on with the next
// rule is none.
func (e *entryAt) decide(b []byte, next int, family uint8) {
	name, _, data, _, ok := extension(b)
	switch {
	case !ok:
	case name == "" && len(data) >= 4:
		if verdict := int32(binary.NativeEndian.Uint32(data)); verdict >= 0 && int(verdict) != next {
			e.jump = int(verdict)
		}
	case name == "ERROR":
		if e.head = text(data); e.head == "" {
			e.head = "at " + strconv.Itoa(e.offset)
		}
	default:
		if st := decodeTarget(name, data); st.op == opReject && st.resets(family) {
			e.rule.steps = append(e.rule.steps, st)
		}
	}
}

// addresses reads what every rule begins with: two addresses, two masks, the
// names of two devices and their masks, the protocol.
func (f legacyFamily) addresses(b []byte) step {
	n := f.address
	from := func(at int) netip.Addr {
		a, _ := netip.AddrFromSlice(b[at : at+n])
		return a
	}
	m := &addressMatch{
		source: from(0), target: from(n), sourceMask: bytes.Clone(b[2*n : 3*n]), targetMask: bytes.Clone(b[3*n : 4*n]),
		protocol: uint8(binary.NativeEndian.Uint16(b[f.proto:])),
	}
	inverts := b[f.inverts]
	m.notSource, m.notTarget = inverts&0x08 != 0, inverts&0x10 != 0 // IPT_INV_SRCIP, IPT_INV_DSTIP
	m.notProtocol = inverts&0x40 != 0                               // XT_INV_PROTO
	m.devices = len(bytes.Trim(b[f.devices:f.devices+32], "\x00")) > 0
	return step{op: opAddress, address: m}
}
