/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * kfree_skb (net/core/skbuff.c): a packet was thrown away. Three of them matter:
 * a RST that the stack refused, with the kernel's reason; the packet that TCP
 * has just answered with a RST (the finer reason); a packet that netfilter
 * dropped, which REJECT may have answered. Not met by ordinary packets, but by
 * every dropped one. Since Linux 2.6.30; with a reason since 5.17; with the
 * socket since 6.11.
 */

/*
 * Tell the packet that netfilter's REJECT has just answered, if this is it; the
 * sighting joins that of the RST.
 */
static __always_inline bool rejected(struct reply *r, struct sk_buff *skb, __u16 reason, __u16 has)
{
	__u32 key = SCRATCH_DROP;
	struct sighting *s;
	struct net_device *dev = skb->dev;
	struct found f = {};

	if (!within_chain(r->rejected_at)) {
		r->rejected_at = 0;
		return false;
	}
	s = bpf_map_lookup_elem(&scratch, &key);
	if (!s || skb->network_header == 0xffff)
		return false;
	begin(s, KIND_REJECTED);
	s->has = has;
	s->drop_reason = reason;
	if (!find_trigger(&f, skb) || describe_trigger(s, skb, &f) != r->rejected_ports)
		return false;
	r->rejected_at = 0;
	if (dev)
		describe_net(s, dev->nd_net.net);
	tell(s, HEAD_SIZE + ((s->trigger_len + 7) & 0xf8));
	return true;
}

static __always_inline int dropped(struct sk_buff *skb, __u16 reason, struct sock *rx_sk, __u16 has)
{
	__u32 key = SCRATCH_DROP, zero = 0;
	struct reply *r = bpf_map_lookup_elem(&replies, &zero);
	struct net_device *dev;
	struct sighting *s;
	struct found f = {};
	__u16 network;

	if (r && r->used && r->trigger == (__u64)skb && same_tick(r->began)) {
		r->s.drop_reason = reason;
		r->s.has |= has;
		release_reply(r);
		return 0;
	}
	if (r && r->rejected_at && rejected(r, skb, reason, has))
		return 0;
	if (is_foreign(skb) && !(r && r->tagged == (__u64)skb))
		return 0;
	network = skb->network_header;
	if (network == 0xffff || !find_rst(&f, skb->head + network, skb->protocol))
		return 0;
	s = bpf_map_lookup_elem(&scratch, &key);
	if (!s)
		return 0;
	begin(s, KIND_REFUSED);
	s->has = has;
	s->drop_reason = reason;
	dev = skb->dev;
	if (rx_sk) {
		describe_socket(s, rx_sk);
		/* A raw socket may have been given a copy. */
		if (is_full(s->state) && rx_sk->sk_type == SOCK_STREAM && rx_sk->sk_protocol == IPPROTO_TCP)
			describe_tcp(s, rx_sk);
	} else if (dev)
		describe_device(s, dev);
	else
		describe_route(s, skb);
	if (netns_filtered(s)) {
		count(COUNT_FILTERED);
		return 0;
	}
	describe_skb(s, skb, &f);
	if (!s->iif)
		s->origin = origin_of(s, skb);
	else
		look_up_packet(s, &f, false);
	describe_packet(s, skb, &f, parts_size(s));
	tell(s, HEAD_SIZE + parts_size(s) + s->raw_len);
	return 0;
}

SEC("tp_btf/kfree_skb")
int BPF_PROG(skb_dropped, struct sk_buff *skb, void *location, int reason, struct sock *rx_sk)
{
	return dropped(skb, reason, rx_sk, HAS_DROP_REASON);
}

/* 5.17 to 6.10: no socket. */
SEC("tp_btf/kfree_skb")
int BPF_PROG(skb_dropped_no_socket, struct sk_buff *skb, void *location, int reason)
{
	return dropped(skb, reason, NULL, HAS_DROP_REASON);
}

/* Before 5.17: no reason. */
SEC("tp_btf/kfree_skb")
int BPF_PROG(skb_dropped_no_reason, struct sk_buff *skb, void *location)
{
	return dropped(skb, 0, NULL, 0);
}
