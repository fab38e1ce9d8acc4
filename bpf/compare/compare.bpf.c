// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * The smallest possible watcher at each hook that sees packets: find a RST,
 * count it, let it pass. Only the benchmarks load these, to compare what the
 * hooks cost ordinary packets (docs/decisions/0001-packet-hook.md).
 */
#include "../kernel.h"
#include "../sighting.h"

/* What packet.h takes from maps.h, which would bring the ring along. */
const volatile __u32 snap_len = RAW_MAX;
const volatile bool keep_payload = false;
#include "../packet.h"

#define NF_ACCEPT 1
#define TCX_NEXT (-1)

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} seen SEC(".maps");

static __always_inline void count(void)
{
	__u32 zero = 0;
	__u64 *n = bpf_map_lookup_elem(&seen, &zero);

	if (n)
		(*n)++;
}

static __always_inline void look(unsigned char *l3, __be16 protocol)
{
	struct found f = {};

	if (find_rst(&f, l3, protocol))
		count();
}

/* The tracepoints, which rstwatch uses. */
SEC("tp_btf/netif_receive_skb")
int BPF_PROG(tracepoint_in, struct sk_buff *skb)
{
	look(skb->data, skb->protocol);
	return 0;
}

SEC("tp_btf/net_dev_queue")
int BPF_PROG(tracepoint_out, struct sk_buff *skb)
{
	look(skb->head + skb->network_header, skb->protocol);
	return 0;
}

/* A netfilter link, at LOCAL_IN, LOCAL_OUT and FORWARD (6.4). */
struct nf_hook_state;

struct bpf_nf_ctx { /* include/linux/netfilter.h */
	const struct nf_hook_state *state;
	struct sk_buff *skb;
};

SEC("netfilter")
int netfilter_hook(struct bpf_nf_ctx *ctx)
{
	struct sk_buff *skb = ctx->skb;

	look(skb->head + skb->network_header, skb->protocol);
	return NF_ACCEPT;
}

/* TCX, both ways (6.6): the context of classifiers, with direct access. */
struct __sk_buff { /* include/uapi/linux/bpf.h */
	__u32 len;
	__u32 pkt_type;
	__u32 mark;
	__u32 queue_mapping;
	__u32 protocol;
	__u32 vlan_present;
	__u32 vlan_tci;
	__u32 vlan_proto;
	__u32 priority;
	__u32 ingress_ifindex;
	__u32 ifindex;
	__u32 tc_index;
	__u32 cb[5];
	__u32 hash;
	__u32 tc_classid;
	__u32 data;
	__u32 data_end;
};

static __always_inline int classify(struct __sk_buff *skb)
{
	unsigned char *ip = (unsigned char *)(__u64)skb->data + 14, *end = (unsigned char *)(__u64)skb->data_end, *tcp;

	if (ip + 40 > end)
		return TCX_NEXT;
	if (skb->protocol == swap16(ETH_P_IP)) {
		if (ip[9] != IPPROTO_TCP)
			return TCX_NEXT;
		tcp = ip + (ip[0] & 0x0f) * 4;
	} else if (skb->protocol == swap16(ETH_P_IPV6)) {
		if (ip[6] != IPPROTO_TCP)
			return TCX_NEXT;
		tcp = ip + 40;
	} else {
		return TCX_NEXT;
	}
	if (tcp + 20 > end)
		return TCX_NEXT;
	if (tcp[TCP_FLAGS_OFFSET] & TCP_FLAG_RST)
		count();
	return TCX_NEXT;
}

SEC("tcx/ingress")
int tcx_in(struct __sk_buff *skb)
{
	return classify(skb);
}

SEC("tcx/egress")
int tcx_out(struct __sk_buff *skb)
{
	return classify(skb);
}

char LICENSE[] SEC("license") = "GPL";
