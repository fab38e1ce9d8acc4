// Package nflog speaks the kernel's nfnetlink_log protocol: packets that a
// rule with "log group" hands to user space, in batches, with what the kernel
// knew of each (linux/netfilter/nfnetlink_log.h, net/netfilter/nfnetlink_log.c).
package nflog
