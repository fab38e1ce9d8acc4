package firewall

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/google/nftables/expr"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// batch is an nftables transaction: all of it or nothing (nf_tables_api.c,
// nfnetlink_rcv_batch).
type batch struct {
	messages []netlink.Message
	err      error // of the first message that could not be built
}

const subsystem = unix.NFNL_SUBSYS_NFTABLES << 8

// add appends one message.
func (b *batch) add(kind uint16, family uint8, flags netlink.HeaderFlags, attrs []netlink.Attribute) {
	data, err := netlink.MarshalAttributes(attrs)
	if err != nil && b.err == nil {
		b.err = err
	}
	b.messages = append(b.messages, netlink.Message{
		Header: netlink.Header{Type: netlink.HeaderType(subsystem | kind), Flags: netlink.Request | flags},
		Data:   append([]byte{family, unix.NFNETLINK_V0, 0, 0}, data...),
	})
}

// addChain appends one of our chains and its only rule.
func (b *batch) addChain(family uint8, c chain, cfg Config, comment string) {
	hook, err := netlink.MarshalAttributes([]netlink.Attribute{
		number(unix.NFTA_HOOK_HOOKNUM, c.hook), number(unix.NFTA_HOOK_PRIORITY, uint32(c.priority)),
	})
	var list []netlink.Attribute
	for _, e := range expressions(cfg) {
		data, marshalErr := expr.Marshal(family, e)
		if marshalErr != nil && err == nil {
			err = marshalErr
		}
		list = append(list, netlink.Attribute{Type: unix.NLA_F_NESTED | unix.NFTA_LIST_ELEM, Data: data})
	}
	rule, marshalErr := netlink.MarshalAttributes(list)
	if marshalErr != nil && err == nil {
		err = marshalErr
	}
	if err != nil && b.err == nil {
		b.err = err
	}
	b.add(unix.NFT_MSG_NEWCHAIN, family, netlink.Create|netlink.Excl, []netlink.Attribute{
		text(unix.NFTA_CHAIN_TABLE, tableName), text(unix.NFTA_CHAIN_NAME, c.name),
		{Type: unix.NLA_F_NESTED | unix.NFTA_CHAIN_HOOK, Data: hook},
		text(unix.NFTA_CHAIN_TYPE, "filter"),
	})
	b.add(unix.NFT_MSG_NEWRULE, family, netlink.Create|netlink.Append, []netlink.Attribute{
		text(unix.NFTA_RULE_TABLE, tableName), text(unix.NFTA_RULE_CHAIN, c.name),
		{Type: unix.NLA_F_NESTED | unix.NFTA_RULE_EXPRESSIONS, Data: rule},
		{Type: unix.NFTA_RULE_USERDATA, Data: userdata(comment)},
	})
}

// commit sends the transaction and waits for the kernel's answer, which it
// gives to the last message once all of it holds, and otherwise to the first
// that is wrong.
func (b *batch) commit(conn *netlink.Conn) error {
	if b.err != nil {
		return fmt.Errorf("building nftables messages: %w", b.err)
	}
	b.messages[len(b.messages)-1].Header.Flags |= netlink.Acknowledge
	mark := func(kind uint16) netlink.Message {
		return netlink.Message{
			Header: netlink.Header{Type: netlink.HeaderType(kind), Flags: netlink.Request},
			Data:   append([]byte{unix.AF_UNSPEC, unix.NFNETLINK_V0}, binary.BigEndian.AppendUint16(nil, unix.NFNL_SUBSYS_NFTABLES)...),
		}
	}
	messages := append([]netlink.Message{mark(unix.NFNL_MSG_BATCH_BEGIN)}, b.messages...)
	messages = append(messages, mark(unix.NFNL_MSG_BATCH_END))
	if _, err := conn.SendMessages(messages); err != nil {
		return err
	}
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	if _, err := conn.Receive(); err != nil {
		return err
	}
	return conn.SetReadDeadline(time.Time{})
}
