package check

import (
	"io/fs"
	"strings"
)

// kernel is what this host's kernel says of itself.
type kernel struct {
	forwards   bool // it routes, for IPv4 or IPv6
	ipv6       bool
	silent     bool // nf_log_all_netns is 0
	namespaces int  // network namespaces with a process in them
}

const maxProcesses = 200_000

// readKernel asks proc. What it does not tell counts as the worse case for none of the faults.
func readKernel(proc fs.FS) *kernel {
	is := func(name, value string) bool {
		text, err := fs.ReadFile(proc, name)
		return err == nil && strings.TrimSpace(string(text)) == value
	}
	k := &kernel{
		forwards: is("sys/net/ipv4/ip_forward", "1") || is("sys/net/ipv6/conf/all/forwarding", "1"),
		silent:   is("sys/net/netfilter/nf_log_all_netns", "0"),
	}
	_, err := fs.Stat(proc, "net/if_inet6")
	k.ipv6 = err == nil
	names := make(map[string]bool)
	entries, err := fs.ReadDir(proc, ".")
	if err != nil {
		return k
	}
	for i, entry := range entries {
		if i > maxProcesses {
			break
		}
		if first := entry.Name()[0]; first < '0' || first > '9' {
			continue
		}
		if name, err := fs.ReadLink(proc, entry.Name()+"/ns/net"); err == nil {
			names[name] = true
		}
	}
	k.namespaces = len(names)
	return k
}

// judgeKernel holds the settings against the rules.
func (c *checker) judgeKernel() {
	const key = "net.netfilter.nf_log_all_netns"
	for _, s := range c.of(Sysctl) {
		for i, line := range s.lines {
			name, value, ok := strings.Cut(line, "=")
			name = strings.ReplaceAll(strings.TrimPrefix(strings.TrimSpace(name), "-"), "/", ".")
			if ok && name == key && strings.TrimSpace(value) == "0" {
				c.concerns(s)
				c.report.add(s, i+1, NamespacesSilent, key+" = 1", "%s is set to 0", key)
			}
		}
	}
	switch {
	case c.host == nil || !c.host.silent || c.host.namespaces < 2 || len(c.rulesets) == 0:
	case c.isMeant(NamespacesSilent):
		c.report.Meant++
	default:
		c.report.add(nil, 0, NamespacesSilent, "sysctl -w "+key+"=1   # and "+key+" = 1 in a file in /etc/sysctl.d",
			"%s is 0, and %d network namespaces are in use", key, c.host.namespaces)
	}
}
