// Package query is FILTER: which resets a command is about, in the syntax of
// pcap-filter(7) as far as it can speak of the headers of a TCP reset, with
// primitives of our own for where it was seen and what was made of it.
//
// A filter reads only the decoded fields of a reset.Reset, so it means the same
// for live capture, for a capture file, for the journal and for a log line.
// Matching is two-valued, as in libpcap: a primitive about a field that the
// record does not have is false, and its negation is true. What a sensor can
// never know is refused beforehand: see Filter.Check.
//
// docs/reference/filter.md is the reference for people.
package query
