// Package classic writes and reads the line that the Linux LOG target prints
// for a packet: the form in which resets have been kept for decades.
//
// AppendLine renders a Reset as the kernel would have logged the same packet,
// byte for byte after the syslog head: net/netfilter/nf_log_syslog.c,
// functions nf_log_dump_packet_common, dump_mac_header, dump_ipv4_packet,
// dump_ipv6_packet, nf_log_dump_tcp_header and nf_log_dump_sk_uid_gid. Like
// the kernel's, the line ends in a space and has no newline.
//
// ParseLine is the reverse: it reads one such line into a Sighting and leaves
// absent whatever the line does not say.
package classic
