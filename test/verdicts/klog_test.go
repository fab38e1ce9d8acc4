package verdicts

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// fromLog is the sensor that reads what the classic rules write.
const fromLog = "klog"

// classicRules make every namespace of the lab log its RSTs, as the classic
// set-up does, and let the kernel log for namespaces.
func classicRules(t *testing.T, nodes []*testkit.Node) {
	t.Helper()
	testkit.OpenKernelLog(t)
	var table strings.Builder
	for _, chain := range []string{"input", "output", "forward"} {
		fmt.Fprintf(&table, "chain %s { type filter hook %s priority -10; tcp flags & rst == rst log prefix \"RST: \" flags tcp sequence,options; };\n",
			chain, chain)
	}
	for _, n := range nodes {
		nft := exec.Command("nsenter", "--net="+n.Path, "nft", "table inet classic { "+table.String()+"}")
		if out, err := nft.CombinedOutput(); err != nil {
			t.Fatalf("making rules that log: %v: %s", err, out)
		}
	}
}

// placed tells the records of a log apart: a line says no namespace, but the
// lab's devices have names of their own, except for loopback.
func placed(records []reset.Reset, nodes []*testkit.Node) []reset.Reset {
	var known []reset.Reset
	for _, r := range records {
		device := r.Interface.In + r.Interface.Out
		for _, n := range nodes {
			if device != "" && device != "lo" && strings.HasPrefix(device, n.Role[:1]) {
				r.Netns.ID = n.Inode
				known = append(known, r)
			}
		}
	}
	return known
}
