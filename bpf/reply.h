/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* The reply that three hooks put together: see struct reply in maps.h. */
#ifndef RSTWATCH_REPLY_H
#define RSTWATCH_REPLY_H

#define HOOKS_MAX 16

/*
 * Whether conntrack looks at what this namespace receives. Its hook is the one
 * of its own priority that belongs to no chain of nftables and no BPF program.
 */
static __always_inline bool tracks(struct net *net, __u8 version)
{
	struct nf_hook_entries *hooks;
	unsigned char *entry, *ops;
	__u16 n;

	if (!bpf_core_field_exists(net->nf))
		return false;
	if (version == 4)
		hooks = BPF_CORE_READ(net, nf.hooks_ipv4[0]); /* NF_INET_PRE_ROUTING */
	else
		hooks = BPF_CORE_READ(net, nf.hooks_ipv6[0]);
	if (!hooks)
		return false;
	n = BPF_CORE_READ(hooks, num_hook_entries);
	entry = (unsigned char *)hooks + bpf_core_field_offset(hooks->hooks);
	ops = entry + n * bpf_core_type_size(struct nf_hook_entry);
	for (int i = 0; i < HOOKS_MAX; i++) {
		struct nf_hook_ops *of = NULL;
		int priority;

		if (i >= n)
			return false;
		bpf_probe_read_kernel(&of, sizeof(of), ops);
		priority = BPF_CORE_READ(of, priority);
		if (priority > NF_IP_PRI_CONNTRACK)
			return false;
		if (priority == NF_IP_PRI_CONNTRACK && !BPF_CORE_READ((struct nf_hook_entry *)entry, priv))
			return true;
		entry += bpf_core_type_size(struct nf_hook_entry);
		ops += sizeof(of);
	}
	return false;
}

/*
 * What conntrack made of the refused packet: a pointer, and enum
 * ip_conntrack_info in its low three bits. Neither is what INVALID looks like,
 * and what a packet looks like that conntrack never met or that was given to a
 * socket (tcp_v4_rcv: nf_reset_ct). So it must have been routed after a device
 * received it, have found no socket, and conntrack must be at work here.
 */
static __always_inline void describe_conntrack(struct sighting *s, struct sk_buff *skb)
{
	struct net_device *dev = skb->dev;
	unsigned long ct;

	if (!bpf_core_field_exists(skb->_nfct))
		return;
	ct = skb->_nfct;
	if (ct & ~7UL || (ct & 7) == 7)
		s->trigger_ct = CT_KNOWN | (ct & 7);
	else if (!(s->has & HAS_SOCKET) && dev && skb->skb_iif && skb->_skb_refdst && tracks(dev->nd_net.net, s->family))
		s->trigger_ct = CT_KNOWN | CT_INVALID;
}

/* Whom the refused packet came from, and what conntrack made of it. */
static __always_inline void describe_delivery(struct sighting *s, struct sk_buff *skb)
{
	unsigned char *mac = skb->head + skb->mac_header;

	s->trigger_mark = skb->mark;
	if (skb->mac_header != 0xffff && skb->network_header - skb->mac_header >= 14) {
		bpf_probe_read_kernel(s->trigger_mac, 6, mac + 6);
		s->trigger_has_mac = 1;
	}
	describe_conntrack(s, skb);
}

/* Find the TCP header of the refused packet. */
static __always_inline bool find_trigger(struct found *f, struct sk_buff *skb)
{
	f->ip = skb->head + skb->network_header;
	f->version = load8(f->ip) >> 4;
	if (f->version != 4 && f->version != 6)
		return false;
	f->tcp = find_tcp(f->ip, f->version);
	return f->tcp >= 20;
}

/*
 * Keep the refused packet's headers: they are the trigger. The ports of the
 * RST that answers it, as on the wire.
 */
static __always_inline __u32 describe_trigger(struct sighting *s, struct sk_buff *skb, struct found *f)
{
	__u32 ports = ports_of(f), length = f->tcp + (load8(f->ip + f->tcp + 12) >> 4) * 4;

	s->family = f->version;
	s->trigger_len = copy_bytes(s, parts_size(s), f->ip, length, TRIGGER_MAX);
	s->iif = skb->skb_iif;
	describe_delivery(s, skb);
	return ports << 16 | ports >> 16;
}

static __always_inline __u64 reply_size(struct sighting *s)
{
	return HEAD_SIZE + parts_size(s) + ((s->trigger_len + 7) & 0xf8) + s->raw_len;
}

/* Tell the reply as it stands and free its place. */
static __always_inline void release_reply(struct reply *r)
{
	r->used = 0;
	tell(&r->s, reply_size(&r->s));
}

/*
 * Add what the device hook sees of the reply. One that passes stacked devices
 * is queued once for each: the first is the one that routing chose.
 */
static __always_inline void complete_reply(struct reply *r, struct sk_buff *skb, struct found *f)
{
	struct sighting *s = &r->s;

	if (s->has & HAS_WIRE) {
		struct net_device *dev = skb->dev;

		s->has |= HAS_QUEUE_DEV;
		copy16(s->dev2, &dev->name);
		return;
	}
	s->has |= HAS_WIRE;
	s->origin = ORIGIN_TCP_CONTROL;
	describe_device(s, skb->dev);
	describe_skb(s, skb, f);
	describe_link(s, skb, f->ip);
	describe_packet(s, skb, f, parts_size(s) + ((s->trigger_len + 7) & 0xf8));
}

#endif
