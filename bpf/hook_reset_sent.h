/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * tcp_send_reset: every RST that TCP itself sends, in all namespaces; nothing
 * for ordinary packets. Since Linux 4.15; complete (no socket, TIME_WAIT) and
 * with a reason since 6.10. In answer to a packet (net/ipv4/tcp_ipv4.c:
 * tcp_v4_send_reset, net/ipv6/tcp_ipv6.c: tcp_v6_send_reset) it runs before the
 * RST is built, and skb is the packet that is refused, so the RST's tuple is
 * its reverse. From tcp_send_active_reset (net/ipv4/tcp_output.c) it runs after
 * the RST was transmitted, and skb is NULL.
 */

/* Whom the refused packet came from, and what conntrack made of it. */
static __always_inline void describe_delivery(struct sighting *s, struct sk_buff *skb)
{
	unsigned char *mac = skb->head + skb->mac_header;

	s->trigger_mark = skb->mark;
	if (skb->mac_header != 0xffff && skb->network_header - skb->mac_header >= 14) {
		bpf_probe_read_kernel(s->trigger_mac, 6, mac + 6);
		s->trigger_has_mac = 1;
	}
	if (bpf_core_field_exists(skb->_nfct)) {
		unsigned long ct = skb->_nfct; /* a pointer, and enum ip_conntrack_info in its low three bits */

		if (ct & ~7UL || (ct & 7) == 7)
			s->trigger_ct = CT_KNOWN | (ct & 7);
	}
}

/* Keep the refused packet's headers: they are the trigger. */
static __always_inline bool describe_trigger(struct reply *r, struct sk_buff *skb)
{
	struct sighting *s = &r->s;
	struct found f = {};
	__u32 ports, at = 0, length;

	f.ip = skb->head + skb->network_header;
	f.version = load8(f.ip) >> 4;
	if (f.version != 4 && f.version != 6)
		return false;
	f.tcp = find_tcp(f.ip, f.version);
	if (f.tcp < 20)
		return false;
	ports = ports_of(&f);
	r->ports = ports << 16 | ports >> 16;
	s->family = f.version;
	length = f.tcp + (load8(f.ip + f.tcp + 12) >> 4) * 4;
	if (s->has & HAS_TCP)
		at = sizeof(struct tcp_part);
	s->trigger_len = copy_bytes(s, at, f.ip, length, TRIGGER_MAX);
	s->iif = skb->skb_iif;
	describe_delivery(s, skb);
	return true;
}

static __always_inline int reply_begins(struct sock *sk, struct sk_buff *skb, __u16 reason, __u8 has)
{
	__u32 zero = 0;
	struct reply *r = bpf_map_lookup_elem(&replies, &zero);
	struct sighting *s;
	struct net_device *dev;

	if (!r)
		return 0;
	if (r->used) {
		count(COUNT_STALE);
		release_reply(r);
	}
	s = &r->s;
	begin(s, KIND_REPLY);
	s->has = has;
	s->reason = reason;
	s->skb = (__u64)skb;
	dev = skb->dev;
	if (sk) {
		describe_socket(s, sk);
		if (s->state != 6 && s->state != 10 && s->state != 12) /* TIME_WAIT, LISTEN, NEW_SYN_RECV */
			describe_tcp(s, sk);
	} else if (dev) {
		describe_net(s, dev->nd_net.net);
	}
	r->trigger = (__u64)skb;
	r->ports = 0;
	describe_trigger(r, skb);
	if (filtered(s, swap16((__u16)r->ports), swap16((__u16)(r->ports >> 16)))) {
		count(COUNT_FILTERED);
		return 0;
	}
	r->used = ++r->next;
	return 0;
}

static __always_inline int abort_sent(struct sock *sk, __u16 reason, __u8 has)
{
	__u32 key = SCRATCH_SENT;
	struct sighting *s = bpf_map_lookup_elem(&scratch, &key);

	if (!s || !sk)
		return 0;
	begin(s, KIND_SENT);
	s->has = has;
	s->reason = reason;
	describe_socket(s, sk);
	describe_tcp(s, sk);
	describe_current(s);
	if (filtered(s, s->sport, s->dport)) {
		count(COUNT_FILTERED);
		return 0;
	}
	tell(s, HEAD_SIZE + sizeof(struct tcp_part));
	return 0;
}

SEC("tp_btf/tcp_send_reset")
int BPF_PROG(reset_sent, struct sock *sk, struct sk_buff *skb, int reason)
{
	if (skb)
		return reply_begins(sk, skb, reason, HAS_REASON);
	return abort_sent(sk, reason, HAS_REASON);
}

/* Before 6.10: no reason, and no event without a full socket. */
SEC("tp_btf/tcp_send_reset")
int BPF_PROG(reset_sent_no_reason, struct sock *sk, struct sk_buff *skb)
{
	if (skb)
		return reply_begins(sk, skb, 0, 0);
	return abort_sent(sk, 0, 0);
}
