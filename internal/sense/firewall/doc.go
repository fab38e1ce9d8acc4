// Package firewall sees resets through netfilter: rules of our own in a table
// of our own hand them to user space (NFLOG). It runs only when it is asked
// for, since nobody expects a watcher to edit a firewall.
//
// # What it writes
//
// One table "rstwatch" of the inet family in each network namespace, and, with
// Config.Bridge, one of the bridge family:
//
//	table inet rstwatch {
//		flags owner
//		chain input   { type filter hook input   priority -225; tcp flags & rst == rst log group 29303 … }
//		chain forward { type filter hook forward priority  250; … }
//		chain output  { type filter hook output  priority  250; … }
//	}
//
// Input is before all rules of others at that hook, so that it sees what
// arrived, also where a rule then drops it; forward and output are after all
// of them, so that they see what leaves. A packet that logs is not changed,
// and every chain's policy is to accept.
//
// # How it goes away
//
// The table belongs to our netlink socket (NFT_TABLE_F_OWNER, Linux 5.12): the
// kernel removes it when the socket is closed, on kill -9 too, and nobody else
// can change it. On older kernels it is a plain table whose rules bear a
// comment with our process's number and start; it is removed at exit, and one
// that a crash has left behind at the next start. A table of that name which
// is not ours, or a living instance's, is never touched: see TableTakenError.
package firewall
