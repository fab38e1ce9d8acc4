/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Filling the parts of a sighting from kernel objects. */
#ifndef RSTWATCH_DESCRIBE_H
#define RSTWATCH_DESCRIBE_H

/* The head must be clean: the scratch still holds the sighting before. */
static __always_inline void begin(struct sighting *s, __u8 kind)
{
	__builtin_memset(s, 0, HEAD_SIZE);
	s->mono_ns = bpf_ktime_get_ns();
	s->cpu = bpf_get_smp_processor_id();
	s->kind = kind;
}

static __always_inline void describe_net(struct sighting *s, struct net *net)
{
	s->netns = net->ns.inum;
	if (bpf_core_field_exists(net->net_cookie))
		s->netns_cookie = net->net_cookie;
}

static __always_inline void describe_device(struct sighting *s, struct net_device *dev)
{
	s->ifindex = dev->ifindex;
	copy16(s->dev, &dev->name);
	describe_net(s, dev->nd_net.net);
}

/* Of a packet on its way out that has no device yet: the namespace of its route. */
static __always_inline void describe_route(struct sighting *s, struct sk_buff *skb)
{
	struct dst_entry *route = (struct dst_entry *)(skb->_skb_refdst & ~1UL); /* without SKB_DST_NOREF */
	struct net *net = BPF_CORE_READ(route, dev, nd_net.net);

	s->netns = BPF_CORE_READ(net, ns.inum);
	if (bpf_core_field_exists(net->net_cookie))
		s->netns_cookie = BPF_CORE_READ(net, net_cookie);
}

/* The socket's name as its own end sees it: source is the local side. */
static __always_inline void describe_socket(struct sighting *s, struct sock *sk)
{
	__u16 family = sk->__sk_common.skc_family;

	s->has |= HAS_SOCKET;
	s->sk = (__u64)sk;
	s->cookie = sk->__sk_common.skc_cookie.counter;
	s->state = sk->__sk_common.skc_state;
	s->sport = sk->__sk_common.skc_num;
	s->dport = swap16(sk->__sk_common.skc_dport);
	if (family == AF_INET) {
		s->family = 4;
		*(__u32 *)s->saddr = sk->__sk_common.skc_rcv_saddr;
		*(__u32 *)s->daddr = sk->__sk_common.skc_daddr;
	} else {
		s->family = 6;
		bpf_probe_read_kernel(s->saddr, 16, &sk->__sk_common.skc_v6_rcv_saddr);
		bpf_probe_read_kernel(s->daddr, 16, &sk->__sk_common.skc_v6_daddr);
	}
	if (!s->netns)
		describe_net(s, sk->__sk_common.skc_net.net);
}

static __always_inline void describe_current(struct sighting *s)
{
	s->has |= HAS_CURRENT;
	s->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(s->comm, sizeof(s->comm));
}

static __always_inline void describe_link(struct sighting *s, struct sk_buff *skb, unsigned char *ip)
{
	unsigned char *head = skb->head;
	__u16 mac = skb->mac_header;
	__u64 length;

	if (mac == 0xffff) /* no link header was ever set */
		return;
	length = (__u64)ip - (__u64)(head + mac);
	if (length < 14 || length > LINK_MAX)
		return;
	s->link_len = length;
	if (length <= 16) /* the IP header follows, so there are sixteen */
		copy16(s->link, head + mac);
	else
		bpf_probe_read_kernel(s->link, length & 31, head + mac);
}

/* What the skb itself tells, whatever hook holds it. */
static __always_inline void describe_skb(struct sighting *s, struct sk_buff *skb, struct found *f)
{
	__u16 proto = skb->vlan_proto;

	s->skb = (__u64)skb;
	s->iif = skb->skb_iif;
	s->mark = skb->mark;
	if (f->tagged) {
		s->has |= HAS_VLAN;
		s->vlan = f->vlan;
	} else if (proto == swap16(ETH_P_8021Q) || proto == swap16(ETH_P_8021AD)) {
		s->has |= HAS_VLAN;
		s->vlan = skb->vlan_tci & 0x0fff;
	}
}

/*
 * Whether the packet is another host's, which the device took only because it
 * listens to all, and no bridge or the like has a use for it: the stack is
 * about to throw it away, so this namespace has not met it.
 */
static __always_inline bool is_foreign(struct sk_buff *skb)
{
	struct net_device *dev = skb->dev;
	__u64 type;

	if (fast_loads)
		type = BPF_CORE_READ_BITFIELD(skb, pkt_type);
	else
		type = BPF_CORE_READ_BITFIELD_PROBED(skb, pkt_type);
	return type == PACKET_OTHERHOST && dev && !dev->rx_handler;
}

/* The bytes from the IP header to the end of the packet's data. */
static __always_inline __u32 bytes_from(struct sk_buff *skb, unsigned char *ip)
{
	unsigned char *data = skb->data;
	__u32 length = skb->len;

	return length + (__u32)(data - ip);
}

/*
 * Those of them that lie in one piece: what follows, of a packet in several
 * pieces, is somebody else's memory.
 */
static __always_inline __u32 linear_from(struct sk_buff *skb, unsigned char *ip)
{
	return bytes_from(skb, ip) - skb->data_len;
}

/* Bytes of the parts that stand before the packets in the tail. */
static __always_inline __u32 parts_size(struct sighting *s)
{
	__u32 size = 0;

	if (s->has & HAS_TCP)
		size += sizeof(struct tcp_part);
	if (s->has & HAS_KNOWN)
		size += sizeof(struct known_part);
	if (s->has & HAS_PASSED)
		size += sizeof(struct passed_part);
	return size;
}

/* Append the RST's headers to the tail at the given offset. */
static __always_inline void describe_packet(struct sighting *s, struct sk_buff *skb, struct found *f, __u32 at)
{
	s->packet_len = bytes_from(skb, f->ip);
	s->raw_len = copy_bytes(s, at, f->ip, headers_length(f, linear_from(skb, f->ip)), RAW_MAX);
}

/* The ports of a TCP header, in network order. */
static __always_inline __u32 ports_of(struct found *f)
{
	return load32(f->ip + f->tcp);
}

#endif
