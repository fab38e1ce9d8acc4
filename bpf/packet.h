/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Finding a RST in a packet, as cheaply as can be, and copying its headers. */
#ifndef RSTWATCH_PACKET_H
#define RSTWATCH_PACKET_H

#define TCP_FLAG_SYN 0x02
#define TCP_FLAG_RST 0x04
#define TCP_FLAG_ACK 0x10
#define TCP_FLAGS_OFFSET 13
#define EXTENSIONS_MAX 6

/*
 * bpf_rdonly_cast (6.2) lets the program load packet bytes with plain
 * instructions; before it, each load is a call of bpf_probe_read_kernel.
 */
extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym __weak;
const volatile bool fast_loads = false; /* bpf_rdonly_cast is there */

struct found {
	unsigned char *ip; /* the IP header */
	__u32 tcp;	   /* offset of the TCP header from it */
	__u16 vlan;
	__u8 version; /* 4 or 6 */
	bool tagged;
};

static __always_inline __u16 swap16(__u16 v)
{
	return (__u16)(v << 8 | v >> 8);
}

static __always_inline __u8 load8(const unsigned char *p)
{
	__u8 v = 0;

	if (fast_loads) {
		struct in6_addr *bytes = bpf_rdonly_cast(p, bpf_core_type_id_kernel(struct in6_addr));

		return bytes->in6_u.u6_addr8[0];
	}
	bpf_probe_read_kernel(&v, 1, p);
	return v;
}

/*
 * The verifier lets an array of bytes be read in larger pieces, as long as they
 * end within it: struct in6_addr stands for sixteen bytes of anything.
 */
#define sixteen_bytes(p) bpf_rdonly_cast(p, bpf_core_type_id_kernel(struct in6_addr))

/* load16 reads two bytes in network order. */
static __always_inline __u16 load16(const unsigned char *p)
{
	__u16 v = 0;

	if (fast_loads)
		v = *(__u16 *)sixteen_bytes(p);
	else
		bpf_probe_read_kernel(&v, 2, p);
	return swap16(v);
}

/* load32 reads four bytes as they stand. */
static __always_inline __u32 load32(const unsigned char *p)
{
	__u32 v = 0;

	if (fast_loads)
		return *(__u32 *)sixteen_bytes(p);
	bpf_probe_read_kernel(&v, 4, p);
	return v;
}

/* copy16 copies sixteen bytes. */
static __always_inline void copy16(void *to, const void *from)
{
	if (fast_loads) {
		__u64 *words = sixteen_bytes(from);

		((__u64 *)to)[0] = words[0];
		((__u64 *)to)[1] = words[1];
		return;
	}
	bpf_probe_read_kernel(to, 16, from);
}

/* Whether an IPv6 next header is an extension that a RST may hide behind (RFC 7045, 4). */
static __always_inline bool extension(__u8 next)
{
	return next == 0 || next == 43 || next == 44 || next == 51 || next == 60 || next == 135 || next == 139 ||
	       next == 140;
}

/* Walk the extension headers; the offset of the TCP header, or 0. */
static __noinline __u32 behind_extensions(unsigned char *ip, __u8 next)
{
	__u32 at = 40;

	for (int i = 0; i < EXTENSIONS_MAX; i++) {
		__u32 length;

		if (next == IPPROTO_TCP)
			return at;
		if (!extension(next))
			return 0;
		if (next == 44) { /* only a first fragment bears the TCP header */
			if (load16(ip + at + 2) & 0xfff8)
				return 0;
			length = 8;
		} else if (next == 51) { /* AH counts in words, less two (RFC 4302, 2.2) */
			length = ((__u32)load8(ip + at + 1) + 2) * 4;
		} else {
			length = ((__u32)load8(ip + at + 1) + 1) * 8;
		}
		next = load8(ip + at);
		at += length;
	}
	return 0;
}

/*
 * Always zero, which the verifier does not know: a number that it is added to
 * is the same to it on every way, and it follows the code behind only once.
 */
static volatile __u32 nothing;

/* Find the TCP header of an IP packet; its offset from the IP header, or 0. */
static __always_inline __u32 find_tcp(unsigned char *ip, __u8 version)
{
	if (version == 4) {
		if (load8(ip + 9) != IPPROTO_TCP)
			return 0;
		return (__u32)(load8(ip) & 0x0f) * 4;
	}
	__u8 next = load8(ip + 6);

	if (next == IPPROTO_TCP)
		return 40;
	return extension(next) ? (behind_extensions(ip, next) + nothing) & 0x3fff : 0;
}

/* The flags of the TCP segment, if any of mask is set; else 0. */
static __always_inline __u8 tcp_flagged(struct found *f, __u8 mask)
{
	__u8 flags;

	f->tcp = find_tcp(f->ip, f->version);
	if (f->tcp < 20)
		return 0;
	flags = load8(f->ip + f->tcp + TCP_FLAGS_OFFSET);
	if (!(flags & mask))
		return 0;
	/* A later fragment has no TCP header: what stands there is payload. */
	return f->version == 6 || !(load16(f->ip + 6) & 0x1fff) ? flags : 0;
}

/*
 * The flags of the packet whose link payload starts at l3, if it is a TCP
 * segment with any of mask set; else 0. protocol is the skb's, in network order.
 */
static __always_inline __u8 find_flagged(struct found *f, unsigned char *l3, __be16 protocol, __u8 mask)
{
	f->ip = l3;
	f->tagged = false;
	if (protocol == swap16(ETH_P_8021Q) || protocol == swap16(ETH_P_8021AD)) {
		f->tagged = true;
		f->vlan = load16(l3) & 0x0fff;
		protocol = swap16(load16(l3 + 2));
		f->ip = l3 + 4;
		if (protocol == swap16(ETH_P_8021Q)) { /* a tag within a tag */
			f->vlan = load16(l3 + 4) & 0x0fff;
			protocol = swap16(load16(l3 + 6));
			f->ip = l3 + 8;
		}
	}
	if (protocol == swap16(ETH_P_IP))
		f->version = 4;
	else if (protocol == swap16(ETH_P_IPV6))
		f->version = 6;
	else
		return 0;
	return tcp_flagged(f, mask);
}

/* Whether it is a RST. */
static __always_inline bool find_rst(struct found *f, unsigned char *l3, __be16 protocol)
{
	return find_flagged(f, l3, protocol, TCP_FLAG_RST);
}

/* Copy the headers of the packet into the tail; the number of bytes kept. */
static __always_inline __u32 copy_bytes(struct sighting *s, __u32 at, unsigned char *ip, __u32 want, __u32 max)
{
	if (want > max)
		want = max;
	/* The mask is the bound that the verifier sees; the tail has room for it. */
	asm volatile("%0 &= 0xff" : "+r"(want));
	asm volatile("" : "+r"(at));
	if (want == 0 || at > sizeof(struct tcp_part) + sizeof(struct known_part) + TRIGGER_MAX)
		return 0;
	if (bpf_probe_read_kernel(s->tail + at, want, ip))
		return 0;
	return want;
}

/*
 * The bytes worth keeping of a packet from its IP header: all of its headers,
 * and no payload unless snap_len was set above them.
 */
static __always_inline __u32 headers_length(struct found *f, __u32 available)
{
	__u32 length = f->tcp + (load8(f->ip + f->tcp + 12) >> 4) * 4;

	if (keep_payload || length > available)
		length = available;
	return length > snap_len ? snap_len : length;
}

#endif
