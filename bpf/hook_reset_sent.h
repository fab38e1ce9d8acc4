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

/*
 * What was known of the connection that the refused packet names. A bare SYN
 * without a socket, of which storms are made, has none.
 */
static __always_inline void look_up_refused(struct sighting *s, struct sock *sk, struct found *f)
{
	struct connection *c;

	if (!sk && (load8(f->ip + f->tcp + TCP_FLAGS_OFFSET) & (TCP_FLAG_SYN | TCP_FLAG_ACK)) == TCP_FLAG_SYN)
		return;
	c = look_up_packet(s, f, !sk);
	/*
	 * TCP that refuses data for want of a reader calls tcp_reset itself: no
	 * RST was received (tcp_rcv_state_process).
	 */
	if (c && s->has & HAS_TCP && s->state == TCP_CLOSE)
		c->reset_ns = 0;
	if (sk)
		look_for_opening(s, sk);
}

static __always_inline int reply_begins(struct sock *sk, struct sk_buff *skb, __u16 reason, __u16 has)
{
	__u32 zero = 0;
	struct reply *r = bpf_map_lookup_elem(&replies, &zero);
	struct sighting *s;
	struct net_device *dev;
	struct found f = {};

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
		if (is_full(s->state))
			describe_tcp(s, sk);
	} else if (dev) {
		describe_net(s, dev->nd_net.net);
	}
	if (netns_filtered(s)) {
		count(COUNT_FILTERED);
		return 0;
	}
	r->trigger = (__u64)skb;
	r->began = bpf_jiffies64();
	r->ports = 0;
	if (find_trigger(&f, skb)) {
		look_up_refused(s, sk, &f);
		r->ports = describe_trigger(s, skb, &f);
	}
	r->used = ++r->next;
	return 0;
}

static __always_inline struct abort_part *abort_place(struct sighting *s)
{
	if (s->has & HAS_KNOWN)
		return (struct abort_part *)(s->tail + sizeof(struct tcp_part) + sizeof(struct known_part));
	return (struct abort_part *)(s->tail + sizeof(struct tcp_part));
}

/*
 * Who called, and whether the running task is at its end: in do_exit the code is
 * set before the files are closed (kernel/exit.c). Whether the task has to do
 * with the socket at all is for user space to say, by the stack.
 */
static __always_inline __u32 describe_abort(struct sighting *s, void *ctx)
{
	struct abort_part *a = abort_place(s);
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	long length;

	s->has |= HAS_ABORT;
	a->task_flags = BPF_CORE_READ(task, flags);
	a->exit_code = 0;
	a->oom = 0;
	if (a->task_flags & PF_EXITING) {
		a->exit_code = BPF_CORE_READ(task, exit_code);
		a->oom = BPF_CORE_READ(task, signal, oom_mm) != NULL;
	}
	length = bpf_get_stack(ctx, a->stack, sizeof(a->stack), 0);
	a->stack_len = length > 0 ? length & 0x1ff : 0;
	return __builtin_offsetof(struct abort_part, stack) + a->stack_len;
}

static __always_inline int abort_sent(void *ctx, struct sock *sk, __u16 reason, __u16 has)
{
	__u32 key = SCRATCH_SENT, length;
	struct sighting *s = bpf_map_lookup_elem(&scratch, &key);

	if (!s || !sk)
		return 0;
	begin(s, KIND_SENT);
	s->has = has;
	s->reason = reason;
	describe_socket(s, sk);
	describe_tcp(s, sk);
	describe_current(s);
	if (netns_filtered(s)) {
		count(COUNT_FILTERED);
		return 0;
	}
	look_up_socket(s, sk);
	length = describe_abort(s, ctx);
	tell(s, HEAD_SIZE + parts_size(s) + length);
	return 0;
}

SEC("tp_btf/tcp_send_reset")
int BPF_PROG(reset_sent, struct sock *sk, struct sk_buff *skb, int reason)
{
	if (skb)
		return reply_begins(sk, skb, reason, HAS_REASON);
	return abort_sent(ctx, sk, reason, HAS_REASON);
}

/* Before 6.10: no reason, and no event without a full socket. */
SEC("tp_btf/tcp_send_reset")
int BPF_PROG(reset_sent_no_reason, struct sock *sk, struct sk_buff *skb)
{
	if (skb)
		return reply_begins(sk, skb, 0, 0);
	return abort_sent(ctx, sk, 0, 0);
}
