// Package attribute gives a reset its verdict: who sent it, why, how sure that
// is and on what evidence.
//
// What stands here is what the kernel's own words carry: the reason that TCP
// gave for a RST that it sent, what owned a packet that left, and what the stack
// did with one that arrived. Where those words do not decide, the verdict says
// unknown: a cause that is guessed is worse than none.
//
// The rules are tables, one row a fact, in the order of precedence.
package attribute
