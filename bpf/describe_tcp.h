/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* What a full socket of TCP tells of its connection and its settings. */
#ifndef RSTWATCH_DESCRIBE_TCP_H
#define RSTWATCH_DESCRIBE_TCP_H

/* The socket as another type that it also is; fields of NULL are not there to be read. */
#define typed_socket(type, sk) ((struct type *)bpf_rdonly_cast(sk, bpf_core_type_id_kernel(struct type)))

/* A field of the socket in that type. */
#define socket_field(type, sk, field)                                        \
	({                                                                   \
		__typeof__(((struct type *)0)->field) __value;               \
		if (fast_loads)                                              \
			__value = typed_socket(type, sk)->field;             \
		else                                                         \
			__value = BPF_CORE_READ((struct type *)(sk), field); \
		__value;                                                     \
	})

#define tcp_field(field) socket_field(tcp_sock, sk, field)
#define icsk_field(field) socket_field(inet_connection_sock, sk, field)

/* Whether the kernel's own number of a flag is set in sk_flags. */
#define socket_flag(sk, flag) ((sk)->__sk_common.skc_flags >> bpf_core_enum_value(enum sock_flags, flag) & 1)

/* The id of the socket's cgroup v2: the inode number of its directory. */
static __always_inline __u64 socket_cgroup(struct sock *sk)
{
	if (bpf_core_field_exists(sk->sk_cgrp_data.cgroup))
		return sk->sk_cgrp_data.cgroup->kn->id;

	struct sock_cgroup_data___val *data = (void *)&sk->sk_cgrp_data;

	if (bpf_core_field_exists(data->val)) {
		__u64 val = BPF_CORE_READ(data, val);

		if (!(val & 1))
			return BPF_CORE_READ((struct cgroup *)(val & ~3ULL), kn, id);
	}
	return 0;
}

static __always_inline void describe_settings(struct tcp_part *t, struct sock *sk)
{
	struct socket *socket = sk->sk_socket;

	t->bits = 0;
	if (socket_flag(sk, SOCK_LINGER))
		t->bits |= SOCKET_LINGER;
	if (socket_flag(sk, SOCK_KEEPOPEN))
		t->bits |= SOCKET_KEEPALIVE;
	if (bpf_core_field_exists(((struct tcp_sock *)0)->is_mptcp) && tcp_field(is_mptcp))
		t->bits |= SOCKET_MULTIPATH;
	t->inode = 0;
	if (!socket) {
		t->bits |= SOCKET_ORPHAN;
	} else {
		struct file *file = socket->file;

		if (file)
			t->inode = file->f_inode->i_ino;
		else
			t->bits |= SOCKET_OF_KERNEL;
	}
	t->cgroup = socket_cgroup(sk);
	t->lingertime = (__u32)sk->sk_lingertime;
	t->linger2 = tcp_field(linger2);
	t->user_timeout = icsk_field(icsk_user_timeout);
	t->shutdown = sk->sk_shutdown;
	t->err = sk->sk_err;
}

/* Only of a full socket: a mini-socket has no such fields. At the tail's start. */
static __always_inline void describe_tcp(struct sighting *s, struct sock *sk)
{
	struct tcp_part *t = (struct tcp_part *)s->tail;
	__u32 now = (__u32)bpf_jiffies64();

	s->has |= HAS_TCP;
	if (!s->sport) /* an abort has given the port back; inet_sport still holds it */
		s->sport = swap16(socket_field(inet_sock, sk, inet_sport));
	s->uid = sk->sk_uid.val;
	s->mark = sk->sk_mark;
	t->rcv_nxt = tcp_field(rcv_nxt);
	t->copied_seq = tcp_field(copied_seq);
	t->snd_nxt = tcp_field(snd_nxt);
	t->snd_una = tcp_field(snd_una);
	t->write_seq = tcp_field(write_seq);
	t->rcv_wnd = tcp_field(rcv_wnd);
	t->srtt_us = tcp_field(srtt_us);
	t->min_rtt_us = tcp_field(rtt_min.s[0].v);
	t->total_retrans = tcp_field(total_retrans);
	t->bytes_acked = tcp_field(bytes_acked);
	t->bytes_sent = tcp_field(bytes_sent);
	t->bytes_received = tcp_field(bytes_received);
	t->since_sent = now - tcp_field(lsndtime);
	t->since_heard = now - tcp_field(rcv_tstamp);
	t->since_data = now - icsk_field(icsk_ack.lrcvtime);
	t->retransmits = icsk_field(icsk_retransmits);
	t->probes = icsk_field(icsk_probes_out);
	t->spare = 0;
	describe_settings(t, sk);
}

/* Whether a socket is a full one with a connection: no TIME_WAIT, LISTEN or NEW_SYN_RECV. */
static __always_inline bool is_full(__u8 state)
{
	return state != 6 && state != 10 && state != 12;
}

#endif
