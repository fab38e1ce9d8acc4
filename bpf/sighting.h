/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * What the kernel side tells user space: the one layout shared with Go, which
 * reads it at fixed offsets (internal/sense/kernel/decode.go; a test holds the
 * two against each other through BTF).
 */
#ifndef RSTWATCH_SIGHTING_H
#define RSTWATCH_SIGHTING_H

/* A sighting's kind: which hooks it stems from. */
enum kind {
	KIND_WIRE_IN = 1, /* netif_receive_skb */
	KIND_WIRE_OUT,	  /* net_dev_queue */
	KIND_SENT,	  /* tcp_send_reset by an abort: no packet at hand */
	KIND_REPLY,	  /* tcp_send_reset in answer to a packet, with what became of it */
	KIND_ACCEPTED,	  /* tcp_receive_reset */
	KIND_REFUSED,	  /* kfree_skb of a RST */
	KIND_REJECTED,	  /* kfree_skb of a packet that netfilter's REJECT answered */
};

/* Who owns an outgoing packet; the numbers are those of reset.Origination. */
enum origin {
	ORIGIN_UNKNOWN = 0,
	ORIGIN_FORWARDED,
	ORIGIN_TCP_SOCKET,
	ORIGIN_TCP_CONTROL,
	ORIGIN_RAW_SOCKET,
	ORIGIN_PACKET_SOCKET,
	ORIGIN_NO_SOCKET,
};

/* Bits of has: which parts of a sighting were filled. */
#define HAS_REASON 0x01	     /* reason */
#define HAS_DROP_REASON 0x02 /* drop_reason */
#define HAS_SOCKET 0x04	     /* sk, cookie, family, addresses, ports */
#define HAS_TCP 0x08	     /* the tcp part */
#define HAS_CURRENT 0x10     /* pid, comm: the running task, not always the owner */
#define HAS_WIRE 0x20	     /* a reply reached a device */
#define HAS_VLAN 0x40	     /* vlan */
#define HAS_QUEUE_DEV 0x80   /* a second device: dev2 */
#define HAS_ABORT 0x100	     /* the abort part */
#define HAS_KNOWN 0x200	     /* the known part */
#define HAS_PASSED 0x400     /* the passed part */

/*
 * Of KIND_WIRE_IN, in the place of HAS_WIRE: another device than the one that
 * received it may take it (a bridge, a macvlan, a VLAN), and silence says nothing.
 */
#define HAS_TAKER 0x20

#define CT_KNOWN 0x80
#define CT_INVALID 5 /* in the place of an enum ip_conntrack_info that never is */

#define RAW_MAX 192	/* bytes of the RST kept, from its IP header */
#define TRIGGER_MAX 128 /* bytes of the packet that a reply answers */
#define LINK_MAX 18	/* an Ethernet header with one tag */

/* Bits of tcp_part.bits. */
#define SOCKET_LINGER 0x01    /* SOCK_LINGER */
#define SOCKET_KEEPALIVE 0x02 /* SOCK_KEEPOPEN */
#define SOCKET_ORPHAN 0x04    /* no struct socket: no process holds it */
#define SOCKET_MULTIPATH 0x08 /* a subflow of Multipath TCP */
#define SOCKET_OF_KERNEL 0x10 /* a struct socket without a file: the kernel's own */

struct tcp_part {
	__u64 bytes_acked;
	__u64 bytes_sent;
	__u64 bytes_received;
	__u64 inode;  /* of the socket's file; 0: none */
	__u64 cgroup; /* id of its cgroup v2; 0: none */
	__u32 rcv_nxt;
	__u32 copied_seq;
	__u32 snd_nxt;
	__u32 snd_una;
	__u32 write_seq;
	__u32 rcv_wnd;
	__u32 srtt_us;	  /* eighths of a microsecond */
	__u32 min_rtt_us; /* all ones: none was measured */
	__u32 total_retrans;
	__u32 since_sent; /* jiffies */
	__u32 since_heard;
	__u32 since_data;
	__u32 lingertime; /* jiffies */
	__u32 err;
	__s32 linger2; /* jiffies, or negative */
	__u32 user_timeout; /* ms */
	__u8 retransmits;
	__u8 probes;
	__u8 shutdown;
	__u8 bits;
	__u32 spare;
};

#define STACK_FRAMES 32

/* Of an abort: the running task's end, if it is ending, and who called. */
struct abort_part {
	__u32 task_flags; /* task_struct.flags */
	__u32 exit_code;  /* as wait(2) has it; only with PF_EXITING */
	__u32 stack_len;  /* bytes */
	__u32 oom;	  /* the task was chosen by the OOM killer */
	__u64 stack[STACK_FRAMES];
};

/* Bits of owner.bits. */
#define OWNER_KNOWN 0x01
#define OWNER_EXITING 0x02 /* it was ending: exit_code */
#define OWNER_OOM 0x04	   /* chosen by the OOM killer */
#define OWNER_LISTENS 0x08 /* only the listener's owner: who accepted it is not known */

struct owner {
	__u32 pid;
	__u32 uid;
	__u32 exit_code;
	__u32 bits;
	char comm[16];
};

/* Bits of connection.bits. */
#define CONNECTION_ROLE 0x01	   /* it is known which end began */
#define CONNECTION_ORIGINATOR 0x02 /* this end did */
#define CONNECTION_HANDSHAKE 0x04  /* ttl */
#define CONNECTION_MAC 0x08	   /* mac */
#define CONNECTION_IPID 0x10	   /* ipid */

/* What is kept of a connection; times are of the monotonic clock, 0: not yet. */
struct connection {
	__u64 opened_ns; /* the handshake was complete */
	__u64 fin_ns;	 /* this end sent its FIN */
	__u64 closed_ns;
	__u64 reset_ns; /* this end took a RST */
	__u64 cgroup;
	struct owner owner;
	/* At the close. */
	__u32 rcv_nxt;
	__u32 snd_nxt;
	__u32 srtt_us; /* eighths of a microsecond */
	__u16 err;
	__u8 closed_from;
	__u8 bits;
	/* Of the other end's packet of the handshake. */
	__u16 ipid;
	__u8 ttl;
	__u8 spare;
	__u8 mac[8]; /* six are used */
	__u32 spare2;
};

/* The last complete handshake with an address. */
struct peer {
	__u64 heard_ns;
	__u16 ipid;
	__u8 ttl;
	__u8 has_mac;
	__u8 mac[8]; /* six are used */
	__u32 spare;
};

/* Bits of known_part.bits. */
#define KNOWN_PAST 0x01
#define KNOWN_PEER 0x02
#define KNOWN_BESIDE 0x04
#define KNOWN_OPENING 0x08

/* What the tables know of a RST's connection, and of others beside it. */
struct known_part {
	struct connection past;
	struct peer peer;
	struct owner opening; /* who is connecting */
	__u64 beside_ns;      /* when it was begun */
	__u8 beside_addr[16];
	__u32 beside_snd_nxt;
	__u32 beside_rcv_nxt;
	__u16 beside_port;
	__u8 beside_state; /* where it is 7, the numbers are not known */
	__u8 bits;
	__u32 spare;
};

/* Bits of passed_part.bits. */
#define PASSED_IPID 0x01
#define PASSED_MAC 0x02
#define PASSED_SYN 0x04 /* a SYN without ACK: its sender connects */

/* The handshake's packet of a RST's source, as the same device received it. */
struct passed_part {
	__u32 seq;
	__u16 ipid;
	__u8 ttl;
	__u8 bits;
	__u8 mac[8]; /* six are used */
};

struct sighting {
	__u64 mono_ns;
	__u64 netns_cookie;
	__u64 skb; /* kernel address: a join key, never shown */
	__u64 sk;
	__u64 cookie;
	__u32 netns;
	__u32 ifindex;
	__u32 iif;
	__u32 mark;
	__u32 uid;
	__u32 pid;
	__u32 cpu;
	__u32 packet_len; /* bytes of the IP packet, as the skb has them */
	__u16 reason;
	__u16 drop_reason;
	__u16 vlan;
	__u16 raw_len;
	__u16 trigger_len;
	__u16 has;
	__u8 kind;
	__u8 origin;
	__u8 link_len;
	__u8 state;  /* TCP state of the socket */
	__u8 family; /* 4 or 6 */
	__u16 sport; /* of the socket, host order */
	__u16 dport;
	__u8 saddr[16];
	__u8 daddr[16];
	char comm[16];
	char dev[IFNAMSIZ];
	char dev2[IFNAMSIZ]; /* the lower device that the packet went on to */
	__u8 link[20];
	__u32 trigger_mark;
	__u8 trigger_mac[6]; /* the neighbour that delivered the trigger */
	__u8 trigger_ct;     /* CT_KNOWN and enum ip_conntrack_info or CT_INVALID; 0: none */
	__u8 trigger_has_mac;
	/*
	 * The tail, of which only the used part is sent: the tcp part where
	 * HAS_TCP; the known part where HAS_KNOWN; the passed part where
	 * HAS_PASSED; the abort part where HAS_ABORT, up to its stack's end; the
	 * trigger, padded to eight bytes; the RST.
	 */
	__u8 tail[sizeof(struct tcp_part) + sizeof(struct known_part) + TRIGGER_MAX + 256];
};

/* So that their layout is among the types of the object, for the Go side. */
const struct tcp_part *tcp_part_type __attribute__((unused));
const struct abort_part *abort_part_type __attribute__((unused));
const struct known_part *known_part_type __attribute__((unused));
const struct passed_part *passed_part_type __attribute__((unused));

#define HEAD_SIZE __builtin_offsetof(struct sighting, tail)

_Static_assert(HEAD_SIZE % 8 == 0, "the tail must be aligned");
_Static_assert(sizeof(struct tcp_part) % 8 == 0 && sizeof(struct known_part) % 8 == 0 &&
		       sizeof(struct passed_part) % 8 == 0, "parts must keep it so");

/* Indices into the counters. */
enum counter {
	COUNT_SEEN, /* sightings that were to be told */
	COUNT_LOST, /* the ring was full */
	COUNT_FILTERED,
	COUNT_STALE, /* replies told late, because no drop event followed */
	COUNT_INSERTED, /* lines of connections */
	COUNT_MAX,
};

#endif
