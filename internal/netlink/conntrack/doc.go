// Package conntrack asks the kernel's connection tracking for one connection
// (linux/netfilter/nfnetlink_conntrack.h, net/netfilter/nf_conntrack_netlink.c).
package conntrack
