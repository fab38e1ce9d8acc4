// Package flow keeps account of the TCP connections that pass through a
// capture: of every packet a little, so that of a RST can be said how it fits
// its connection, what it answers, and what came after it.
//
// The account is bounded: of more connections than it has room for, one that
// has long been silent is forgotten. It allocates nothing for a packet.
//
// What it says is made of conditions that a standard TCP cannot meet, after
// Weaver, Sommer and Paxson, "Detecting Forged TCP Reset Packets" (NDSS 2009),
// with the exemptions that real traffic asks for: a reply to data in flight
// bears an older ACK, a reply to a SYN bears zero, the same packet may have
// been captured twice. Where the capture may lack packets, nothing is said.
//
// Sequence numbers are compared modulo 2^32 (RFC 9293, 3.4).
package flow
