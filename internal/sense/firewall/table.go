package firewall

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/google/nftables/expr"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// tableName is the name of every table of ours.
const tableName = "rstwatch"

const (
	// priorityFirst is before everything that rules of others do at the input
	// hook (mangle is -150), priorityLast after everything that they do at
	// forward and output (the last name that nft knows is 225).
	priorityFirst = -225
	priorityLast  = 250

	tableOwner    = 2 // NFT_TABLE_F_OWNER of linux/netfilter/nf_tables.h
	tableUserdata = 6 // NFTA_TABLE_USERDATA
	ruleComment   = 0 // NFTNL_UDATA_RULE_COMMENT of libnftnl
)

// chain is one of ours: a hook has the same number in both families.
type chain struct {
	name     string
	hook     uint32
	priority int32
}

func chainsOf(family uint8) []chain {
	forward := chain{name: "forward", hook: unix.NF_INET_FORWARD, priority: priorityLast}
	if family == unix.NFPROTO_BRIDGE {
		return []chain{forward}
	}
	return []chain{
		{name: "input", hook: unix.NF_INET_LOCAL_IN, priority: priorityFirst},
		forward,
		{name: "output", hook: unix.NF_INET_LOCAL_OUT, priority: priorityLast},
	}
}

// table is our rules in one namespace. Close it to remove them.
type table struct {
	conn  *netlink.Conn
	owned bool // the kernel removes them with conn
	// families whose tables were made.
	families []uint8
}

// makeTable writes our rules into the namespace of the calling thread. Where
// the kernel knows no owners of tables, the table is a plain one.
func makeTable(cfg Config, comment string) (*table, error) {
	families := []uint8{unix.NFPROTO_INET}
	if cfg.Bridge {
		families = append(families, unix.NFPROTO_BRIDGE)
	}
	t, err := writeTable(cfg, families, comment, true)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EINVAL) {
		t, err = writeTable(cfg, families, comment, false)
	}
	if err != nil {
		return nil, fmt.Errorf("making nftables table %q: %w", tableName, err)
	}
	return t, nil
}

func writeTable(cfg Config, families []uint8, comment string, owned bool) (*table, error) {
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		return nil, err
	}
	var b batch
	for _, family := range families {
		flags := uint32(0)
		if owned {
			flags = tableOwner
		}
		b.add(unix.NFT_MSG_NEWTABLE, family, netlink.Create|netlink.Excl, []netlink.Attribute{
			text(unix.NFTA_TABLE_NAME, tableName), number(unix.NFTA_TABLE_FLAGS, flags),
			{Type: tableUserdata, Data: userdata(comment)},
		})
		for _, c := range chainsOf(family) {
			b.addChain(family, c, cfg, comment)
		}
	}
	if err := b.commit(conn); err != nil {
		conn.Close()
		return nil, err
	}
	return &table{conn: conn, owned: owned, families: families}, nil
}

// close removes the rules.
func (t *table) close() error {
	defer t.conn.Close()
	if t.owned {
		return nil
	}
	return removeTables(t.conn, t.families)
}

func removeTables(conn *netlink.Conn, families []uint8) error {
	var b batch
	for _, family := range families {
		b.add(unix.NFT_MSG_DELTABLE, family, 0, []netlink.Attribute{text(unix.NFTA_TABLE_NAME, tableName)})
	}
	if err := b.commit(conn); err != nil {
		return fmt.Errorf("removing nftables table %q: %w", tableName, err)
	}
	return nil
}

func text(kind uint16, value string) netlink.Attribute {
	return netlink.Attribute{Type: kind, Data: append([]byte(value), 0)}
}

func number(kind uint16, value uint32) netlink.Attribute {
	return netlink.Attribute{Type: kind, Data: binary.BigEndian.AppendUint32(nil, value)}
}

// userdata is a comment as nft writes and shows it.
func userdata(comment string) []byte {
	return append([]byte{ruleComment, byte(len(comment) + 1)}, append([]byte(comment), 0)...)
}

// expressions are "meta l4proto tcp tcp flags & rst == rst log group …". A
// later fragment has no transport header, and the payload expression then ends
// the rule.
func expressions(cfg Config) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{unix.IPPROTO_TCP}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 13, Len: 1},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 1, Mask: []byte{flagRST}, Xor: []byte{0}},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{flagRST}},
		&expr.Log{
			Key:   1<<unix.NFTA_LOG_GROUP | 1<<unix.NFTA_LOG_SNAPLEN | 1<<unix.NFTA_LOG_QTHRESHOLD,
			Group: cfg.Group, Snaplen: cfg.CopyBytes, QThreshold: cfg.Threshold,
		},
	}
}

const flagRST = 0x04
