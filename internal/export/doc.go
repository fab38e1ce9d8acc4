// Package export writes resets in the formats of other programs: CSV for tables,
// Zeek's logs, and pcapng for Wireshark, with the verdict as the packet's
// comment. Each is a function that appends what one entry becomes, as those of
// text and JSON are; what cannot be taken back later is written once a reset has
// its last revision.
package export
