// Package rule names the firewall rule that rejected a packet.
//
// The kernel does not tell which rule it was. So the rules of the namespace are
// read, nftables' (with iptables' among them) and those of the older iptables,
// and the packet that was rejected is led through the chains that it must have
// met: the rules that reject with a RST and that it does not contradict are the
// candidates. Where one remains, it is named; of several, all that is said is
// that it was one of them.
//
// Reading happens in the background. What was read is believed for seconds: a
// rule that was changed within those may be named wrongly.
package rule
