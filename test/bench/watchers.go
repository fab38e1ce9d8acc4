package bench

var none = Watcher{"nothing", nothing}

// watchers are those whose cost for ordinary packets is compared; the first is
// the measure.
func watchers() []Watcher {
	return []Watcher{
		none,
		{"rstwatch, bpf", rstwatch("bpf")},
		{"rstwatch, bpf-light", rstwatch("bpf-light")},
		{"rstwatch, packet", rstwatch("packet")},
		{"two iptables LOG rules (nf_tables)", iptablesRules("iptables-restore")},
		{"two iptables LOG rules (legacy)", iptablesRules("iptables-legacy-restore")},
		{"nftables log rules", nftablesRules(nftLog)},
		{"program at the tracepoints", compared(attachTracepoints, "tracepoint_in", "tracepoint_out")},
		{"program at TCX", compared(attachTCX, "tcx_in", "tcx_out")},
		{"program at netfilter links", compared(attachNetfilter, "netfilter_hook")},
		{"tcpdump -w, RST filter", tcpdump},
	}
}

// droppers are those that a flood of dropped packets is measured with.
func droppers() []Watcher {
	return []Watcher{none, {"rstwatch, bpf", rstwatch("bpf")}, {"rstwatch, bpf-light", rstwatch("bpf-light")}}
}

// recorders are what a storm is recorded with; the first is the measure.
func recorders() []Watcher {
	return []Watcher{
		none,
		{"rstwatch, bpf", rstwatch("bpf")},
		{"iptables LOG, rsyslog", rsyslog},
		{"nftables log group, ulogd2", ulogd},
		{"tcpdump -w, RST filter", tcpdump},
	}
}
