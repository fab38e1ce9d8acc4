package testkit

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// translation is one nftables rule that translates one end of a connection.
type translation struct {
	hook    *nftables.ChainHook
	dstPort uint16 // of the packets that it is for, as they are at the hook
	source  bool   // the source is translated; else the destination
	local   bool   // REDIRECT: to a port of the namespace itself
	to      netip.AddrPort
}

// translate installs the rules, in a table of their own, for as long as the
// maker runs. Connections that have begun stay translated for as long as the
// table is there.
func (r *run) translate(n *Node, rules ...translation) error {
	conn, err := nftables.New(nftables.WithNetNSFd(n.fd))
	if err != nil {
		return fmt.Errorf("opening nftables in %s: %w", n.Role, err)
	}
	table := &nftables.Table{Family: nftables.TableFamilyINet, Name: fmt.Sprintf("%s%d", filterTable, n.lab.NextPort())}
	conn.AddTable(table)
	for i, rule := range rules {
		priority := nftables.ChainPriorityNATDest
		if rule.source {
			priority = nftables.ChainPriorityNATSource
		}
		chain := &nftables.Chain{
			Name: fmt.Sprintf("lab%d", i), Table: table, Type: nftables.ChainTypeNAT,
			Hooknum: rule.hook, Priority: priority,
		}
		conn.AddChain(chain)
		exprs := append(family(r.scene.Family), filter{dstPort: rule.dstPort}.matches()...)
		conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: append(exprs, rule.exprs()...)})
	}
	if err := conn.Flush(); err != nil {
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EOPNOTSUPP) {
			return &UnsupportedError{Need: "nftables with nat and redirect in the inet family"}
		}
		return fmt.Errorf("adding nftables translation in %s: %w", n.Role, err)
	}
	r.cleanup(func() error {
		conn.DelTable(table)
		if err := conn.Flush(); err != nil {
			return fmt.Errorf("removing nftables translation in %s: %w", n.Role, err)
		}
		return nil
	})
	return nil
}

// family matches packets of one family, in the inet family's tables.
func family(f reset.Family) []expr.Any {
	protocol := byte(unix.NFPROTO_IPV4)
	if f == reset.IPv6 {
		protocol = unix.NFPROTO_IPV6
	}
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{protocol}},
	}
}

func (t translation) exprs() []expr.Any {
	port := &expr.Immediate{Register: 2, Data: binary.BigEndian.AppendUint16(nil, t.to.Port())}
	if t.local {
		return []expr.Any{port, &expr.Redir{RegisterProtoMin: 2}}
	}
	nat := &expr.NAT{Type: expr.NATTypeDestNAT, Family: unix.NFPROTO_IPV4, RegAddrMin: 1, RegProtoMin: 2}
	if t.source {
		nat.Type = expr.NATTypeSourceNAT
	}
	if t.to.Addr().Is6() {
		nat.Family = unix.NFPROTO_IPV6
	}
	return []expr.Any{&expr.Immediate{Register: 1, Data: t.to.Addr().AsSlice()}, port, nat}
}
