/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * tcp_receive_reset (net/ipv4/tcp_input.c: tcp_reset): the kernel's TCP took a
 * RST, or behaves as if it had (TCP_ABORT_ON_DATA). It has the socket and not
 * the packet. Since Linux 4.15; nothing for ordinary packets.
 */
SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(reset_received, struct sock *sk)
{
	__u32 key = SCRATCH_ACCEPTED;
	struct sighting *s = bpf_map_lookup_elem(&scratch, &key);

	if (!s || !sk)
		return 0;
	begin(s, KIND_ACCEPTED);
	describe_socket(s, sk);
	describe_tcp(s, sk);
	if (filtered(s, s->sport, s->dport)) {
		count(COUNT_FILTERED);
		return 0;
	}
	tell(s, HEAD_SIZE + sizeof(struct tcp_part));
	return 0;
}
