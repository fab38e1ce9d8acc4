/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* The reply that three hooks put together: see struct reply in maps.h. */
#ifndef RSTWATCH_REPLY_H
#define RSTWATCH_REPLY_H

static __always_inline __u64 reply_size(struct sighting *s)
{
	__u64 at = HEAD_SIZE + ((s->trigger_len + 7) & 0xf8);

	if (s->has & HAS_TCP)
		at += sizeof(struct tcp_part);
	return at + s->raw_len;
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
	__u32 at;

	if (s->has & HAS_WIRE) {
		struct net_device *dev = skb->dev;

		s->has |= HAS_QUEUE_DEV;
		bpf_probe_read_kernel(s->dev2, IFNAMSIZ, &dev->name);
		return;
	}
	s->has |= HAS_WIRE;
	s->origin = ORIGIN_TCP_CONTROL;
	describe_device(s, skb->dev);
	describe_skb(s, skb, f);
	describe_link(s, skb, f->ip);
	at = (s->trigger_len + 7) & 0xf8;
	if (s->has & HAS_TCP)
		at += sizeof(struct tcp_part);
	describe_packet(s, skb, f, at);
}

#endif
