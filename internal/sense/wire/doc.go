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
// Under a flood of one million resets (BenchmarkFlood, two cores, sender and
// stack included) a packet cost 2.4 to 2.7 microseconds of processor time with
// the ring, 4.1 with recvmmsg and a large socket buffer, and 4.0 to 4.3 with one
// system call for each, which is all that mdlayher/packet offers, and there
// some were lost. The ring's entries are small, too: a socket buffer of 32 MiB
// holds fewer resets than 8 MiB of ring. Its price is that its memory is taken
// at once.
package wire
