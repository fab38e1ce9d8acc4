/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* The maps, the settings and the one way to tell user space something. */
#ifndef RSTWATCH_MAPS_H
#define RSTWATCH_MAPS_H

/* Settings, written before the programs load; the verifier prunes by them. */
const volatile __u32 snap_len = RAW_MAX; /* bytes of the RST to keep */
const volatile bool packet_hooks = true; /* false: the light mode */
const volatile bool keep_payload = false;
const volatile bool ask_arriving = false; /* TCP does not tell of the RSTs that it refuses */
const volatile bool ask_leaving = false;  /* nor of those that it sends without a socket */
const volatile bool filter_netns = false;
const volatile bool filter_ports = false;
const volatile __u64 wake_interval_ns = 1000000;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 << 20);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNT_MAX);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

/* Namespaces to watch, by inode number, where filter_netns is set. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u8);
} watched_netns SEC(".maps");

/* A bit a port: a RST is told if one of its ports is set, where filter_ports. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u64);
} watched_ports SEC(".maps");

/* Where a sighting is put together: one of each a CPU. */
struct workplace {
	struct sighting s;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 5); /* one a program, so that an interrupting one does not spoil it */
	__type(key, __u32);
	__type(value, struct workplace);
} scratch SEC(".maps");

enum scratch_of { SCRATCH_WIRE_IN, SCRATCH_WIRE_OUT, SCRATCH_SENT, SCRATCH_ACCEPTED, SCRATCH_DROP };

/*
 * The reply that this CPU is about to send. tcp_send_reset fills it, the device
 * hook adds the packet, the freeing of the trigger adds the finer reason and
 * tells user space: three hooks, one sighting. Whatever is still here when the
 * next reply starts, or when user space sweeps, is told as it stands.
 */
struct reply {
	__u64 used; /* 0 free, else the number of this reply on this CPU */
	__u64 next;
	__u64 trigger; /* the skb that is answered */
	__u64 began;   /* jiffies */
	__u32 ports;   /* of the RST as on the wire, to recognise it */
	/*
	 * A RST that left with no socket, as netfilter's REJECT makes them: the
	 * packet that it answers is dropped right after it, on the same CPU.
	 */
	__u32 rejected_ports;
	__u64 rejected_at; /* 0: none */
	__u64 tagged;	   /* the skb of the last RST that came in with a VLAN tag */
	struct sighting s;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct reply);
} replies SEC(".maps");

static __u64 last_wake;

static __always_inline void count(__u32 which)
{
	__u64 *n = bpf_map_lookup_elem(&counters, &which);

	if (n)
		__sync_fetch_and_add(n, 1);
}

static __always_inline bool port_watched(__u16 port)
{
	__u32 word = port >> 6;
	__u64 *bits = bpf_map_lookup_elem(&watched_ports, &word);

	return bits && (*bits >> (port & 63) & 1);
}

/* Whether the settings leave this namespace out, as far as it is known by now. */
static __always_inline bool netns_filtered(const struct sighting *s)
{
	if (filter_netns && s->netns) {
		__u32 inum = s->netns;

		if (!bpf_map_lookup_elem(&watched_netns, &inum))
			return true;
	}
	return false;
}

/*
 * The same with the ports of a packet. A socket's ports are not asked: where an
 * address is translated, they are not those that the wire bears.
 */
static __always_inline bool filtered(const struct sighting *s, __u16 sport, __u16 dport)
{
	if (netns_filtered(s))
		return true;
	return filter_ports && !port_watched(sport) && !port_watched(dport);
}

/*
 * How long the hooks of one call chain may lie apart: above it a slot that is
 * still in use is another packet's, whose call moved to another CPU.
 */
#define CHAIN_NS 2000000

static __always_inline bool within_chain(__u64 begin)
{
	return bpf_ktime_get_ns() - begin < CHAIN_NS;
}

/*
 * The same by a clock that is coarser and costs a load instead of a call, where
 * much more than the time says that it is this chain: one tick passes at most.
 */
static __always_inline bool same_tick(__u64 began)
{
	return bpf_jiffies64() - began <= 1;
}

/*
 * Tell user space. The reader is not woken for each sighting, which would cost
 * more than all the rest: once a millisecond at most, and the reader polls for
 * some milliseconds after each waking.
 */
static __always_inline void tell(struct sighting *s, __u64 size)
{
	__u64 flags = BPF_RB_NO_WAKEUP;
	__u64 now = s->mono_ns; /* near enough, and another look at the clock is not free */

	if ((__s64)(now - last_wake) > (__s64)wake_interval_ns) { /* another CPU's may be later */
		last_wake = now;
		flags = BPF_RB_FORCE_WAKEUP;
	}
	count(COUNT_SEEN);
	if (size > sizeof(*s))
		size = sizeof(*s);
	if (bpf_ringbuf_output(&ring, s, size, flags))
		count(COUNT_LOST);
}

#endif
