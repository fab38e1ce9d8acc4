/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * inet_sock_set_state (net/ipv4/af_inet.c: inet_sk_set_state, inet_sk_state_store):
 * a socket changes its state. Three or four times in a connection's life, and
 * nothing for its packets. Since Linux 4.16.
 */

/* States of include/net/tcp_states.h, which is user-visible and does not move. */
#define TCP_ESTABLISHED 1
#define TCP_SYN_SENT 2
#define TCP_SYN_RECV 3
#define TCP_FIN_WAIT1 4
#define TCP_CLOSE 7
#define TCP_CLOSE_WAIT 8
#define TCP_LAST_ACK 9
#define TCP_LISTEN 10

/* The running task, if it can own a socket: these states are entered by its own system call. */
static __always_inline bool describe_owner(struct owner *o, struct sock *sk)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	__u32 flags = BPF_CORE_READ(task, flags);

	if (flags & PF_KTHREAD)
		return false;
	o->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(o->comm, sizeof(o->comm));
	o->uid = sk->sk_uid.val;
	o->bits = OWNER_KNOWN;
	o->exit_code = 0;
	if (flags & PF_EXITING) {
		o->bits |= OWNER_EXITING;
		o->exit_code = BPF_CORE_READ(task, exit_code);
		if (BPF_CORE_READ(task, signal, oom_mm))
			o->bits |= OWNER_OOM;
	}
	return true;
}

/* The line of a connection, made if there is none. */
static __always_inline struct connection *line_of(struct tuple *t, struct connection *empty)
{
	struct connection *c = bpf_map_lookup_elem(&connections, t);

	if (c)
		return c;
	if (bpf_map_update_elem(&connections, t, empty, BPF_NOEXIST) == 0)
		count(COUNT_INSERTED);
	return bpf_map_lookup_elem(&connections, t);
}

/* Note who the other end of a complete handshake was: once a second, or when it changed. */
static __always_inline void note_peer(struct tuple *t, struct connection *c)
{
	struct address key = {.netns = t->netns};
	struct peer value = {.heard_ns = c->opened_ns, .ipid = c->ipid, .ttl = c->ttl}, *p;

	__builtin_memcpy(key.addr, t->raddr, 16);
	if (c->bits & CONNECTION_MAC)
		value.has_mac = 1;
	__builtin_memcpy(value.mac, c->mac, 6);
	p = bpf_map_lookup_elem(&peers, &key);
	if (!p || p->ttl != value.ttl || value.heard_ns - p->heard_ns > 1000000000 ||
	    *(__u32 *)p->mac != *(__u32 *)value.mac || *(__u16 *)(p->mac + 4) != *(__u16 *)(value.mac + 4))
		bpf_map_update_elem(&peers, &key, &value, BPF_ANY);
}

/* Take the other end's packet of the handshake out of its slot. */
static __always_inline void take_handshake(struct tuple *t, struct connection *c)
{
	__u64 hash = hash_of(t), a, b;
	__u32 key = (__u32)hash & handshake_mask;
	struct slot *slot = bpf_map_lookup_elem(&handshakes, &key);

	if (!slot)
		return;
	a = slot->a;
	b = slot->b;
	if ((a ^ hash) >> 32 || ((b ^ hash >> 16) & 0xffff))
		return;
	c->bits |= CONNECTION_HANDSHAKE;
	c->ttl = (__u8)(a >> 16);
	c->ipid = (__u16)a;
	if (a & SLOT_IPV4)
		c->bits |= CONNECTION_IPID;
	if (a & SLOT_HAS_MAC) {
		c->bits |= CONNECTION_MAC;
		b >>= 16;
		__builtin_memcpy(c->mac, &b, 6);
	}
}

/* connect(): the local port may not be chosen yet. */
static __always_inline void connecting(struct sock *sk)
{
	struct opening o = {.begun_ns = bpf_ktime_get_ns()};
	__u64 key = (__u64)sk;

	if (!watches(sk))
		return;
	describe_owner(&o.owner, sk);
	bpf_map_update_elem(&openings, &key, &o, BPF_ANY);
}

/*
 * The last connection of a local port: told by the SYN, for an answer to it may
 * come from elsewhere, and where packets are not seen, by its success.
 */
static __always_inline void note_local_port(struct sock *sk, struct tuple *t)
{
	struct local_port key = {.netns = t->netns, .port = t->lport};
	struct opened *known, value = {.sk = (__u64)sk, .tuple = *t};

	__builtin_memcpy(key.addr, t->laddr, 16);
	known = bpf_map_lookup_elem(&local_ports, &key);
	if (known && known->sk == (__u64)sk && known->tuple.rport == t->rport)
		return;
	value.begun_ns = bpf_ktime_get_ns();
	bpf_map_update_elem(&local_ports, &key, &value, BPF_ANY);
}

static __always_inline void from_opening(struct connection *c, struct sock *sk)
{
	__u64 key = (__u64)sk;
	struct opening *o = bpf_map_lookup_elem(&openings, &key);

	c->bits |= CONNECTION_ORIGINATOR | CONNECTION_ROLE;
	if (!o)
		return;
	c->owner = o->owner;
	bpf_map_delete_elem(&openings, &key);
}

static __always_inline void from_listener(struct connection *c, struct tuple *t)
{
	struct port key = {.netns = t->netns, .port = t->lport};
	struct owner *o = bpf_map_lookup_elem(&listeners, &key);

	c->bits |= CONNECTION_ROLE;
	if (!o)
		return;
	c->owner = *o;
	c->owner.bits |= OWNER_LISTENS;
}

/* The handshake is complete: whatever was known of these addresses is another connection's. */
static __always_inline void established(struct sock *sk, int from)
{
	struct connection c = {.opened_ns = bpf_ktime_get_ns()}, *line;
	struct tuple t;

	if (!watches(sk))
		return;
	tuple_of_socket(&t, sk);
	if (from == TCP_SYN_SENT) {
		from_opening(&c, sk);
		note_local_port(sk, &t);
	} else {
		from_listener(&c, &t);
	}
	c.cgroup = socket_cgroup(sk);
	take_handshake(&t, &c);
	if (c.bits & CONNECTION_HANDSHAKE)
		note_peer(&t, &c);
	line = bpf_map_lookup_elem(&connections, &t);
	if (line)
		*line = c;
	else if (bpf_map_update_elem(&connections, &t, &c, BPF_NOEXIST) == 0)
		count(COUNT_INSERTED);
}

/* close() or shutdown(): this end's FIN goes out, by the hand of the running task. */
static __always_inline void finishing(struct sock *sk)
{
	struct connection c = {}, *line;
	struct tuple t;

	if (!watches(sk))
		return;
	tuple_of_socket(&t, sk);
	line = line_of(&t, &c);
	if (!line)
		return;
	describe_owner(&line->owner, sk);
	if (!line->cgroup)
		line->cgroup = socket_cgroup(sk);
	line->fin_ns = bpf_ktime_get_ns();
}

static __always_inline void closed(struct sock *sk, int from)
{
	struct connection c = {}, *line;
	struct tuple t;

	if (!watches(sk))
		return;
	tuple_of_socket(&t, sk);
	if (from == TCP_SYN_SENT)
		from_opening(&c, sk);
	if (!t.lport) /* connect() found no port: nothing was sent */
		return;
	line = line_of(&t, &c);
	if (!line)
		return;
	if (from == TCP_SYN_SENT) /* what was known is another connection's */
		*line = c;
	/*
	 * Without a FIN and without an error only a process closes: __tcp_close
	 * and tcp_disconnect. What packets and timers end has its error by now
	 * (tcp_reset, tcp_write_err), and so has what tcp_abort does.
	 */
	if (!sk->sk_err && (from == TCP_ESTABLISHED || from == TCP_CLOSE_WAIT))
		describe_owner(&line->owner, sk);
	if (!line->cgroup)
		line->cgroup = socket_cgroup(sk);
	line->closed_ns = bpf_ktime_get_ns();
	line->closed_from = from;
	line->err = sk->sk_err;
	line->srtt_us = tcp_field(srtt_us);
	line->rcv_nxt = tcp_field(rcv_nxt);
	line->snd_nxt = tcp_field(snd_nxt);
}

static __always_inline void listening(struct sock *sk)
{
	struct port key = {.netns = namespace_of(sk->__sk_common.skc_net.net), .port = sk->__sk_common.skc_num};
	struct owner o = {};

	if (key.port && watches(sk) && describe_owner(&o, sk))
		bpf_map_update_elem(&listeners, &key, &o, BPF_ANY);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(state_changed, struct sock *sk, int from, int to)
{
	__u16 family = sk->__sk_common.skc_family;

	if (sk->sk_protocol != IPPROTO_TCP || (family != AF_INET && family != AF_INET6))
		return 0;
	switch (to) {
	case TCP_SYN_SENT:
		connecting(sk);
		break;
	case TCP_ESTABLISHED:
		established(sk, from);
		break;
	case TCP_FIN_WAIT1:
	case TCP_LAST_ACK:
		finishing(sk);
		break;
	case TCP_CLOSE:
		if (from != TCP_LISTEN && from != TCP_CLOSE)
			closed(sk, from);
		break;
	case TCP_LISTEN:
		listening(sk);
		break;
	}
	return 0;
}

/* A SYN or SYN+ACK that came in: keep what tells its sender from others. */
static __always_inline void note_handshake(struct sk_buff *skb, struct found *f, __u8 flags)
{
	struct net_device *dev = skb->dev;
	unsigned char *mac = skb->head + skb->mac_header;
	struct tuple t;
	struct slot *slot;
	__u64 hash, a, b = 0;
	__u32 key;

	if (!dev)
		return;
	tuple_of_packet(&t, namespace_of(dev->nd_net.net), f);
	hash = hash_of(&t);
	key = (__u32)hash & handshake_mask;
	slot = bpf_map_lookup_elem(&handshakes, &key);
	if (!slot)
		return;
	a = (hash & 0xffffffff00000000ULL);
	if (f->version == 4)
		a |= SLOT_IPV4 | (__u64)load8(f->ip + 8) << 16 | load16(f->ip + 4);
	else
		a |= (__u64)load8(f->ip + 7) << 16;
	if (skb->mac_header != 0xffff && (__u64)f->ip - (__u64)mac >= 14) {
		a |= SLOT_HAS_MAC;
		/* Source, in the order of the wire, in the upper six bytes. */
		b = (__u64)load32(mac + 6) << 16 | (__u64)(load32(mac + 8) >> 16) << 48;
	}
	if (!(flags & TCP_FLAG_ACK))
		a |= SLOT_BARE_SYN;
	slot->a = a;
	slot->b = b | (hash >> 16 & 0xffff);
	slot->c = (__u64)__builtin_bswap32(load32(f->ip + f->tcp + 4)) << 32 | (__u32)dev->ifindex << 16 |
		  (hash >> 32 & 0xffff);
}

/* The SYN of a socket of this host. */
static __always_inline void note_own_syn(struct sk_buff *skb)
{
	struct sock *sk = skb->sk;
	struct tuple t;
	__u16 family;

	if (!sk || sk->__sk_common.skc_state != TCP_SYN_SENT)
		return;
	family = sk->__sk_common.skc_family;
	if (family != AF_INET && family != AF_INET6)
		return;
	if (!watches(sk))
		return;
	tuple_of_socket(&t, sk);
	note_local_port(sk, &t);
}
