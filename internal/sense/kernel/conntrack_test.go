package kernel_test

import (
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"testing"

	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/sense/kernel"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// TestConntrackOfRejected has a firewall's rule reject packets, with and
// without conntrack beside it, and wants conntrack's own word for each.
func TestConntrackOfRejected(t *testing.T) {
	if _, err := exec.LookPath("nft"); err != nil {
		if testkit.Required() {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	lab := testkit.NewLab(t)
	rec := record(t, kernel.DefaultConfig())
	const chain = "type filter hook input priority 0; "
	for _, tt := range []struct {
		name  string
		rules string
		flags reset.Flags
		want  string
	}{
		// An emulated machine translates a path when it is first taken, and that takes
		// longer than a reply waits for what it answers: what comes first warms up.
		{"first", chain + "tcp dport %d reject with tcp reset", reset.SYN | reset.ACK, unheld},
		{"no conntrack", chain + "tcp dport %d reject with tcp reset", reset.SYN | reset.ACK, ""},
		{"new", chain + "ct state new tcp dport %d reject with tcp reset", reset.SYN, "NEW"},
		{"invalid", chain + "ct state invalid tcp dport %d reject with tcp reset", reset.SYN | reset.ACK, "INVALID"},
	} {
		for _, addresses := range [][2]string{{"10.77.1.1", "10.77.1.2"}, {"fd77::1", "fd77::2"}} {
			t.Run(tt.name+"/"+addresses[0], func(t *testing.T) {
				node, err := lab.NewNode(fmt.Sprintf("ct%d", lab.NextPort()))
				if err != nil {
					t.Fatal(err)
				}
				here := netip.AddrPortFrom(netip.MustParseAddr(addresses[0]), lab.NextPort())
				there := netip.AddrPortFrom(netip.MustParseAddr(addresses[1]), lab.NextPort())
				rules := fmt.Sprintf("table inet lab { chain c { "+tt.rules+"; }; }\n", here.Port())
				twoAddresses(t, node, rules, here.Addr(), there.Addr())
				s := testkit.Segment{Src: there, Dst: here, Seq: 7, Ack: 9, Flags: tt.flags, Window: 100}
				if err := node.InjectRaw(s.Bytes()); err != nil {
					t.Fatal(err)
				}
				r := rec.awaitOne(t, node, reset.EndpointFrom(here.Addr(), here.Port()), reset.EndpointFrom(there.Addr(), there.Port()))
				if tt.want != unheld && (r.Trigger == nil || r.Trigger.Conntrack != tt.want) {
					t.Errorf("answers %+v, want conntrack's %q", r.Trigger, tt.want)
				}
			})
		}
	}
}

// unheld is what a first run need not say.
const unheld = "-"

// twoAddresses gives the namespace both addresses, and rules.
func twoAddresses(t *testing.T, node *testkit.Node, rules string, addresses ...netip.Addr) {
	t.Helper()
	err := node.Do(func() error {
		for _, a := range addresses {
			cmd := exec.Command("ip", "addr", "add", fmt.Sprintf("%s/%d", a, a.BitLen()), "dev", "lo", "nodad")
			if out, err := cmd.CombinedOutput(); err != nil {
				return fmt.Errorf("adding %s: %w: %s", a, err, out)
			}
		}
		cmd := exec.Command("nft", "-f", "-")
		cmd.Stdin = strings.NewReader(rules)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("nft: %w: %s", err, out)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
