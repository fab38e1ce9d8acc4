package write

import (
	"fmt"
	"strings"
)

// Chain begins the names of our chains.
const Chain = "RSTWATCH"

// Chains are all of them.
func Chains() []string { return []string{Chain, Chain + "-RATE", Chain + "-LOG"} }

// Table is our nftables table.
const Table = "rstwatch_classic"

// Jump is what sends resets into our chain.
const Jump = "-p tcp -m tcp --tcp-flags RST RST -j " + Chain

// choice is the comment by which "classic check" knows what is left out on purpose.
func (s *Setup) choice() string {
	text, words := "", []string(nil)
	if !s.Forward {
		text += "# Resets that pass through this host are not logged.\n"
		words = append(words, "no-forward")
	}
	if !s.Namespaces {
		text += "# Nor are those inside of other network namespaces.\n"
		words = append(words, "namespaces-silent")
	}
	if words == nil {
		return ""
	}
	return text + "# rstwatch: meant: " + strings.Join(words, ", ") + "\n"
}

// iptables makes the file of one family. Chains are declared, which empties them if they are there; built-in ones are
// not, so that --noflush leaves them and their policies alone.
func (s *Setup) iptables(six bool) string {
	program := "iptables"
	if six {
		program = "ip6tables"
	}
	var b strings.Builder
	fmt.Fprintf(&b, `# TCP resets into the kernel's log, beside whatever rules there are. Load with
#   %s-restore --noflush < %s
# and once only: each load adds a jump. "sh %s load" takes the last one out before.
# Resets over the rate: "%s -vnL %s-RATE" counts them, and one a second is logged as "%s%s".
%s*filter
:%s - [0:0]
:%s-RATE - [0:0]
:%s-LOG - [0:0]
`, program, paths[map[bool]Part{false: IPTables, true: IP6Tables}[six]], paths[Loader], program, Chain, s.Prefix, strings.TrimSpace(excess), s.choice(), Chain, Chain, Chain)
	for _, list := range multiports(s.Except) {
		fmt.Fprintf(&b, "-A %s -p tcp -m multiport --ports %s -j RETURN\n", Chain, list)
	}
	for _, list := range multiports(s.Ports) {
		fmt.Fprintf(&b, "-A %s -p tcp -m multiport --ports %s -g %s-RATE\n", Chain, list, Chain)
	}
	if len(s.Ports) == 0 {
		fmt.Fprintf(&b, "-A %s -g %s-RATE\n", Chain, Chain)
	}
	fmt.Fprintf(&b, "-A %s-RATE -m limit --limit %d/second --limit-burst %d -g %s-LOG\n", Chain, s.Rate, s.Rate, Chain)
	fmt.Fprintf(&b, "-A %s-RATE -m limit --limit 1/second --limit-burst 1 -j LOG --log-prefix \"%s%s\" --log-level 7\n", Chain, s.Prefix, excess)
	fmt.Fprintf(&b, "-A %s-RATE -m comment --comment \"resets over the rate\" -j RETURN\n", Chain)
	fmt.Fprintf(&b, "-A %s-LOG -j LOG --log-prefix \"%s\" --log-level 7 --log-tcp-sequence --log-tcp-options --log-ip-options\n", Chain, s.Prefix)
	for _, hook := range s.hooks() {
		fmt.Fprintf(&b, "-I %s 1 %s\n", strings.ToUpper(hook), Jump)
	}
	b.WriteString("COMMIT\n")
	return b.String()
}

func (s *Setup) hooks() []string {
	if s.Forward {
		return []string{"input", "output", "forward"}
	}
	return []string{"input", "output"}
}

// nftables makes a table for both families. Naming it before it is deleted makes the file loadable again and again.
// Its chains come just before those of priority filter, so that no verdict there hides a reset.
func (s *Setup) nftables() string {
	var b strings.Builder
	fmt.Fprintf(&b, `# TCP resets into the kernel's log, in a table of its own. Load with: nft -f %s
# Resets over the rate: "nft list counter inet %s over_rate" counts them, and one a second is logged as "%s%s".
%stable inet %s
delete table inet %s
table inet %s {
	counter over_rate {
	}

`, paths[NFTables], Table, s.Prefix, strings.TrimSpace(excess), s.choice(), Table, Table, Table)
	fmt.Fprintf(&b, "\tchain log_line {\n\t\tlog prefix \"%s\" level debug flags tcp sequence,options flags ip options\n\t}\n\n", s.Prefix)
	fmt.Fprintf(&b, "\tchain rate {\n\t\tlimit rate %d/second burst %d packets goto log_line\n\t\tcounter name \"over_rate\"\n"+
		"\t\tlimit rate 1/second burst 1 packets log prefix \"%s%s\" level debug\n\t}\n\n", s.Rate, s.Rate, s.Prefix, excess)
	b.WriteString("\tchain resets {\n")
	switch {
	case len(s.Except) > 0:
		fmt.Fprintf(&b, "\t\ttcp sport %s return\n\t\ttcp dport %s return\n\t\tgoto rate\n", set(s.Except), set(s.Except))
	case len(s.Ports) > 0:
		fmt.Fprintf(&b, "\t\ttcp sport %s goto rate\n\t\ttcp dport %s goto rate\n", set(s.Ports), set(s.Ports))
	default:
		b.WriteString("\t\tgoto rate\n")
	}
	b.WriteString("\t}\n")
	for _, hook := range s.hooks() {
		fmt.Fprintf(&b, "\n\tchain %s {\n\t\ttype filter hook %s priority -5; policy accept;\n\t\ttcp flags & rst == rst jump resets\n\t}\n", hook, hook)
	}
	b.WriteString("}\n")
	return b.String()
}

// sysctl lets LOG rules inside network namespaces speak.
const sysctl = `# Rules inside network namespaces write to the kernel's log too. Whoever may make rules there may now fill it.
net.netfilter.nf_log_all_netns = 1
`
