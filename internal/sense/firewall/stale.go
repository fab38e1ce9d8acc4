package firewall

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// TableTakenError says that a table of our name exists which we may not
// remove: another instance's, or somebody else's.
type TableTakenError struct {
	Family string // inet or bridge
	Owner  string // who has it, for people
}

// Error says whose the table is and what to do.
func (e *TableTakenError) Error() string {
	return fmt.Sprintf("nftables table \"%s %s\" exists and belongs to %s: stop that, or delete the table", e.Family, tableName, e.Owner)
}

// comment marks the rules of this process: number and start, since numbers are
// used again.
func comment(pid int) string {
	return fmt.Sprintf("rstwatch pid %d started %d", pid, processStart(pid))
}

// processStart is field 22 of /proc/PID/stat, in clock ticks after boot; 0
// where there is no such process.
func processStart(pid int) uint64 {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	// The second field is the name, in parentheses, and may hold anything.
	fields := bytes.Fields(data[bytes.LastIndexByte(data, ')')+1:])
	if len(fields) < 20 {
		return 0
	}
	start, _ := strconv.ParseUint(string(fields[19]), 10, 64)
	return start
}

// writer returns the process whose comment this is, and whether it lives.
func writer(comment string) (pid int, lives, ok bool) {
	var start uint64
	if n, err := fmt.Sscanf(comment, "rstwatch pid %d started %d", &pid, &start); n != 2 || err != nil || pid <= 0 {
		return 0, false, false
	}
	return pid, start != 0 && processStart(pid) == start, true
}

// removeStale removes, from the namespace of the calling thread, tables that a
// crashed instance has left behind. It returns how many. The error is a
// *TableTakenError if one of our name is not that.
func removeStale() (removed int, err error) {
	conn, err := nftables.New(nftables.AsLasting())
	if err != nil {
		return 0, fmt.Errorf("reading nftables tables: %w", err)
	}
	defer conn.CloseLasting()
	for family, name := range map[nftables.TableFamily]string{
		nftables.TableFamilyINet: "inet", nftables.TableFamilyBridge: "bridge",
	} {
		tables, err := conn.ListTablesOfFamily(family)
		if errors.Is(err, unix.EOPNOTSUPP) {
			continue
		}
		if err != nil {
			return removed, fmt.Errorf("reading nftables tables: %w", err)
		}
		i := slices.IndexFunc(tables, func(t *nftables.Table) bool { return t.Name == tableName && t.Family == family })
		if i < 0 {
			continue
		}
		if owner := ownerOf(conn, tables[i]); owner != "" {
			return removed, &TableTakenError{Family: name, Owner: owner}
		}
		if err := dropTable(uint8(family)); err != nil {
			return removed, err
		}
		removed++
	}
	return removed, nil
}

// ownerOf says who else has a table of our name; empty for a dead instance of
// ours. Every rule in it must be one of ours for that.
func ownerOf(conn *nftables.Conn, t *nftables.Table) string {
	const unknown = "somebody else"
	if t.Flags&binary.NativeEndian.Uint32([]byte{0, 0, 0, tableOwner}) != 0 {
		return "a program that is running"
	}
	chains, err := conn.ListChainsOfTableFamily(t.Family)
	if err != nil {
		return unknown
	}
	rules := 0
	for _, c := range chains {
		if c.Table == nil || c.Table.Name != t.Name {
			continue
		}
		if !slices.ContainsFunc(chainsOf(uint8(t.Family)), func(o chain) bool { return o.name == c.Name }) {
			return unknown
		}
		list, err := conn.GetRules(t, c)
		if err != nil {
			return unknown
		}
		for _, rule := range list {
			pid, lives, ok := writer(commentOf(rule.UserData))
			if !ok {
				return unknown
			}
			if lives && pid != os.Getpid() {
				return fmt.Sprintf("process %d", pid)
			}
			rules++
		}
	}
	if rules == 0 {
		return unknown
	}
	return ""
}

// commentOf reads the comment in a rule's user data: type, length, value.
func commentOf(data []byte) string {
	for len(data) >= 2 {
		kind, length := data[0], int(data[1])
		if 2+length > len(data) {
			return ""
		}
		if kind == ruleComment {
			return strings.TrimRight(string(data[2:2+length]), "\x00")
		}
		data = data[2+length:]
	}
	return ""
}

func dropTable(family uint8) error {
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		return fmt.Errorf("removing nftables table %q: %w", tableName, err)
	}
	defer conn.Close()
	return removeTables(conn, []uint8{family})
}
