/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * What is kept of connections: a line at the handshake and at the close, never
 * one for each packet. All maps have a fixed size and forget the oldest.
 */
#ifndef RSTWATCH_TABLE_H
#define RSTWATCH_TABLE_H

/* Set before the programs load: a seed that nobody knows, and the slots less one. */
const volatile __u64 hash_seed = 0;
const volatile __u32 handshake_mask = 0xffff;

/*
 * A connection's name as its local end sees it. IPv4 addresses stand as IPv6
 * has them (RFC 4291, 2.5.5.2), as they do in the kernel's own sockets of both
 * families, so that sockets and packets meet.
 */
struct tuple {
	__u32 netns; /* see namespace_of */
	__u16 lport;
	__u16 rport;
	__u8 laddr[16];
	__u8 raddr[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct tuple);
	__type(value, struct connection);
} connections SEC(".maps");

/* Sockets that are connecting, by address: they have no local port yet when they begin. */
struct opening {
	__u64 begun_ns;
	struct owner owner;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64);
	__type(value, struct opening);
} openings SEC(".maps");

/* Who listens on a port. */
struct port {
	__u32 netns;
	__u32 port;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct port);
	__type(value, struct owner);
} listeners SEC(".maps");

/* The last complete handshake with an address. */
struct address {
	__u32 netns;
	__u8 addr[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct address);
	__type(value, struct peer);
} peers SEC(".maps");

/* The last connection that this host opened from an address and port. */
struct local_port {
	__u32 netns;
	__u32 port;
	__u8 addr[16];
};

struct opened {
	__u64 sk; /* kernel address: only believed while it has these addresses */
	__u64 begun_ns;
	struct tuple tuple;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768);
	__type(key, struct local_port);
	__type(value, struct opened);
} local_ports SEC(".maps");

/*
 * The other end's packet of a handshake, in the slot that the hash of its
 * addresses names. Whoever comes later takes the slot: a flood of SYNs costs
 * nothing but what it overwrites. Each word bears a part of the hash, so that
 * neither another connection's packet nor one half-written is taken for this.
 *
 *	a: hash 63..32 | has MAC | IPv4 | bare SYN | 0 | TTL | IP ID
 *	b: MAC                             | hash 31..16
 *	c: SEQ         | device            | hash 47..32
 */
struct slot {
	__u64 a;
	__u64 b;
	__u64 c;
};

#define SLOT_HAS_MAC 0x80000000ULL
#define SLOT_IPV4 0x40000000ULL
#define SLOT_BARE_SYN 0x20000000ULL

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct slot);
} handshakes SEC(".maps");

/*
 * A namespace by the low half of its cookie, since its inode number is given to
 * the next one as soon as it is gone; by that where there is no cookie (5.14).
 */
static __always_inline __u32 namespace_of(struct net *net)
{
	if (bpf_core_field_exists(net->net_cookie))
		return (__u32)net->net_cookie;
	return net->ns.inum;
}

static __always_inline __u32 namespace_told(const struct sighting *s)
{
	struct net *net = NULL;

	if (bpf_core_field_exists(net->net_cookie))
		return (__u32)s->netns_cookie;
	return s->netns;
}

static __always_inline __u64 hash_of(const struct tuple *t)
{
	const __u64 *words = (const __u64 *)t;
	__u64 hash = hash_seed;

#pragma unroll
	for (int i = 0; i < sizeof(*t) / 8; i++) {
		hash = (hash ^ words[i]) * 0x9e3779b97f4a7c15ULL;
		hash ^= hash >> 32;
	}
	return hash;
}

static __always_inline bool same_addr(const __u8 *a, const __u8 *b)
{
	const __u64 *x = (const __u64 *)a, *y = (const __u64 *)b;

	return x[0] == y[0] && x[1] == y[1];
}

static __always_inline void map_ipv4(__u8 *to, __u32 addr)
{
	__u32 *words = (__u32 *)to;

	words[0] = 0;
	words[1] = 0;
	words[2] = 0xffff0000; /* ::ffff:0:0, on a machine that is little-endian, as BPF objects here are */
	words[3] = addr;
}

static __always_inline void tuple_of_socket(struct tuple *t, const struct sock *sk)
{
	t->netns = namespace_of(sk->__sk_common.skc_net.net);
	t->lport = swap16(socket_field(inet_sock, sk, inet_sport));
	t->rport = swap16(sk->__sk_common.skc_dport);
	if (sk->__sk_common.skc_family == AF_INET) {
		map_ipv4(t->laddr, sk->__sk_common.skc_rcv_saddr);
		map_ipv4(t->raddr, sk->__sk_common.skc_daddr);
	} else {
		copy16(t->laddr, &sk->__sk_common.skc_v6_rcv_saddr);
		copy16(t->raddr, &sk->__sk_common.skc_v6_daddr);
	}
}

/* Of a packet that came in: its destination is the local end. */
static __always_inline void tuple_of_packet(struct tuple *t, __u32 netns, const struct found *f)
{
	__u32 ports = load32(f->ip + f->tcp);

	t->netns = netns;
	t->rport = swap16((__u16)ports);
	t->lport = swap16((__u16)(ports >> 16));
	if (f->version == 4) {
		map_ipv4(t->raddr, load32(f->ip + 12));
		map_ipv4(t->laddr, load32(f->ip + 16));
	} else {
		copy16(t->raddr, f->ip + 8);
		copy16(t->laddr, f->ip + 24);
	}
}

/* Of a packet that goes out: its source is the local end. */
static __always_inline void tuple_of_own_packet(struct tuple *t, __u32 netns, const struct found *f)
{
	__u32 ports = load32(f->ip + f->tcp);

	t->netns = netns;
	t->lport = swap16((__u16)ports);
	t->rport = swap16((__u16)(ports >> 16));
	if (f->version == 4) {
		map_ipv4(t->laddr, load32(f->ip + 12));
		map_ipv4(t->raddr, load32(f->ip + 16));
	} else {
		copy16(t->laddr, f->ip + 8);
		copy16(t->raddr, f->ip + 24);
	}
}

static __always_inline bool watches(struct sock *sk)
{
	__u32 inum;

	if (!filter_netns)
		return true;
	inum = sk->__sk_common.skc_net.net->ns.inum;
	return bpf_map_lookup_elem(&watched_netns, &inum);
}

#endif
