package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// wanted are the modules that the lab needs where the kernel has them as modules. One that a kernel does not have is
// built in, or lacking: then the makers that need it say so.
var wanted = []string{
	"veth", "bridge", "br_netfilter", "8021q", "macvlan", "ipvlan", "dummy", "tun",
	"nf_tables", "nft_reject_inet", "nft_reject_ipv4", "nft_reject_ipv6", "nft_reject_bridge", "nft_reject_netdev",
	"nft_counter", "nft_meta_bridge", "nft_log", "nft_compat", "nft_ct", "nft_limit", "nft_chain_nat", "nft_nat", "nft_redir", "nf_reject_ipv4", "nf_reject_ipv6",
	"nfnetlink_log", "nf_log_syslog", "nf_log_ipv4", "nf_log_ipv6", "nf_log_netdev", "nf_log_bridge",
	"xt_LOG", "ipt_REJECT", "ip6t_REJECT", "xt_tcpudp", "xt_mark", "xt_comment", "xt_limit", "xt_multiport",
	"xt_conntrack", "xt_owner", "nf_conntrack", "nf_conntrack_netlink",
	"inet_diag", "tcp_diag", "netlink_diag", "af_packet_diag", "unix_diag",
}

// kernelFiles is a kernel as fetch.sh unpacked it.
type kernelFiles struct {
	root    string // of its packages
	release string // as uname says it
}

// image is the path of the kernel's own image.
func (k kernelFiles) image() (string, error) {
	for _, path := range []string{
		filepath.Join(k.root, "boot", "vmlinuz-"+k.release),
		filepath.Join(k.directory(), "vmlinuz"),
	} {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("kernel %s: no vmlinuz in %s", k.release, k.root)
}

func (k kernelFiles) directory() string {
	return filepath.Join(k.root, "usr", "lib", "modules", k.release)
}

type module struct{ name, path string }

// read returns the module, unpacked: not every kernel can do that itself.
func (m module) read() ([]byte, error) {
	unpack := map[string]string{".xz": "xz", ".zst": "zstd", ".gz": "gzip"}[filepath.Ext(m.path)]
	if unpack == "" {
		return os.ReadFile(m.path)
	}
	data, err := exec.Command(unpack, "-dc", m.path).Output()
	if err != nil {
		return nil, fmt.Errorf("unpacking module %s: %w", m.path, err)
	}
	return data, nil
}

// modules returns the wanted modules and what they need, in an order in which they can be loaded.
func (k kernelFiles) modules() ([]module, error) {
	needs, err := k.dependencies()
	if err != nil {
		return nil, err
	}
	byName := make(map[string]string, len(needs))
	for path := range needs {
		byName[moduleName(path)] = path
	}
	var order []module
	done := make(map[string]bool)
	var add func(path string)
	add = func(path string) {
		if done[path] {
			return
		}
		done[path] = true
		for _, need := range needs[path] {
			add(need)
		}
		order = append(order, module{moduleName(path), filepath.Join(k.directory(), path)})
	}
	for _, name := range wanted {
		if path, ok := byName[name]; ok {
			add(path)
		}
	}
	if !done[byName["veth"]] {
		return nil, fmt.Errorf("kernel %s has no module veth: the lab cannot be built", k.release)
	}
	return order, nil
}

// dependencies reads modules.dep: "path: path that it needs ...".
func (k kernelFiles) dependencies() (map[string][]string, error) {
	data, err := os.ReadFile(filepath.Join(k.directory(), "modules.dep"))
	if err != nil {
		return nil, fmt.Errorf("kernel %s: %w", k.release, err)
	}
	needs := make(map[string][]string)
	for scanner := bufio.NewScanner(bytes.NewReader(data)); scanner.Scan(); {
		path, rest, ok := strings.Cut(scanner.Text(), ":")
		if ok {
			needs[path] = strings.Fields(rest)
		}
	}
	return needs, nil
}

// moduleName is the name as the kernel knows it, without directories and endings.
func moduleName(path string) string {
	name, _, _ := strings.Cut(filepath.Base(path), ".ko")
	return strings.ReplaceAll(name, "-", "_")
}
