/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Asking the tables what was known of a RST's connection: see table.h. */
#ifndef RSTWATCH_KNOWN_H
#define RSTWATCH_KNOWN_H

static __always_inline struct known_part *known_place(struct sighting *s)
{
	if (s->has & HAS_TCP)
		return (struct known_part *)(s->tail + sizeof(struct tcp_part));
	return (struct known_part *)s->tail;
}

/*
 * Another connection of the same local port: it may be what the refused packet
 * was an answer to. Its socket is looked at where it lies: the memory of a TCP
 * socket is only ever used for others of its kind, and its addresses say
 * whether it is still the same.
 */
static __always_inline void look_beside(struct known_part *k, struct tuple *t)
{
	struct local_port key = {.netns = t->netns, .port = t->lport};
	struct opened *o;
	struct tuple now;
	struct sock *sk;

	__builtin_memcpy(key.addr, t->laddr, 16);
	o = bpf_map_lookup_elem(&local_ports, &key);
	if (!o || (o->tuple.rport == t->rport && same_addr(o->tuple.raddr, t->raddr)))
		return;
	k->bits |= KNOWN_BESIDE;
	__builtin_memcpy(k->beside_addr, o->tuple.raddr, 16);
	k->beside_port = o->tuple.rport;
	k->beside_ns = o->begun_ns;
	k->beside_state = 7; /* TCP_CLOSE */
	sk = (struct sock *)o->sk;
	if (BPF_CORE_READ(sk, __sk_common.skc_dport) != swap16(o->tuple.rport) ||
	    BPF_CORE_READ((struct inet_sock *)sk, inet_sport) != swap16(t->lport))
		return;
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET)
		map_ipv4(now.raddr, BPF_CORE_READ(sk, __sk_common.skc_daddr));
	else
		BPF_CORE_READ_INTO(&now.raddr, sk, __sk_common.skc_v6_daddr);
	if (!same_addr(now.raddr, o->tuple.raddr))
		return;
	k->beside_state = BPF_CORE_READ(sk, __sk_common.skc_state);
	/* tcp_connect counts the SYN as sent once it has been, and the answer may come sooner. */
	if (k->beside_state == 2) /* TCP_SYN_SENT */
		k->beside_snd_nxt = BPF_CORE_READ((struct tcp_sock *)sk, write_seq);
	else
		k->beside_snd_nxt = BPF_CORE_READ((struct tcp_sock *)sk, snd_nxt);
	k->beside_rcv_nxt = BPF_CORE_READ((struct tcp_sock *)sk, rcv_nxt);
}

static __always_inline void look_for_peer(struct known_part *k, struct tuple *t)
{
	struct address key = {.netns = t->netns};
	struct peer *p;

	__builtin_memcpy(key.addr, t->raddr, 16);
	p = bpf_map_lookup_elem(&peers, &key);
	if (!p)
		return;
	k->bits |= KNOWN_PEER;
	k->peer = *p;
}

/*
 * Fill the known part behind the tcp part, if anything is known. The line of
 * the connection itself is returned.
 */
static __always_inline struct connection *look_up(struct sighting *s, struct tuple *t, bool beside)
{
	struct known_part *k = known_place(s);
	struct connection *c = bpf_map_lookup_elem(&connections, t);

	k->bits = 0;
	if (c) {
		k->bits |= KNOWN_PAST;
		k->past = *c;
	}
	look_for_peer(k, t);
	if (beside)
		look_beside(k, t);
	if (k->bits)
		s->has |= HAS_KNOWN;
	return c;
}

/* Who is connecting, of a socket that has not got further. */
static __always_inline void look_for_opening(struct sighting *s, struct sock *sk)
{
	__u64 key = (__u64)sk;
	struct known_part *k = known_place(s);
	struct opening *o;

	if (s->state != 2) /* TCP_SYN_SENT */
		return;
	o = bpf_map_lookup_elem(&openings, &key);
	if (!o)
		return;
	s->has |= HAS_KNOWN;
	k->bits |= KNOWN_OPENING;
	k->opening = o->owner;
}

/* The same of a socket that sent or took the RST. */
static __always_inline struct connection *look_up_socket(struct sighting *s, struct sock *sk)
{
	struct connection *c;
	struct tuple t;

	tuple_of_socket(&t, sk);
	c = look_up(s, &t, false);
	look_for_opening(s, sk);
	return c;
}

/* The same of a packet that came in. */
static __always_inline struct connection *look_up_packet(struct sighting *s, struct found *f, bool beside)
{
	struct tuple t;

	tuple_of_packet(&t, namespace_told(s), f);
	return look_up(s, &t, beside);
}

/*
 * What the source of a RST that came in had sent at its handshake, by the same
 * device: for connections that only pass this host, of which nothing else is
 * known. The slot keeps it.
 */
static __always_inline void look_up_passed(struct sighting *s, struct found *f)
{
	struct passed_part *p;
	struct slot *slot;
	struct tuple t;
	__u64 hash, a, b, c;
	__u32 key;

	tuple_of_packet(&t, namespace_told(s), f);
	hash = hash_of(&t);
	key = (__u32)hash & handshake_mask;
	slot = bpf_map_lookup_elem(&handshakes, &key);
	if (!slot)
		return;
	a = slot->a;
	b = slot->b;
	c = slot->c;
	if ((a ^ hash) >> 32 || ((b ^ hash >> 16) & 0xffff) || ((c ^ hash >> 32) & 0xffff))
		return;
	if ((__u16)(c >> 16) != (__u16)s->ifindex)
		return;
	if (s->has & HAS_KNOWN)
		p = (struct passed_part *)(s->tail + sizeof(struct known_part));
	else
		p = (struct passed_part *)s->tail;
	s->has |= HAS_PASSED;
	p->seq = c >> 32;
	p->ipid = (__u16)a;
	p->ttl = (__u8)(a >> 16);
	p->bits = 0;
	if (a & SLOT_IPV4)
		p->bits |= PASSED_IPID;
	if (a & SLOT_BARE_SYN)
		p->bits |= PASSED_SYN;
	if (a & SLOT_HAS_MAC)
		p->bits |= PASSED_MAC;
	b >>= 16;
	__builtin_memcpy(p->mac, &b, 8);
}

/* Where TCP does not tell of all its replies: of the RST itself on its way out. */
static __always_inline void look_up_own_packet(struct sighting *s, struct found *f, bool beside)
{
	struct tuple t;

	tuple_of_own_packet(&t, namespace_told(s), f);
	look_up(s, &t, beside);
}

#endif
