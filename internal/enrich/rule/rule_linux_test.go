package rule

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rstwatch/rstwatch/internal/netns"
	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// do runs a program in the namespace; it skips the test where it is not there.
func do(t *testing.T, n *testkit.Node, input string, args ...string) {
	t.Helper()
	if _, err := exec.LookPath(args[0]); err != nil {
		if testkit.Required() {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	if err := run(n, input, args...); err != nil {
		t.Fatal(err)
	}
}

func run(n *testkit.Node, input string, args ...string) error {
	return n.Do(func() error {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Stdin = strings.NewReader(input)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, out)
		}
		return nil
	})
}

// rulesOf reads the rules of a namespace.
func rulesOf(t *testing.T, n *testkit.Node) *ruleset {
	t.Helper()
	var rules *ruleset
	err := n.Do(func() (err error) {
		rules, err = read(t.Context(), true)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if rules.partial {
		t.Fatal("the rules were read in part")
	}
	return rules
}

// node makes a namespace with two addresses of its own.
func node(t *testing.T, lab *testkit.Lab, role string) *testkit.Node {
	t.Helper()
	n, err := lab.NewNode(role)
	if err != nil {
		t.Fatal(err)
	}
	do(t, n, "", "ip", "addr", "add", "10.7.0.1/32", "dev", "lo")
	do(t, n, "", "ip", "addr", "add", "fd07::1/128", "dev", "lo")
	return n
}

func packetOf(src, dst string, state string) Packet {
	return Packet{
		Src: netip.MustParseAddrPort(src), Dst: netip.MustParseAddrPort(dst),
		Trigger: &reset.Trigger{Flags: reset.SYN, TTL: reset.Some(uint8(64)), Conntrack: state},
	}
}

const nftRules = `
table inet filter {
	set blocked { type ipv4_addr; flags interval; elements = { 192.0.2.0/24, 198.51.100.7 } }
	map services { type inet_service : verdict; elements = { 8080 : jump web, 8081 : goto web } }
	chain web {
		 ip saddr 203.0.113.9 accept; tcp flags & (syn|ack) == syn reject with tcp reset comment "no web"; reject with tcp reset
	}
	chain deep {
		meta l4proto tcp jump deeper
	}
	chain deeper {
		 ip6 saddr fd99::/64 reject with tcp reset
	}
	chain input {
		type filter hook input priority 0
		ct state established,related accept
		tcp dport 22 counter reject with tcp reset
		tcp dport { 23, 25, 110 } log reject with tcp reset
		tcp dport 6000-6010 reject with tcp reset
		tcp dport vmap @services
		ip saddr @blocked reject with tcp reset
		tcp dport 53 reject
		ct state established tcp dport 7000 reject with tcp reset
		ct state new tcp dport 7000 reject with tcp reset
		tcp dport 7001 limit rate 1/second reject with tcp reset
		tcp dport 7001 reject with tcp reset
		iifname "eth9" tcp dport 7002 reject with tcp reset
		iifname "eth8" tcp dport 7002 reject with tcp reset
		tcp dport != 7003 tcp dport >= 7003 tcp dport <= 7004 reject with tcp reset
		ct state invalid tcp dport 7005 reject with tcp reset
		jump deep
	}
	chain forward { type filter hook forward priority 0; tcp dport 22 reject with tcp reset
	}
	chain output { type filter hook output priority 0; tcp dport 22 reject with tcp reset
	}
}
table ip6 six { chain input { type filter hook input priority 10; tcp dport 443 reject with tcp reset
	}
}
`

// lowRules are in families in which not every kernel can reject
// (CONFIG_NFT_BRIDGE_REJECT, CONFIG_NFT_REJECT_NETDEV).
var lowRules = map[string]string{
	"bridge": "table bridge b {\n chain pre {\n type filter hook prerouting priority 0\n tcp dport 4444 reject with tcp reset\n }\n}\n",
	"netdev": "table netdev d {\n chain in {\n type filter hook ingress device \"lo\" priority 0\n ip protocol tcp tcp dport 5555 reject with tcp reset\n }\n}\n",
}

// TestNftables reads rules that nft wrote and leads packets through them.
func TestNftables(t *testing.T) {
	testkit.RequireRoot(t)
	lab := testkit.NewLab(t)
	n := node(t, lab, "nft")
	do(t, n, nftRules, "nft", "-f", "-")
	can := map[string]bool{"": true}
	for family, text := range lowRules {
		err := run(n, text, "nft", "-f", "-")
		if can[family] = err == nil; err != nil && !strings.Contains(err.Error(), "No such file") && !strings.Contains(err.Error(), "not supported") {
			t.Fatal(err)
		}
	}
	rules := rulesOf(t, n)
	const here, other, six, other6 = "10.7.0.1", "192.0.3.1", "[fd07::1]", "[fd08::1]"
	for _, tt := range []struct {
		name     string
		src, dst string
		state    string
		want     string // without handles
	}{
		{"a port", other + ":1", here + ":22", "", "table inet filter, chain input, rule 2"},
		{"a port, version 6", other6 + ":1", six + ":22", "", "table inet filter, chain input, rule 2"},
		{"passing through", other + ":1", "192.0.3.2:22", "", "table inet filter, chain forward, rule 1"},
		{"on the way out", here + ":1", "192.0.3.2:22", "", "table inet filter, chain output, rule 1"},
		{"within", "127.0.0.1:1", "127.0.0.1:22", "", "table inet filter, chain input, rule 2"},
		{"one of a set without a name", other + ":1", here + ":25", "", "table inet filter, chain input, rule 3"},
		{"none of it", other + ":1", here + ":24", "", ""},
		{"a span", other + ":1", here + ":6005", "", "table inet filter, chain input, rule 4"},
		{"beyond a span", other + ":1", here + ":6011", "", ""},
		{"a map's jump", other + ":1", here + ":8080", "", `table inet filter, chain web, rule 2 "no web"`},
		{"a map's goto", other + ":1", here + ":8081", "", `table inet filter, chain web, rule 2 "no web"`},
		{"a set of addresses", "192.0.2.77:1", here + ":80", "", "table inet filter, chain input, rule 6"},
		{"an address of a set", "198.51.100.7:1", here + ":80", "", "table inet filter, chain input, rule 6"},
		{"beside it", "198.51.100.8:1", here + ":80", "", ""},
		{"rejected otherwise", other + ":1", here + ":53", "", ""},
		{"a state", other + ":1", here + ":7000", "NEW", "table inet filter, chain input, rule 9"},
		{"another state", other + ":1", here + ":7000", "ESTABLISHED", "table inet filter, chain input, rule 8"},
		{"a state that is not known", other + ":1", here + ":7000", "", "one of: table inet filter, chain input, rule 8; table inet filter, chain input, rule 9"},
		{"no connection's", other + ":1", here + ":7005", "INVALID", "table inet filter, chain input, rule 15"},
		{"a connection's", other + ":1", here + ":7005", "NEW", ""},
		{"a limit", other + ":1", here + ":7001", "", "one of: table inet filter, chain input, rule 10; table inet filter, chain input, rule 11"},
		{"devices that are not known", other + ":1", here + ":7002", "", "one of: table inet filter, chain input, rule 12; table inet filter, chain input, rule 13"},
		{"comparisons", other + ":1", here + ":7004", "", "table inet filter, chain input, rule 14"},
		{"comparisons that fail", other + ":1", here + ":7003", "", ""},
		{"two jumps away", "[fd99::7]:1", six + ":80", "", "table inet filter, chain deeper, rule 1"},
		{"a table of version 6", other6 + ":1", six + ":443", "", "table ip6 six, chain input, rule 1"},
		{"not for version 4", other + ":1", here + ":443", "", ""},
		{"a bridge", other + ":1", "192.0.3.2:4444", "", "table bridge b, chain pre, rule 1"},
		{"a device", other + ":1", here + ":5555", "", "table netdev d, chain in, rule 1"},
	} {
		for family := range lowRules {
			if strings.HasPrefix(tt.want, "table "+family) && !can[family] {
				tt.want = "" // the kernel would not have it
			}
		}
		t.Run(tt.name, func(t *testing.T) {
			found, looked := rules.find(packetOf(tt.src, tt.dst, tt.state))
			if got := withoutHandles(found); got != tt.want || looked >= maxRules {
				t.Errorf("got %q (%d rules), want %q", got, looked, tt.want)
			}
		})
	}
}

func withoutHandles(found []candidate) string {
	said := describe(found)
	for _, c := range found {
		said = strings.ReplaceAll(said, fmt.Sprintf(" (handle %d)", c.rule.handle), "")
	}
	return said
}

// TestIptables reads rules that both kinds of iptables wrote.
func TestIptables(t *testing.T) {
	testkit.RequireRoot(t)
	lab := testkit.NewLab(t)
	for _, kind := range []struct{ program4, program6, table4, table6 string }{
		{"iptables-nft", "ip6tables-nft", "table ip filter", "table ip6 filter"},
		{"iptables-legacy", "ip6tables-legacy", "iptables-legacy table filter", "ip6tables-legacy table filter"},
	} {
		t.Run(kind.program4, func(t *testing.T) {
			n := node(t, lab, kind.program4)
			add := func(program, rule string) {
				t.Helper()
				do(t, n, "", append([]string{program, "-w"}, strings.Fields(rule)...)...)
			}
			for _, program := range []string{kind.program4, kind.program6} {
				source, target := "192.0.2.0/24", "10.7.0.1"
				if program == kind.program6 {
					source, target = "fd99::/64", "fd07::1"
				}
				add(program, "-N shop")
				add(program, "-A INPUT -p tcp --dport 80 -j ACCEPT")
				add(program, "-A INPUT -p tcp --dport 22 -m comment --comment locked -j REJECT --reject-with tcp-reset")
				add(program, "-A INPUT -p tcp --dport 23 -j REJECT")
				add(program, "-A INPUT -p tcp -m multiport --dports 25,110:113,143 -j REJECT --reject-with tcp-reset")
				add(program, "-A INPUT -p tcp -s "+source+" ! --dport 9000:9010 -j shop")
				add(program, "-A INPUT -p tcp --dport 7001 -m limit --limit 1/s -j REJECT --reject-with tcp-reset")
				add(program, "-A INPUT -p tcp --dport 7001 -j REJECT --reject-with tcp-reset")
				add(program, "-A FORWARD -p tcp --syn ! -d "+target+" -j REJECT --reject-with tcp-reset")
				add(program, "-A shop -p tcp --sport 1:99 -j REJECT --reject-with tcp-reset")
				add(program, "-A shop -p tcp --tcp-flags SYN,ACK ACK -j REJECT --reject-with tcp-reset")
			}
			rules := rulesOf(t, n)
			for _, tt := range []struct {
				name, src, dst, want string
			}{
				{"a port, with a comment", "4:1", "here:22", `TABLE, chain INPUT, rule 2 "locked"`},
				{"rejected otherwise", "4:1", "here:23", ""},
				{"a list of ports", "4:1", "here:143", "TABLE, chain INPUT, rule 4"},
				{"a span in it", "4:1", "here:112", "TABLE, chain INPUT, rule 4"},
				{"beside it", "4:1", "here:114", ""},
				{"a chain", "9:50", "here:443", "TABLE, chain shop, rule 1"},
				{"a chain, other flags", "9:100", "here:443", ""},
				{"no way into the chain", "9:50", "here:9005", ""},
				{"a limit", "4:1", "here:7001", "one of: TABLE, chain INPUT, rule 6; TABLE, chain INPUT, rule 7"},
				{"passing through", "4:1", "4:443", "TABLE, chain FORWARD, rule 1"},
			} {
				for _, version := range []string{"4", "6"} {
					replace := strings.NewReplacer("here", "10.7.0.1", "4:", "192.0.3.1:", "9:", "192.0.2.5:")
					table := kind.table4
					if version == "6" {
						replace, table = strings.NewReplacer("here", "[fd07::1]", "4:", "[fd08::1]:", "9:", "[fd99::5]:"), kind.table6
					}
					t.Run(tt.name+", version "+version, func(t *testing.T) {
						found, looked := rules.find(packetOf(replace.Replace(tt.src), replace.Replace(tt.dst), "NEW"))
						want := strings.ReplaceAll(tt.want, "TABLE", table)
						if got := withoutHandles(found); got != want || looked >= maxRules {
							t.Errorf("got %q (%d rules), want %q", got, looked, want)
						}
					})
				}
			}
		})
	}
}

// TestSpared: a flood does not make the finder work without end.
func TestSpared(t *testing.T) {
	f, err := New(known{})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1000, 0)
	if !f.may(now) {
		t.Fatal("nothing may be done at first")
	}
	f.spend(perSecond)
	if f.may(now) {
		t.Error("more may be done than in a second")
	}
	if !f.may(now.Add(time.Second)) {
		t.Error("nothing may be done in the next second")
	}
}

// known are namespaces that the test made.
type known map[uint64]netns.Namespace

func (k known) Get(id uint64) (netns.Namespace, bool) { n, ok := k[id]; return n, ok }
func (k known) List() []netns.Namespace               { return slices.Collect(maps.Values(k)) }

// TestFinder rejects a connection for real and names the rule that counted it,
// and another once the rules have changed.
func TestFinder(t *testing.T) {
	testkit.RequireRoot(t)
	lab := testkit.NewLab(t)
	n := node(t, lab, "finder")
	space, err := netns.At(n.Path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := New(known{n.Inode: space})
	if err != nil {
		t.Fatal(err)
	}
	add := "add rule inet filter input ip daddr 10.7.0.1 tcp dport 22 counter reject with tcp reset\n"
	do(t, n, "add table inet filter\nadd chain inet filter input { type filter hook input priority 0; }\n"+
		"add rule inet filter input tcp dport 23 counter reject with tcp reset\n"+add, "nft", "-f", "-")
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { f.Run(ctx); close(done) }()
	t.Cleanup(func() { stop(); <-done })
	refuse(t, n, "10.7.0.1:22")
	rejected := reset.Reset{
		Sender: reset.LocalFirewall, Direction: reset.Out, Netns: reset.Netns{ID: n.Inode},
		Src: reset.EndpointFrom(netip.MustParseAddr("10.7.0.1"), 22), Dst: reset.EndpointFrom(netip.MustParseAddr("10.7.0.1"), 40000),
	}
	named := func(want string) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			r := rejected
			f.Enrich(&r, nil)
			if strings.HasPrefix(r.Rule, want) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("the rule is %q, want %q; %+v", r.Rule, want, f.Counts())
			}
		}
	}
	named("table inet filter, chain input, rule 2 (handle 3)")
	if c := f.Counts(); c.Asked > 1 {
		t.Errorf("the rules were asked for %d times: they are read beforehand", c.Asked)
	}
	do(t, n, "delete rule inet filter input handle 3\n"+add, "nft", "-f", "-")
	refuse(t, n, "10.7.0.1:22")
	named("table inet filter, chain input, rule 2 (handle 4)")

	for name, r := range map[string]reset.Reset{
		"another sender":     {Sender: reset.LocalKernel, Direction: reset.Out, Netns: rejected.Netns},
		"one that came in":   {Sender: reset.LocalFirewall, Direction: reset.In, Netns: rejected.Netns},
		"an older namespace": {Sender: reset.LocalFirewall, Direction: reset.Out, Netns: reset.Netns{ID: 1}},
	} {
		if f.Enrich(&r, nil); r.Rule != "" {
			t.Errorf("%s has the rule %q", name, r.Rule)
		}
	}
}

// TestNewRules: a rule that was added since the rules were read is named as soon
// as it rejects, where nothing rejected before and where it did, of both kinds.
func TestNewRules(t *testing.T) {
	testkit.RequireRoot(t)
	lab := testkit.NewLab(t)
	const nft = "add table inet filter\nadd chain inet filter input { type filter hook input priority 0; }\n"
	for _, tt := range []struct{ name, role, before, after, want string }{
		{"the first of all", "first", "", nft + "add rule inet filter input tcp dport 22 reject with tcp reset\n", "table inet filter, chain input, rule 1"},
		{
			"one more", "more", nft + "add rule inet filter input tcp dport 23 reject with tcp reset\n",
			"add rule inet filter input tcp dport 22 reject with tcp reset\n", "table inet filter, chain input, rule 2",
		},
		{
			"one more, of the older kind", "legacy", "iptables-legacy -A INPUT -p tcp --dport 23 -j REJECT --reject-with tcp-reset",
			"iptables-legacy -A INPUT -p tcp --dport 22 -j REJECT --reject-with tcp-reset", "iptables-legacy table filter, chain INPUT, rule 2",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := node(t, lab, tt.role)
			change := func(rules string) {
				t.Helper()
				if strings.HasPrefix(rules, "iptables") {
					do(t, n, "", strings.Fields(rules)...)
				} else if rules != "" {
					do(t, n, rules, "nft", "-f", "-")
				}
			}
			change(tt.before)
			space, err := netns.At(n.Path)
			if err != nil {
				t.Fatal(err)
			}
			f, err := New(known{n.Inode: space})
			if err != nil {
				t.Fatal(err)
			}
			f.table.Set(n.Inode, f.read(t.Context(), n.Inode)) // believed for a while
			rules, _ := f.table.Get(n.Inode)
			change(tt.after)
			ctx, stop := context.WithCancel(context.Background())
			done := make(chan struct{})
			go func() { f.refreshFrom(ctx, map[uint64]time.Time{n.Inode: time.Now().Add(time.Hour)}); close(done) }()
			t.Cleanup(func() { stop(); <-done })
			rejected := reset.Reset{
				Sender: reset.LocalFirewall, Direction: reset.Out, Netns: reset.Netns{ID: n.Inode},
				Src: reset.EndpointFrom(netip.MustParseAddr("10.7.0.1"), 22), Dst: reset.EndpointFrom(netip.MustParseAddr("10.7.0.1"), 40000),
			}
			for deadline := time.Now().Add(9 * time.Second); ; time.Sleep(time.Millisecond) {
				r := rejected
				if f.Enrich(&r, nil); strings.HasPrefix(r.Rule, tt.want) {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("the rule is %q, want %q; %+v", r.Rule, tt.want, f.Counts())
				}
			}
			if again, _ := f.table.Get(n.Inode); again == rules {
				t.Error("the rules were not read again")
			}
		})
	}
}

// refuse connects and wants to be refused.
func refuse(t *testing.T, n *testkit.Node, address string) {
	t.Helper()
	err := n.Do(func() error {
		c, err := net.DialTimeout("tcp", address, 5*time.Second)
		if err == nil {
			c.Close()
			return fmt.Errorf("connected to %s", address)
		}
		if !strings.Contains(err.Error(), "refused") {
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func address(ip string, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(ip), port)
}
