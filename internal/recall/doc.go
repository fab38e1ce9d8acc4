// Package recall keeps each reset for two seconds, so that what follows it on
// this host can improve its verdict: a peer that speaks on after "its" reset, the
// same packet in the namespace that sent it, the death of a process that reset
// hundreds of connections.
//
// A reset is judged at once with what is known by then. Where more may come, it
// is provisional and kept; when its time is over it is judged once more, and that
// is its last revision. The verdict depends on what was told and when it happened,
// not on the order in which it was told.
//
// The refusal of a SYN is judged once and for all. It is kept all the same where
// somebody may yet add to its record, as the rule that rejected.
//
// All memory is bounded. What finds no room is final at once and counted.
package recall
