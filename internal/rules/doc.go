// Package rules reads the LOG rules of an iptables-save or ip6tables-save file
// and answers, for a reset, which of them would have logged it: the file that
// fed the kernel's LOG target feeds rstwatch instead.
//
// The filter table is evaluated as the kernel does (net/ipv4/netfilter/
// ip_tables.c, ipt_do_table): chain by chain, a rule at a time, each match in
// its order; LOG goes on, ACCEPT, DROP, REJECT and RETURN stop. Rules that no
// TCP reset can meet are left out. What is left and cannot be honoured is an
// Error with its line, never skipped.
package rules
