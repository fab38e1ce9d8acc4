/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * tcp_receive_reset (net/ipv4/tcp_input.c: tcp_reset): the kernel's TCP took a
 * RST, or behaves as if it had (TCP_ABORT_ON_DATA). It has the socket and not
 * the packet. Since Linux 4.15; nothing for ordinary packets.
 */
/* The ports and the address tell which RST it is; the time only that it is no old one. */
#define HANDED_ON_NS 50000000

/*
 * Whether the last RST that a device of this CPU received is the one that the
 * socket has just taken, in another namespace: a VLAN, macvlan or ipvlan device
 * hands a packet on without its being traced again, on the same CPU and at once.
 */
static __always_inline bool handed_on(const struct sighting *w, const struct sighting *s, const __u8 *ip)
{
	if (w->kind != KIND_WIRE_IN || !w->raw_len || w->netns == s->netns || s->mono_ns - w->mono_ns > HANDED_ON_NS)
		return false;
	if (w->sport != s->dport || w->dport != s->sport || ip[0] >> 4 != s->family)
		return false;
	if (s->family == 4)
		return *(__u32 *)(ip + 12) == *(__u32 *)s->daddr;
	return *(__u32 *)(ip + 20) == *(__u32 *)(s->daddr + 12);
}

/* Then the packet is known. */
static __always_inline void describe_handed_on(struct sighting *s)
{
	__u32 key = SCRATCH_WIRE_IN;
	struct sighting *w = bpf_map_lookup_elem(&scratch, &key);

	__u8 *ip;

	if (!w)
		return;
	ip = w->tail;
	if (w->has & HAS_KNOWN)
		ip += sizeof(struct known_part);
	if (w->has & HAS_PASSED)
		ip += sizeof(struct passed_part);
	if (!handed_on(w, s, ip))
		return;
	s->raw_len = copy_bytes(s, parts_size(s), ip, w->raw_len, RAW_MAX);
	s->packet_len = w->packet_len;
	s->link_len = w->link_len;
	__builtin_memcpy(s->link, w->link, sizeof(s->link));
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(reset_received, struct sock *sk)
{
	__u32 key = SCRATCH_ACCEPTED;
	struct sighting *s = bpf_map_lookup_elem(&scratch, &key);
	struct connection *c;

	if (!s || !sk)
		return 0;
	begin(s, KIND_ACCEPTED);
	describe_socket(s, sk);
	describe_tcp(s, sk);
	if (netns_filtered(s)) {
		count(COUNT_FILTERED);
		return 0;
	}
	c = look_up_socket(s, sk);
	if (c)
		c->reset_ns = s->mono_ns;
	describe_handed_on(s);
	tell(s, HEAD_SIZE + parts_size(s) + s->raw_len);
	return 0;
}
