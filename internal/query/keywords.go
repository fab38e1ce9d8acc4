package query

import "net/netip"

// keywords begin a primitive. The list is what near words are taken from.
var keywords = []string{
	"ip", "ip6", "tcp", "ether", "src", "dst", "host", "net", "port", "portrange", "vlan", "less", "greater", "len",
	"direction", "interface", "netns", "sender", "cause", "harm", "comm", "pid", "container", "confidence",
	"source", "verdict", "uid", "mark",
}

func isKeyword(text string) bool {
	for _, k := range keywords {
		if k == text {
			return true
		}
	}
	return foreign(text) != ""
}

// foreign returns why a keyword of pcap-filter(7) is not one of ours, or "".
func foreign(text string) string {
	switch text {
	case "udp", "sctp", "icmp", "icmp6", "igmp", "igrp", "pim", "vrrp", "carp", "ah", "esp", "arp", "rarp", "atalk",
		"aarp", "decnet", "iso", "stp", "ipx", "netbeui", "lat", "moprc", "mopdl", "llc", "clnp", "esis", "isis":
		return "only TCP resets are recorded: no other protocol can match"
	case "inbound":
		return "write: direction in"
	case "outbound":
		return "write: direction out"
	case "on", "ifname":
		return "write: interface NAME"
	case "proto", "protochain":
		return "write: ip, ip6 or tcp"
	case "gateway":
		return "write: ether host ADDRESS and not host ADDRESS"
	case "fddi", "tr", "wlan", "link", "ppp", "slip", "radio":
		return "the link layer is called ether"
	case "broadcast", "multicast":
		return "write: ether dst ff:ff:ff:ff:ff:ff, or net 224.0.0.0/4"
	case "mpls", "pppoed", "pppoes", "geneve":
		return "tunnels are taken off before a filter is asked"
	}
	return ""
}

func (p *parser) unknownWord(t token) error {
	quoted := p.text[t.at:t.end]
	if _, err := netip.ParseAddr(t.text); err == nil {
		return p.errorAt(t.at, "write: host "+t.text, "the address %s has no keyword before it", quoted)
	}
	if _, err := netip.ParsePrefix(t.text); err == nil {
		return p.errorAt(t.at, "write: net "+t.text, "the network %s has no keyword before it", quoted)
	}
	if near := nearest(t.text, keywords); near != "" {
		return p.errorAt(t.at, "did you mean "+near+"?", "%q is no keyword of a filter", quoted)
	}
	for _, list := range wordKinds {
		for _, word := range list.words() {
			if word == t.text {
				return p.errorAt(t.at, "write: "+list.keyword+" "+word, "%q has no keyword before it", quoted)
			}
		}
	}
	const hint = "keywords are host, net, port, src, dst, direction, interface, sender, cause, …"
	return p.errorAt(t.at, hint, "%q is no keyword of a filter", quoted)
}
