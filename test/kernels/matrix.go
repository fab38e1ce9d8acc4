package main

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// kernel is one that the tests run on.
type kernel struct {
	name  string // as people choose it
	suite string // of Debian, which has it
}

// kernels are those of Debian's releases, and the newest that Debian has.
var kernels = []kernel{
	{"5.10", "bullseye"},
	{"6.1", "bookworm"},
	{"6.12", "trixie"},
	{"newest", "trixie-backports"},
}

func choose(names []string) ([]kernel, error) {
	if len(names) == 0 {
		return kernels, nil
	}
	var chosen []kernel
	for _, name := range names {
		at := slices.IndexFunc(kernels, func(k kernel) bool { return k.name == name || k.suite == name })
		if at < 0 {
			return nil, fmt.Errorf("no kernel %q; there are 5.10, 6.1, 6.12 and newest", name)
		}
		chosen = append(chosen, kernels[at])
	}
	return chosen, nil
}

// gap is something that cannot be tried on some kernels, and why. What a kernel
// does not tell is written down where the tests are (internal/sense/kernel,
// losses_test.go); here is only what cannot be made there at all.
type gap struct {
	kernels []string // names; nil: all of Debian's
	tests   *regexp.Regexp
	what    string
}

func (g gap) of(k kernel) bool { return g.kernels == nil || slices.Contains(g.kernels, k.name) }

var gaps = []gap{
	{nil, regexp.MustCompile(`/reject-netdev/`), "a REJECT at a device: Debian builds no nft_reject_netdev"},
	{[]string{"5.10"}, regexp.MustCompile(`/(listen-bad-join|mptcp-[a-z-]*)/`), "Multipath TCP: Debian's 5.10 has none"},
	{[]string{"5.10", "6.1"}, regexp.MustCompile(`^TestReasonsAreTheKernels$`), "the makers' reasons against the kernel's own trace: it has none before 6.12"},
}

// packageTests are the tests of one package that run on every kernel.
type packageTests struct {
	name  string // in the matrix
	pkg   string
	run   string // go test -run
	limit string
	flags []string // of its own
}

func (p packageTests) binary() string { return path.Base(p.pkg) + ".test" }

// tests are what runs on every kernel. The makers' own test is among them: what
// it finds is the kernel's affair.
var tests = []packageTests{
	{"makers", "internal/testkit", "TestReasonsAreTheKernels", "10m", nil},
	{"bpf", "internal/sense/kernel", "Test(Load|Losses|Features|EveryMaker|BehindStackedDevices|Context|Beside|FunctionsOf|HZ)", "15m", nil},
	{"packet", "internal/sense/wire", "TestEveryKind", "10m", nil},
	{"nflog", "internal/sense/firewall", "Test(EveryKind|Probe|Stale|RulesOfOthersUntouched)", "10m", nil},
	{"klog", "internal/sense/klog", "TestKmsg", "5m", nil},
	{"netns", "internal/netns", "", "5m", nil},
	{"verdicts", "test/verdicts", "TestVerdicts", "20m", []string{"-program", "/rstwatch", "-any"}},
}

// suites are the tests and commands that the machine runs.
func suites(pattern string) []suite {
	var all []suite
	for _, t := range tests {
		if pattern != "" {
			t.run = pattern
		}
		command := []string{"/" + t.binary(), "-test.v", "-test.short", "-test.run", t.run, "-test.timeout", t.limit}
		all = append(all, suite{t.name, t.limit, append(command, t.flags...)})
	}
	return append(all, suite{"doctor", "1m", strings.Fields("/rstwatch doctor")})
}

// suiteNames are the names in the order of the matrix.
func suiteNames() []string {
	var names []string
	for _, s := range suites("") {
		names = append(names, s.name)
	}
	return names
}
