/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * netif_receive_skb (net/core/dev.c: __netif_receive_skb_core) and
 * net_dev_queue (__dev_queue_xmit): every packet of every namespace, with no
 * attachment to any device or namespace. Since Linux 2.6.37; with BTF 5.5.
 * These two are the only programs that ordinary packets meet, so what stands
 * before find_flagged's answer is the whole cost of watching.
 */

SEC("tp_btf/netif_receive_skb")
int BPF_PROG(wire_in, struct sk_buff *skb)
{
	struct found f = {};
	struct sighting *s;
	__u32 key = SCRATCH_WIRE_IN, zero = 0, ports;
	struct reply *r;
	__u8 flags;

	/* The link header has been pulled: data is the network header. */
	flags = find_flagged(&f, skb->data, skb->protocol, TCP_FLAG_RST | TCP_FLAG_SYN);
	if (!flags || (!f.tagged && is_foreign(skb)))
		return 0;
	if (!(flags & TCP_FLAG_RST)) {
		note_handshake(skb, &f, flags);
		return 0;
	}
	s = bpf_map_lookup_elem(&scratch, &key);
	r = bpf_map_lookup_elem(&replies, &zero);
	if (!s || !r)
		return 0;
	if (f.tagged) /* the tag will be gone when the packet is dropped */
		r->tagged = (__u64)skb;
	begin(s, KIND_WIRE_IN);
	describe_device(s, skb->dev);
	ports = ports_of(&f);
	if (filtered(s, swap16((__u16)ports), swap16((__u16)(ports >> 16)))) {
		count(COUNT_FILTERED);
		return 0;
	}
	s->sport = swap16((__u16)ports);
	s->dport = swap16((__u16)(ports >> 16));
	describe_skb(s, skb, &f);
	if (skb->dev->rx_handler || s->has & HAS_VLAN)
		s->has |= HAS_TAKER;
	describe_link(s, skb, f.ip);
	if (ask_arriving)
		look_up_packet(s, &f, false);
	look_up_passed(s, &f);
	describe_packet(s, skb, &f, parts_size(s));
	tell(s, HEAD_SIZE + parts_size(s) + s->raw_len);
	return 0;
}

/*
 * A packet over IPv6 that nobody owns and that leaves its checksum to the device
 * is TCP's reply (tcp_v6_send_response): REJECT writes its own itself
 * (nf_reject_ip6_tcphdr_put). Over IPv4 TCP's has a socket, and REJECT's has not.
 */
static __always_inline bool is_unowned_reply(struct sk_buff *skb)
{
	__u64 summed;

	if (skb->protocol != swap16(ETH_P_IPV6))
		return false;
	if (fast_loads)
		summed = BPF_CORE_READ_BITFIELD(skb, ip_summed);
	else
		summed = BPF_CORE_READ_BITFIELD_PROBED(skb, ip_summed);
	return summed == CHECKSUM_PARTIAL;
}

/* Who owns an outgoing packet. */
static __always_inline __u8 origin_of(struct sighting *s, struct sk_buff *skb)
{
	struct sock *sk = skb->sk;
	__u16 family, type;

	if (s->iif)
		return ORIGIN_FORWARDED;
	if (!sk)
		return is_unowned_reply(skb) ? ORIGIN_TCP_CONTROL : ORIGIN_NO_SOCKET;
	s->sk = (__u64)sk;
	family = sk->__sk_common.skc_family;
	if (family == AF_PACKET) {
		s->uid = sk->sk_uid.val;
		describe_current(s);
		return ORIGIN_PACKET_SOCKET;
	}
	if (sk->__sk_common.skc_state == 12) /* TCP_NEW_SYN_RECV: no full socket */
		return ORIGIN_TCP_SOCKET;
	type = sk->sk_type;
	if (type == SOCK_STREAM)
		return ORIGIN_TCP_SOCKET;
	/* TCP replies through a raw socket of its own, which no process holds. */
	if (type == SOCK_RAW && sk->sk_protocol == IPPROTO_TCP && !sk->sk_socket->file)
		return ORIGIN_TCP_CONTROL;
	s->uid = sk->sk_uid.val;
	describe_current(s);
	return ORIGIN_RAW_SOCKET;
}

/*
 * Whether this RST is the reply that this CPU is putting together, or that
 * same packet on its way to a lower device.
 */
static __always_inline bool is_reply(struct reply *r, struct sk_buff *skb, struct found *f, __u32 ports)
{
	if (!r->used || r->ports != ports || r->s.family != f->version || skb->skb_iif)
		return false;
	if (r->s.has & HAS_WIRE && r->s.skb != (__u64)skb)
		return false;
	return same_tick(r->began);
}

/*
 * Where the link payload of an outgoing packet starts. A tag that stands in the
 * packet may have been put there by a packet socket, which sets the network
 * header behind it, or by a device, which does not: so count from the front.
 */
static __always_inline unsigned char *outgoing_l3(struct sk_buff *skb)
{
	if (skb->protocol == swap16(ETH_P_8021Q) || skb->protocol == swap16(ETH_P_8021AD))
		return skb->head + skb->mac_header + 14;
	return skb->head + skb->network_header;
}

SEC("tp_btf/net_dev_queue")
int BPF_PROG(wire_out, struct sk_buff *skb)
{
	struct found f = {};
	struct sighting *s;
	struct reply *r;
	__u32 key = SCRATCH_WIRE_OUT, zero = 0, ports;
	__u8 flags = find_flagged(&f, outgoing_l3(skb), skb->protocol, TCP_FLAG_RST | TCP_FLAG_SYN);

	if (!flags)
		return 0;
	if (!(flags & TCP_FLAG_RST)) {
		if (!(flags & TCP_FLAG_ACK))
			note_own_syn(skb);
		return 0;
	}
	ports = ports_of(&f);
	r = bpf_map_lookup_elem(&replies, &zero);
	s = bpf_map_lookup_elem(&scratch, &key);
	if (!r || !s)
		return 0;
	if (is_reply(r, skb, &f, ports)) {
		complete_reply(r, skb, &f);
		return 0;
	}
	begin(s, KIND_WIRE_OUT);
	describe_device(s, skb->dev);
	if (filtered(s, swap16((__u16)ports), swap16((__u16)(ports >> 16)))) {
		count(COUNT_FILTERED);
		return 0;
	}
	describe_skb(s, skb, &f);
	s->origin = origin_of(s, skb);
	if (s->origin == ORIGIN_NO_SOCKET) {
		r->rejected_ports = ports;
		r->rejected_at = s->mono_ns;
	}
	describe_link(s, skb, f.ip);
	/* A RST without ACK answers a packet that had one, so no bare SYN (RFC 9293, 3.5.2). */
	if (ask_leaving && s->origin == ORIGIN_TCP_CONTROL && !(flags & TCP_FLAG_ACK))
		look_up_own_packet(s, &f, true);
	describe_packet(s, skb, &f, parts_size(s));
	tell(s, HEAD_SIZE + parts_size(s) + s->raw_len);
	return 0;
}
