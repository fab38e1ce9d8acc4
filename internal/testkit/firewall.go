package testkit

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// filter is one nftables rule in a table of its own.
type filter struct {
	hook    *nftables.ChainHook
	netdev  string // device, for the netdev family's ingress hook
	bridge  bool   // the bridge family
	srcPort uint16 // 0: any
	dstPort uint16
	flags   reset.Flags // at least these; 0: any
	exact   bool        // no other flags
	invalid bool        // only what conntrack can put to no connection
	reject  bool        // with tcp reset; else drop
	notrack bool        // kept from conntrack; else drop
	// answered with ICMP's host unreachable; else drop
	unreachable bool
}

// filterTable begins the name of every table; a number follows.
const filterTable = "rwlab"

// apply installs the rule and returns what removes it.
func (n *Node) apply(f filter) (remove func() error, err error) {
	conn, err := nftables.New(nftables.WithNetNSFd(n.fd))
	if err != nil {
		return nil, fmt.Errorf("opening nftables in %s: %w", n.Role, err)
	}
	table := &nftables.Table{Family: nftables.TableFamilyINet, Name: fmt.Sprintf("%s%d", filterTable, n.lab.NextPort())}
	chain := &nftables.Chain{
		Name: "lab", Table: table, Type: nftables.ChainTypeFilter,
		Hooknum: f.hook, Priority: nftables.ChainPriorityFilter,
	}
	if f.notrack {
		chain.Priority = nftables.ChainPriorityRaw
	}
	if f.netdev != "" {
		table.Family = nftables.TableFamilyNetdev
		chain.Hooknum, chain.Device = nftables.ChainHookIngress, f.netdev
	}
	if f.bridge {
		table.Family = nftables.TableFamilyBridge
	}
	conn.AddTable(table)
	conn.AddChain(chain)
	conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: f.exprs()})
	if err := conn.Flush(); err != nil {
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EOPNOTSUPP) {
			return nil, &UnsupportedError{Need: "nftables with reject in this family"}
		}
		return nil, fmt.Errorf("adding nftables rule in %s: %w", n.Role, err)
	}
	return func() error {
		conn.DelTable(table)
		if err := conn.Flush(); err != nil {
			return fmt.Errorf("removing nftables rule in %s: %w", n.Role, err)
		}
		return nil
	}, nil
}

func (f filter) exprs() []expr.Any {
	if f.reject {
		return append(f.matches(), &expr.Reject{Type: unix.NFT_REJECT_TCP_RST})
	}
	if f.unreachable {
		return append(f.matches(), &expr.Reject{Type: unix.NFT_REJECT_ICMPX_UNREACH, Code: unix.NFT_REJECT_ICMPX_HOST_UNREACH})
	}
	if f.notrack {
		return append(f.matches(), &expr.Notrack{})
	}
	return append(f.matches(), &expr.Verdict{Kind: expr.VerdictDrop})
}

// matches are the conditions of the rule.
func (f filter) matches() []expr.Any {
	exprs := []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{unix.IPPROTO_TCP}},
	}
	field := func(offset, length uint32) expr.Any {
		return &expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: offset, Len: length}
	}
	for offset, port := range map[uint32]uint16{0: f.srcPort, 2: f.dstPort} {
		if port != 0 {
			data := binary.BigEndian.AppendUint16(nil, port)
			exprs = append(exprs, field(offset, 2), &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: data})
		}
	}
	if f.flags != 0 {
		bits := []byte{byte(f.flags)}
		mask := bits
		if f.exact {
			mask = []byte{0xff}
		}
		exprs = append(exprs, field(13, 1),
			&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 1, Mask: mask, Xor: []byte{0}},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: bits})
	}
	if f.invalid {
		exprs = append(exprs, invalid()...)
	}
	return exprs
}

// block installs a rule for as long as the maker runs.
func (r *run) block(n *Node, f filter) error {
	remove, err := n.apply(f)
	if err == nil {
		r.cleanup(remove)
	}
	return err
}

// iptables appends a rule in the namespace with the iptables program of the
// family, for as long as the maker runs.
func (r *run) iptables(n *Node, chain string, rule ...string) error {
	program := "iptables"
	if r.scene.Family == reset.IPv6 {
		program = "ip6tables"
	}
	if _, err := exec.LookPath(program); err != nil {
		return &UnsupportedError{Need: program}
	}
	change := func(action string) error {
		return n.Do(func() error {
			args := append([]string{"-w", action, chain}, rule...)
			out, err := exec.Command(program, args...).CombinedOutput()
			if err != nil {
				return fmt.Errorf("%s %s: %w: %s", program, strings.Join(args, " "), err, out)
			}
			return nil
		})
	}
	if err := change("-A"); err != nil {
		return err
	}
	r.cleanup(func() error { return change("-D") })
	return nil
}
