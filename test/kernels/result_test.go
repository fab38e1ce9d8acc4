package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const said = `=== init: ready after 2ms
=== suite bpf begins
=== RUN   TestLosses
    losses_test.go:80: lost here: why TCP sent a RST (before 6.10)
    verdicts_test.go:56: verdicts: of 9 records the sender is right in 100.0 %
--- PASS: TestLosses (0.00s)
--- FAIL: TestEveryMaker (9.00s)
    --- PASS: TestEveryMaker/closed-port/ipv4-routed (0.09s)
    --- FAIL: TestEveryMaker/time-wait/ipv4-routed (0.09s)
    --- SKIP: TestEveryMaker/reject-netdev/ipv4-routed (0.09s)
    --- SKIP: TestEveryMaker/new-thing/ipv4-routed (0.09s)
=== suite bpf ends after 9s: exit status 1
=== suite doctor begins
sensor bpf        works
=== suite doctor ends after 1s: passed
=== suite packet begins
`

func TestResultIsRead(t *testing.T) {
	r := result{kernel: kernel{name: "test"}, output: filepath.Join(t.TempDir(), "output")}
	if err := os.WriteFile(r.output, []byte(said), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.read(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"why TCP sent a RST (before 6.10)"}, r.lost); diff != "" {
		t.Errorf("lost (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"of 9 records the sender is right in 100.0 %"}, r.judged); diff != "" {
		t.Errorf("verdicts (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"bpf: works"}, r.doctor); diff != "" {
		t.Errorf("doctor (-want +got):\n%s", diff)
	}
	table := []gap{
		{tests: regexp.MustCompile(`/reject-netdev/`), what: "netdev"},
		{tests: regexp.MustCompile(`/other/`), what: "other"},
		{kernels: []string{"another"}, tests: regexp.MustCompile(`/third/`), what: "third"},
	}
	want := []string{
		"bpf: exit status 1",
		"packet: never ended: the kernel died, or the time was over",
		"netns: never began",
		"bpf: failed: TestEveryMaker",
		"bpf: failed: TestEveryMaker/time-wait/ipv4-routed",
		"bpf: skipped: TestEveryMaker/new-thing/ipv4-routed",
		"written down as impossible here, and yet done: other",
	}
	got := r.surprises([]string{"bpf", "doctor", "packet", "netns"}, table)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("surprises (-want +got):\n%s", diff)
	}
	if got := (&result{}).surprises(nil, nil); len(got) != 1 {
		t.Errorf("of a silent machine: %q, want one surprise", got)
	}
}

func TestModulesAreInOrder(t *testing.T) {
	k := kernelFiles{root: t.TempDir(), release: "1.2.3"}
	if err := os.MkdirAll(k.directory(), 0o755); err != nil {
		t.Fatal(err)
	}
	dep := "kernel/net/bridge.ko.xz: kernel/net/stp.ko.xz kernel/net/llc.ko.xz\nkernel/net/stp.ko.xz: kernel/net/llc.ko.xz\n" +
		"kernel/net/llc.ko.xz:\nkernel/drivers/veth.ko:\nkernel/unwanted.ko:\nkernel/net/nf-tables.ko:\n"
	if err := os.WriteFile(filepath.Join(k.directory(), "modules.dep"), []byte(dep), 0o600); err != nil {
		t.Fatal(err)
	}
	modules, err := k.modules()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range modules {
		names = append(names, m.name)
	}
	if diff := cmp.Diff([]string{"veth", "llc", "stp", "bridge", "nf_tables"}, names); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	if err := os.WriteFile(filepath.Join(k.directory(), "modules.dep"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := k.modules(); err == nil {
		t.Error("a kernel without veth was taken")
	}
}

func TestEveryKernelCanBeChosen(t *testing.T) {
	for _, k := range kernels {
		for _, name := range []string{k.name, k.suite} {
			if got, err := choose([]string{name}); err != nil || len(got) != 1 || got[0] != k {
				t.Errorf("%s gives %v (%v), want %v", name, got, err, k)
			}
		}
	}
	if all, err := choose(nil); err != nil || len(all) != len(kernels) {
		t.Errorf("no choice gives %d kernels (%v), want %d", len(all), err, len(kernels))
	}
	if _, err := choose([]string{"2.4"}); err == nil {
		t.Error("2.4 was taken")
	}
}
