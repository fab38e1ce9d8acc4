package classic

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

// combos are all sets of LOG's five options.
const combos = 32

func comboOptions(i int) (o Options, flags string) {
	for bit, option := range []struct {
		set  *bool
		name string
	}{
		{&o.TCPSequence, "sequence"},
		{&o.TCPOptions, "tcp-options"},
		{&o.IPOptions, "ip-options"},
		{&o.UID, "uid"},
		{&o.MACDecode, "macdecode"},
	} {
		if i&(1<<bit) != 0 {
			*option.set = true
			name := option.name
			if name == "sequence" {
				name = "tcp-sequence"
			}
			flags += " --log-" + name
		}
	}
	return o, flags
}

// judge compares the kernel's lines in one namespace with ours.
type judge struct {
	log     *testkit.KernelLog
	witness *witness
	marker  string
	rules   []Options // what each of a chain's LOG rules prints, in order
	seen    int
}

// newJudge installs, in every chain of the node and for both families, a rule
// that lets the witness see and then the LOG rules, of iptables and of nft.
func newJudge(t *testing.T, log *testkit.KernelLog, n *testkit.Node) *judge {
	t.Helper()
	j := &judge{log: log, marker: fmt.Sprintf("rwc%d-%s", os.Getpid(), n.Role)}
	var rules strings.Builder
	rules.WriteString("*mangle\n")
	for _, chain := range []string{"PREROUTING", "OUTPUT"} {
		fmt.Fprintf(&rules, "-A %s -p tcp -m tcp --sport %d -j MARK --set-mark 0xdeadbeef\n", chain, markedPort)
	}
	rules.WriteString("COMMIT\n*filter\n")
	for _, chain := range []string{"INPUT", "FORWARD", "OUTPUT"} {
		// For both tools a packet with an authentication header is of protocol AH.
		for _, protocol := range []string{"tcp", "ah"} {
			fmt.Fprintf(&rules, "-A %s -p %s -j NFLOG --nflog-group %d --nflog-threshold 1\n", chain, protocol, nflogGroup)
			for i := range combos {
				_, flags := comboOptions(i)
				fmt.Fprintf(&rules, "-A %s -p %s -j LOG --log-level debug --log-prefix \"%s %02d \"%s\n",
					chain, protocol, j.marker, i, flags)
			}
		}
	}
	rules.WriteString("COMMIT\n")
	for i := range combos {
		o, _ := comboOptions(i)
		o.Prefix = fmt.Sprintf("%s %02d ", j.marker, i)
		j.rules = append(j.rules, o)
	}
	all, _ := comboOptions(combos - 1)
	all.Prefix = fmt.Sprintf("%s %s ", j.marker, strings.Repeat("n", 90))
	none := Options{Prefix: j.marker + " nft"}
	j.rules = append(j.rules, all, none)
	load(t, n, rules.String(), "iptables-restore")
	load(t, n, rules.String(), "ip6tables-restore")
	load(t, n, nftRules(all.Prefix, none.Prefix), "nft", "-f", "-")
	j.witness = newWitness(t, n)
	return j
}

// nftRules log after iptables' rules have, and then drop what would be answered
// with a packet more.
func nftRules(all, none string) string {
	var b strings.Builder
	b.WriteString("table inet late {\n")
	for _, hook := range []string{"input", "forward", "output"} {
		fmt.Fprintf(&b, "chain %s { type filter hook %s priority 10; meta l4proto { tcp, ah } log prefix \"%s\" level debug flags all\n"+
			"meta l4proto { tcp, ah } log prefix \"%s\" level debug\ntcp flags & rst == 0 drop\n}\n", hook, hook, all, none)
	}
	return b.String() + "}\n"
}

func load(t *testing.T, n *testkit.Node, rules string, command string, args ...string) {
	t.Helper()
	err := n.Do(func() error {
		cmd := exec.Command(command, args...)
		cmd.Stdin = strings.NewReader(rules)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", command, err, out)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// check awaits what the kernel says of the next n packets and compares.
func (j *judge) check(t *testing.T, n int) []*reset.Reset {
	t.Helper()
	records := j.witness.next(t, n)
	lines := j.log.Await(t, j.marker, (j.seen+n)*len(j.rules))[j.seen*len(j.rules):]
	j.seen += n
	if len(lines) != n*len(j.rules) {
		t.Fatalf("%d lines for %d packets, want %d", len(lines), n, n*len(j.rules))
	}
	for i, r := range records {
		for k, o := range j.rules {
			line := lines[i*len(j.rules)+k]
			if diff := cmp.Diff(line, string(AppendLine(nil, r, o))); diff != "" {
				t.Errorf("%+v (-kernel +ours):\n%s\nraw %x link %x", o, diff, r.Packet.Raw, r.Packet.LinkHeader)
			}
			checkParse(t, line, o)
		}
	}
	return records
}

// checkParse reads the kernel's own line and renders it anew: every field that
// the line says must have been understood.
func checkParse(t *testing.T, line string, o Options) {
	t.Helper()
	var s reset.Sighting
	_, err := ParseLine([]byte(line), &s)
	if len(line) >= bufferSize || strings.Contains(line, "TRUNCATED") {
		return
	}
	if !strings.Contains(line, "RST ") {
		if !errors.Is(err, ErrNotReset) {
			t.Errorf("%q: error %v, want %v", line, err, ErrNotReset)
		}
		return
	}
	if err != nil {
		t.Errorf("%q: %v", line, err)
		return
	}
	again := reset.Reset{Interface: s.Interface, Src: s.Src, Dst: s.Dst, Packet: s.Packet, Process: s.Process}
	got := string(AppendLine(nil, &again, o))
	want := withoutWhatParseDrops(line)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("parsed and rendered (-kernel +ours):\n%s", diff)
	}
}

// withoutWhatParseDrops removes what no field of a record holds: CE, MF, and
// IPv6's extension headers.
func withoutWhatParseDrops(line string) string {
	head, tail, _ := strings.Cut(line, "PROTO=TCP")
	for _, word := range []string{"CE ", "MF "} {
		head = strings.Replace(head, " "+word, " ", 1)
	}
	if before, after, ok := strings.Cut(head, "FLOWLBL="); ok {
		label, _, _ := strings.Cut(after, " ")
		head = before + "FLOWLBL=" + label + " "
	}
	return head + "PROTO=TCP" + tail
}

// lab is the place of the comparison: a router and a bridge that log.
type lab struct {
	*testkit.Lab
	router, bridge *judge
}

func TestKernelLogsTheSameLines(t *testing.T) {
	log := testkit.OpenKernelLog(t)
	l := &lab{Lab: testkit.NewLab(t, testkit.WithBridge())}
	for _, setting := range []string{"bridge/bridge-nf-call-iptables=1", "bridge/bridge-nf-call-ip6tables=1"} {
		if _, err := l.Bridge.Sysctl(setting); err != nil {
			t.Fatal(err)
		}
	}
	l.router, l.bridge = newJudge(t, log, l.Router), newJudge(t, log, l.Bridge)
	for _, way := range l.ways() {
		for _, tc := range packets() {
			t.Run(way.name+"/"+tc.name, func(t *testing.T) {
				if tc.not != "" && strings.Contains(way.name, tc.not) {
					return
				}
				raw := tc.build(way.src, way.dst)
				if err := way.send(raw); err != nil && !errors.Is(err, unix.EPERM) { // dropped in OUTPUT
					t.Fatal(err)
				}
				for _, r := range way.judge.check(t, way.times) {
					way.verify(t, r)
				}
			})
		}
	}
}

// way is how a packet meets the chains of one namespace.
type way struct {
	name     string
	src, dst netip.Addr
	send     func(raw []byte) error
	judge    *judge
	times    int // chains that it meets
	verify   func(*testing.T, *reset.Reset)
}

func (l *lab) ways() []way {
	want := func(i reset.Interface) func(*testing.T, *reset.Reset) {
		return func(t *testing.T, r *reset.Reset) {
			if r.Interface != i {
				t.Errorf("devices %+v, want %+v", r.Interface, i)
			}
		}
	}
	var ways []way
	for i, family := range []string{"4", "6"} {
		host := func(net, last int) netip.Addr {
			if i == 0 {
				return netip.MustParseAddr(fmt.Sprintf("10.77.%d.%d", net, last))
			}
			return netip.MustParseAddr(fmt.Sprintf("fd77:%d::%d", net, last))
		}
		loopback := netip.MustParseAddr([]string{"127.0.0.1", "::1"}[i])
		ways = append(ways,
			way{
				"in" + family, host(1, 2), host(1, 1), l.frames("c0", l.Router, "r0"), l.router, 1,
				want(reset.Interface{In: "r0"}),
			},
			way{
				"forward" + family, host(1, 2), host(2, 2), l.frames("c0", l.Router, "r0"), l.router, 1,
				want(reset.Interface{In: "r0", Out: "r1"}),
			},
			way{"out" + family, host(1, 1), host(1, 2), l.rawAs(12345), l.router, 1, wantOwner},
			way{"loopback" + family, loopback, loopback, l.rawAs(0), l.router, 2, func(*testing.T, *reset.Reset) {}},
			way{
				"bridged" + family, host(3, 2), host(3, 3), l.frames("c1", l.Server, "s1"), l.bridge, 1,
				want(reset.Interface{In: "br0", Out: "br0", PhysIn: "p0", PhysOut: "p1"}),
			},
			way{
				"bridge-in" + family, host(3, 2), host(3, 1), l.frames("c1", l.Bridge, "br0"), l.bridge, 1,
				want(reset.Interface{In: "br0", PhysIn: "p0"}),
			},
		)
	}
	return ways
}

// wantOwner keeps the lab honest: were no packet to have an owner, UID= would
// never be compared.
func wantOwner(t *testing.T, r *reset.Reset) {
	if r.Interface != (reset.Interface{Out: "r0"}) {
		t.Errorf("devices %+v", r.Interface)
	}
	if r.Process == nil || r.Process.UID.V != 12345 || r.Process.GID.V != 12346 {
		t.Errorf("owner %+v", r.Process)
	}
}

// frames sends from a device of the client to the address of another device.
func (l *lab) frames(from string, to *testkit.Node, device string) func([]byte) error {
	return func(raw []byte) error {
		src, err := l.Client.MAC(from)
		if err != nil {
			return err
		}
		dst, err := to.MAC(device)
		if err != nil {
			return err
		}
		kind := []byte{0x08, 0x00}
		if raw[0]>>4 == 6 {
			kind = []byte{0x86, 0xdd}
		}
		return l.Client.InjectFrame(from, append(append(append([]byte(dst), src...), kind...), raw...), false)
	}
}

// rawAs sends from the router by a raw socket of the given user and group.
func (l *lab) rawAs(id int) func([]byte) error {
	return func(raw []byte) error {
		return l.Router.Do(func() error {
			domain, to := unix.AF_INET, unix.Sockaddr(nil)
			if raw[0]>>4 == 4 {
				to = &unix.SockaddrInet4{Addr: [4]byte(raw[16:20])}
			} else {
				domain, to = unix.AF_INET6, &unix.SockaddrInet6{Addr: [16]byte(raw[24:40])}
			}
			// Only what the file system sees changes: the right to make raw sockets stays.
			unix.SetfsgidRetGid(id + 1)
			defer unix.SetfsgidRetGid(0)
			unix.SetfsuidRetUid(id)
			defer unix.SetfsuidRetUid(0)
			fd, err := unix.Socket(domain, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			return unix.Sendto(fd, raw, 0, to)
		})
	}
}
