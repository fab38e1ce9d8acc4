package write

import "strings"

// loader is a script because iptables has no table of one's own to replace at once: what a load before this one has
// left is taken out first. It works under systemd, from rc.local and by hand.
var loader = `#!/bin/sh
# Loads or unloads the rules that log TCP resets, and no others: rules.sh load, or rules.sh unload.
PATH=/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin
dir=$(dirname "$0")

unload() {
	for hook in INPUT OUTPUT FORWARD; do
		while "$1" -w -D "$hook" ` + Jump + ` 2>/dev/null; do
			:
		done
	done
	for chain in ` + strings.Join(Chains(), " ") + `; do
		"$1" -w -F "$chain" 2>/dev/null
	done
	for chain in ` + strings.Join(Chains(), " ") + `; do
		"$1" -w -X "$chain" 2>/dev/null
	done
	return 0
}

load() {
	unload "$1"
	# Old versions know no --wait.
	"$1-restore" --noflush --wait <"$2" 2>/dev/null || "$1-restore" --noflush <"$2"
}

case "$1" in
load)
	load iptables "$dir/rules.v4" || exit 1
	# A kernel without IPv6 has no resets of it.
	[ ! -e /proc/net/if_inet6 ] || load ip6tables "$dir/rules.v6"
	;;
unload)
	unload iptables
	unload ip6tables
	;;
*)
	echo "usage: $0 load|unload" >&2
	exit 2
	;;
esac
`

// LoadCommand is what loads the rules, by hand or from rc.local.
func LoadCommand(c Choice) []string {
	if c.Firewall == NFTables {
		return []string{"/usr/sbin/nft", "-f", paths[NFTables]}
	}
	return []string{"/bin/sh", paths[Loader], "load"}
}

// UnloadCommand is what takes them out again.
func UnloadCommand(c Choice) []string {
	if c.Firewall == NFTables {
		return []string{"/usr/sbin/nft", "delete", "table", "inet", Table}
	}
	return []string{"/bin/sh", paths[Loader], "unload"}
}

// systemd makes the unit. Programs that own the whole firewall come first, because they flush it; when one is
// restarted, so is this.
func (s *Setup) systemd(c Choice) string {
	const firewalls = "iptables.service ip6tables.service netfilter-persistent.service nftables.service ufw.service firewalld.service"
	return `[Unit]
Description=Log TCP resets (rules beside the host's own)
After=` + firewalls + `
PartOf=` + firewalls + `

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=` + strings.Join(LoadCommand(c), " ") + `
# Append-only again, should a rotation have been killed halfway.
ExecStart=-/usr/bin/chattr +a ` + s.Path + `
ExecReload=` + strings.Join(LoadCommand(c), " ") + `
ExecStop=-` + strings.Join(UnloadCommand(c), " ") + `

[Install]
WantedBy=multi-user.target
`
}
