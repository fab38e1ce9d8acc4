package rules

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// TestKernelLogsTheSameResets loads generated files into the kernel with the
// real iptables-restore, sends resets past them and compares which rules
// logged each with what the set says. The judge is ipt_do_table itself, so the
// legacy tool: the one on top of nftables translates some rules to others (at
// 1.8.9, "! --sport A ! --dport B" to "not both") and refuses those that match
// nothing.
func TestKernelLogsTheSameResets(t *testing.T) {
	log := testkit.OpenKernelLog(t)
	l := testkit.NewLab(t)
	for _, six := range []bool{false, true} {
		for seed := range uint64(12) {
			t.Run(fmt.Sprintf("six=%v seed=%d", six, seed), func(t *testing.T) {
				g := &generator{Rand: rand.New(rand.NewPCG(seed, 1)), six: six}
				g.marker = fmt.Sprintf("rwr%d.%v.%d", os.Getpid(), six, seed)
				text := g.file()
				compareWithKernel(t, log, l, g, text)
			})
		}
	}
}

func compareWithKernel(t *testing.T, log *testkit.KernelLog, l *testkit.Lab, g *generator, text string) {
	restore(t, l.Router, g.six, g.marker, text)
	set, err := Parse("generated", strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	logged := 0
	for range 40 {
		s, direction := g.segment()
		send(t, l, s, direction)
		lines := awaitSentinel(t, log, g.marker, logged)
		logged += len(lines)
		var kernel, ours []string
		for _, line := range lines[:len(lines)-1] {
			_, rest, _ := strings.Cut(line, g.marker+" ")
			number, _, _ := strings.Cut(rest, " ")
			kernel = append(kernel, number)
		}
		r := recordOf(s, direction)
		set.Matches(r, func(rule *Rule) {
			ours = append(ours, strings.TrimSpace(strings.TrimPrefix(rule.Prefix, g.marker+" ")))
		})
		if diff := cmp.Diff(kernel, ours); diff != "" {
			t.Errorf("%+v %v (-kernel +ours):\n%s%s", s, direction, diff, text)
		}
	}
}

// awaitSentinel returns what the kernel logged of TCP after the first lines. A
// packet's lines are complete once the sentinel, which no generated rule keeps
// it from, is there. (Neighbour discovery meets the rules for all protocols.)
func awaitSentinel(t *testing.T, log *testkit.KernelLog, marker string, logged int) []string {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		var lines []string
		for _, line := range log.Lines(marker) {
			if strings.Contains(line, "PROTO=TCP") {
				lines = append(lines, line)
			}
		}
		if len(lines) > logged && strings.Contains(lines[len(lines)-1], marker+" end ") {
			return lines[logged:]
		}
	}
	t.Fatal("the sentinel does not come")
	return nil
}

// restore loads the file, and behind it, at a later priority that ACCEPT does
// not skip, a rule that logs everything. A packet that a file drops would never
// reach it, so drops are generated only as RETURN and ACCEPT.
func restore(t *testing.T, n *testkit.Node, six bool, marker, text string) {
	t.Helper()
	command := "iptables-legacy-restore"
	if six {
		command = "ip6tables-legacy-restore"
	}
	sentinel := "table inet late\ndelete table inet late\ntable inet late {\n"
	for _, hook := range []string{"input", "forward", "output"} {
		sentinel += fmt.Sprintf("chain %s { type filter hook %s priority 10; tcp flags & rst == rst log prefix \"%s end \" level debug\n}\n",
			hook, hook, marker)
	}
	for _, job := range [][]string{{command, text}, {"nft", sentinel + "}\n", "-f", "-"}} {
		err := n.Do(func() error {
			cmd := exec.Command(job[0], job[2:]...)
			cmd.Stdin = strings.NewReader(job[1])
			out, err := cmd.CombinedOutput()
			if err != nil {
				return fmt.Errorf("%s: %w: %s\n%s", job[0], err, out, job[1])
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func send(t *testing.T, l *testkit.Lab, s testkit.Segment, direction reset.Direction) {
	t.Helper()
	raw := s.Bytes()
	var err error
	if direction == reset.Out {
		err = sendMarked(l.Router, raw, mark)
	} else {
		src, srcErr := l.Client.MAC("c0")
		dst, dstErr := l.Router.MAC("r0")
		if srcErr != nil || dstErr != nil {
			t.Fatal(srcErr, dstErr)
		}
		kind := []byte{0x08, 0x00}
		if raw[0]>>4 == 6 {
			kind = []byte{0x86, 0xdd}
		}
		err = l.Client.InjectFrame("c0", append(append(append([]byte(dst), src...), kind...), raw...), false)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// mark is what sent packets bear; received ones bear 0.
const mark = 0x2a

func sendMarked(n *testkit.Node, raw []byte, mark int) error {
	return n.Do(func() error {
		domain, to := unix.AF_INET, unix.Sockaddr(nil)
		if raw[0]>>4 == 4 {
			to = &unix.SockaddrInet4{Addr: [4]byte(raw[16:20])}
		} else {
			domain, to = unix.AF_INET6, &unix.SockaddrInet6{Addr: [16]byte(raw[24:40])}
		}
		fd, err := unix.Socket(domain, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, mark); err != nil {
			return err
		}
		return unix.Sendto(fd, raw, 0, to)
	})
}

func recordOf(s testkit.Segment, direction reset.Direction) *reset.Reset {
	r := rst(direction, s.Src.String(), s.Dst.String(), flags(s.Flags))
	r.Interface = map[reset.Direction]reset.Interface{
		reset.In: {In: "r0"}, reset.Out: {Out: "r0"}, reset.Forward: {In: "r0", Out: "r1"},
	}[direction]
	r.Packet.Mark.V = 0
	if direction == reset.Out {
		r.Packet.Mark.V = mark
	}
	return r
}

// generator makes files and resets that meet some of their rules.
type generator struct {
	*rand.Rand
	six    bool
	marker string
	rules  int
}

func (g *generator) pick(from ...string) string { return from[g.IntN(len(from))] }

func (g *generator) not(option string) string {
	if g.IntN(3) == 0 {
		return "! " + option
	}
	return option
}

func (g *generator) file() string {
	var b strings.Builder
	b.WriteString("*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:a - [0:0]\n:b - [0:0]\n")
	for range 40 {
		fmt.Fprintln(&b, g.rule())
	}
	b.WriteString("COMMIT\n")
	return b.String()
}

func (g *generator) rule() string {
	chain := g.pick("INPUT", "FORWARD", "OUTPUT", "INPUT", "FORWARD", "OUTPUT", "a", "b")
	words := []string{g.pick("-A", "-A", "-A", "-I"), chain}
	words = append(words, g.pick("", "", "-s "+g.address(), "-d "+g.address(), "! -s "+g.network(), "! -d "+g.network(), "-s "+g.address()+","+g.address()))
	if chain != "OUTPUT" && g.IntN(5) == 0 {
		words = append(words, g.pick("-i +", g.not("-i ")+g.pick("r0", "r1", "r+", "lo")))
	}
	if chain != "INPUT" && g.IntN(5) == 0 {
		words = append(words, g.not("-o ")+g.pick("r0", "r1", "r+", "eth0"))
	}
	switch g.IntN(6) {
	case 0:
		words = append(words, g.pick("-p 6", "! -p udp", "-p all", "-p udp", "! -p tcp"))
	case 1: // any
	default:
		words = append(words, "-p tcp", g.tcp())
	}
	words = append(words, g.pick("", "", "", "-m mark "+g.not("--mark ")+g.pick("0", "42", "0x2/0x3", "0xa/0xf"),
		`-m comment --comment "a \"b\" -j DROP"`))
	words = append(words, "-j", g.target(chain))
	return strings.Join(words, " ")
}

func (g *generator) target(chain string) string {
	switch n := g.IntN(16); {
	case n == 0:
		return g.pick("ACCEPT", "RETURN")
	case n <= 2 && chain != "a" && chain != "b":
		return g.pick("a", "b")
	case n == 3 && chain == "a":
		return "b"
	}
	g.rules++
	return fmt.Sprintf("LOG --log-level debug --log-prefix \"%s %d \"", g.marker, g.rules)
}

func (g *generator) tcp() string {
	port := func() string {
		return g.pick("8182", "9366", "80:9000", ":8182", "9366:", "0x1ff6", "1:65535")
	}
	flags := func() string { return g.pick("RST", "SYN,RST", "ACK,RST", "ALL", "FIN,SYN,RST,PSH,ACK,URG", "ACK") }
	want := func() string { return g.pick("RST", "RST,ACK", "NONE", "ACK", "SYN,RST") }
	switch g.IntN(5) {
	case 0:
		return "-m tcp " + g.not("--sport ") + port() + " " + g.not("--dport ") + port()
	case 1:
		return "-m multiport " + g.not(g.pick("--sports ", "--dports ", "--ports ")) + g.pick("8182", "1,9366", "80:9000,22", "9366,8182")
	case 2:
		return g.pick("", "-m tcp ") + g.not("--tcp-flags ") + flags() + " " + want()
	case 3:
		return g.pick("--syn", "! --syn") + " " + g.not("--dport ") + port()
	}
	return ""
}

func (g *generator) address() string {
	if g.six {
		return g.pick(g.network(), "::/0")
	}
	return g.pick(g.network(), "0.0.0.0/0")
}

// network is one that "!" may stand before: iptables on nftables refuses what
// matches nothing.
func (g *generator) network() string {
	if g.six {
		return g.pick("fd77:1::2", "fd77:1::/64", "fd77:2::/64", "fd77:1::1/ffff:0:0:0:0:0:0:ffff", "fd77:1::1")
	}
	return g.pick("10.77.1.2", "10.77.1.0/24", "10.77.2.0/255.255.255.0", "10.0.0.2/255.0.0.255", "10.77.1.1")
}

// segment draws a reset and the way it goes.
func (g *generator) segment() (testkit.Segment, reset.Direction) {
	host := func(net, last int) netip.Addr {
		if g.six {
			return netip.MustParseAddr(fmt.Sprintf("fd77:%d::%d", net, last))
		}
		return netip.MustParseAddr(fmt.Sprintf("10.77.%d.%d", net, last))
	}
	src, dst, direction := host(1, 2), host(1, 1), reset.In
	switch g.IntN(3) {
	case 0:
		dst, direction = host(2, 2), reset.Forward
	case 1:
		src, dst, direction = host(1, 1), host(1, 2), reset.Out
	}
	ports := []uint16{8182, 9366, 80, 22, 65535}
	s := testkit.Segment{
		Src:   netip.AddrPortFrom(src, ports[g.IntN(len(ports))]),
		Dst:   netip.AddrPortFrom(dst, ports[g.IntN(len(ports))]),
		Flags: reset.RST | reset.Flags(g.Uint32()), Seq: g.Uint32(),
	}
	if g.IntN(2) == 0 {
		s.Flags = reset.RST
	}
	if g.IntN(4) == 0 {
		s.Flags = reset.RST | reset.ACK
	}
	return s, direction
}
