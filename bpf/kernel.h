/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * The few kernel types that rstwatch reads, each with the file it mirrors.
 * Only names and nesting matter: the loader relocates every access against the
 * running kernel's BTF, so order and size here mean nothing.
 */
#ifndef RSTWATCH_KERNEL_H
#define RSTWATCH_KERNEL_H

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u64 __be64;
typedef __u32 __wsum;
typedef _Bool bool;
#define true 1
#define false 0
#define NULL ((void *)0)

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

/* include/uapi/linux/bpf.h */
#define BPF_MAP_TYPE_HASH 1
#define BPF_MAP_TYPE_ARRAY 2
#define BPF_MAP_TYPE_PERCPU_ARRAY 6
#define BPF_MAP_TYPE_LRU_HASH 9
#define BPF_MAP_TYPE_RINGBUF 27
#define BPF_ANY 0
#define BPF_NOEXIST 1
#define BPF_RB_NO_WAKEUP 1ULL
#define BPF_RB_FORCE_WAKEUP 2ULL

/* include/uapi/linux/if_ether.h, in.h; include/linux/socket.h; include/net/tcp_states.h */
#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86DD
#define ETH_P_8021Q 0x8100
#define ETH_P_8021AD 0x88A8
#define IPPROTO_TCP 6
#define AF_INET 2
#define AF_INET6 10
#define AF_PACKET 17
#define SOCK_STREAM 1
#define SOCK_RAW 3
#define IFNAMSIZ 16
#define PACKET_OTHERHOST 3 /* include/uapi/linux/if_packet.h */
#define CHECKSUM_PARTIAL 3 /* include/linux/skbuff.h */
#define NF_IP_PRI_CONNTRACK (-200) /* include/uapi/linux/netfilter_ipv4.h */
#define PF_EXITING 0x4	   /* include/linux/sched.h */
#define PF_KTHREAD 0x00200000

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct ns_common { /* include/linux/ns_common.h */
	unsigned int inum;
};

struct nf_hook_entry { /* include/linux/netfilter.h */
	void *hook;
	void *priv;
};

struct nf_hook_entries { /* include/linux/netfilter.h; behind the hooks, a pointer to the nf_hook_ops of each */
	__u16 num_hook_entries;
	struct nf_hook_entry hooks[];
};

struct nf_hook_ops { /* include/linux/netfilter.h */
	int priority;
};

struct netns_nf { /* include/net/netns/netfilter.h */
	struct nf_hook_entries *hooks_ipv4[5];
	struct nf_hook_entries *hooks_ipv6[5];
};

struct net { /* include/net/net_namespace.h */
	struct ns_common ns;
	__u64 net_cookie;
	struct netns_nf nf;
};

typedef struct { /* include/net/net_namespace.h */
	struct net *net;
} possible_net_t;

struct net_device { /* include/linux/netdevice.h */
	char name[IFNAMSIZ];
	int ifindex;
	unsigned int flags;
	unsigned short hard_header_len;
	possible_net_t nd_net;
	void *rx_handler;
};

struct in6_addr { /* include/uapi/linux/in6.h */
	union {
		__u8 u6_addr8[16];
	} in6_u;
};

typedef struct {
	__s64 counter;
} atomic64_t;

struct sock_common { /* include/net/sock.h */
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
	atomic64_t skc_cookie;
	unsigned long skc_flags;
};

struct inode { /* include/linux/fs.h */
	unsigned long i_ino;
};

struct file { /* include/linux/fs.h */
	struct inode *f_inode;
};

struct kernfs_node { /* include/linux/kernfs.h */
	__u64 id;
};

struct cgroup { /* include/linux/cgroup-defs.h */
	struct kernfs_node *kn;
};

struct sock_cgroup_data { /* include/linux/cgroup-defs.h */
	struct cgroup *cgroup;
};

/* Before 5.15: the pointer, or something else where the lowest bit is set. */
struct sock_cgroup_data___val {
	__u64 val;
};

struct socket { /* include/linux/net.h */
	struct file *file;
};

typedef struct {
	unsigned int val;
} kuid_t;

struct sock { /* include/net/sock.h */
	struct sock_common __sk_common;
	struct socket *sk_socket;
	kuid_t sk_uid;
	__u16 sk_type;
	__u16 sk_protocol;
	int sk_err;
	__u8 sk_shutdown;
	unsigned long sk_lingertime;
	__u32 sk_mark;
	struct sock_cgroup_data sk_cgrp_data;
};

enum sock_flags { SOCK_KEEPOPEN = 3, SOCK_LINGER = 4 }; /* include/net/sock.h */

struct inet_sock { /* include/net/inet_sock.h */
	struct sock sk;
	__be16 inet_sport;
	__be32 inet_saddr;
};

struct inet_connection_sock { /* include/net/inet_connection_sock.h */
	__u8 icsk_retransmits;
	__u8 icsk_probes_out;
	struct {
		__u32 lrcvtime;
	} icsk_ack;
	__u32 icsk_user_timeout;
};

struct minmax_sample { /* include/linux/win_minmax.h */
	__u32 v;
};

struct minmax { /* include/linux/win_minmax.h */
	struct minmax_sample s[3];
};

struct tcp_sock { /* include/linux/tcp.h */
	__u32 rcv_nxt;
	__u32 copied_seq;
	__u32 snd_nxt;
	__u32 snd_una;
	__u32 write_seq;
	__u32 srtt_us;
	__u32 total_retrans;
	__u64 bytes_acked;
	__u64 bytes_sent;
	__u64 bytes_received;
	__u32 lsndtime;
	__u32 rcv_tstamp;
	__u32 rcv_wnd;
	struct minmax rtt_min;
	int linger2;
	bool is_mptcp;
};

struct mm_struct;

struct signal_struct { /* include/linux/sched/signal.h */
	struct mm_struct *oom_mm;
};

struct task_struct { /* include/linux/sched.h */
	unsigned int flags;
	int exit_code;
	struct signal_struct *signal;
};

struct dst_entry { /* include/net/dst.h */
	struct net_device *dev;
};

struct sk_buff { /* include/linux/skbuff.h */
	unsigned long _skb_refdst;
	struct net_device *dev;
	struct sock *sk;
	unsigned int len;
	unsigned int data_len;
	__u16 mac_len;
	__u8 pkt_type : 3;
	__u8 ip_summed : 2;
	__be16 protocol;
	int skb_iif;
	__u32 mark;
	unsigned long _nfct;
	__be16 vlan_proto;
	__u16 vlan_tci;
	__u16 transport_header;
	__u16 network_header;
	__u16 mac_header;
	unsigned char *head;
	unsigned char *data;
};

struct iphdr { /* include/uapi/linux/ip.h; the bit fields stand as one byte */
	__u8 tos;
	__be16 tot_len;
	__be16 id;
	__be16 frag_off;
	__u8 ttl;
	__u8 protocol;
};

#pragma clang attribute pop

#endif
