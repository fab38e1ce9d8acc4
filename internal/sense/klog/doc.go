// Package klog sees resets by reading what an existing classic set-up writes:
// the lines of the LOG target of iptables or nftables.
//
// The lines come from one of three places:
//
//   - /dev/kmsg, the kernel's own ring of messages. Exact: each record has a
//     number, so that what was overwritten before it could be read is counted;
//     only records that the kernel itself wrote are believed.
//   - "journal": journald, through journalctl.
//   - any other path: a file that a syslog daemon writes, followed through
//     rotation by renaming and by truncation.
//
// # What it cannot see
//
// Whatever the rules do not log; namespaces other than the first unless
// net.netfilter.nf_log_all_netns is 1, and which namespace it was in any case;
// what the kernel's or the daemon's limit on messages drops. A file can hold
// lines that any local user wrote (logger(1)): they look alike.
package klog
