// Package wire sees resets through AF_PACKET, where BPF is not to be had.
//
// One packet socket per network namespace, bound to every device, with a
// classic BPF filter that lets only resets pass to a memory-mapped ring
// (TPACKET_V3). What it can tell is THAT a RST passed a device, with every
// header; not why, not who sent it, not what the stack did with it.
//
// It gives one sighting for each time that a packet is handed to or by a
// device: a RST that passes a veth, the bridge that the veth is a port of and
// the VLAN device on top is seen three times, and one on the loopback device
// twice. Joining them is not this package's affair.
//
// It does not see what a sender with PACKET_QDISC_BYPASS writes, what AF_XDP
// and XDP send or drop, and what a device drops before the stack has it.
//
// # Why a ring
//
// See the comment of Config.RingMemory for what was measured.
package wire
