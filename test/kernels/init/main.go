// Init is the first process of the machines that "make kernels" boots: it mounts what tests need, loads the kernel
// modules that it was given, runs the suites, tells their output to the second serial port, and switches off.
//
// It is a static Go program; with the suites beside it the initial file system needs no shell and no distribution.
package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Where the builder of the image puts what init works through, a line each.
const (
	modulesList = "/etc/rstwatch/modules" // paths of modules, each after those that it needs
	suitesList  = "/etc/rstwatch/suites"  // name, timeout, program and arguments, between tabs
)

func main() {
	start := time.Now()
	out := setUp()
	fmt.Fprintf(out, "=== init: ready after %s\n", time.Since(start).Round(time.Millisecond))
	for _, line := range lines(suitesList) {
		run(out, strings.Split(line, "\t"))
	}
	fmt.Fprintln(out, "=== init: done")
	// What is written to the port must have left it before the machine is off.
	_ = unix.IoctlSetInt(int(out.Fd()), unix.TCSBRK, 1)
	unix.Sync()
	if err := unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF); err != nil {
		fmt.Fprintln(os.Stderr, "init: switching off:", err)
	}
	select {} // the first process must not end
}

// setUp makes the machine ready and returns the port for the output.
func setUp() *os.File {
	mounts := [][2]string{
		{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}, {"tmpfs", "/run"}, {"tmpfs", "/tmp"}, {"tmpfs", "/var"},
		{"tracefs", "/sys/kernel/tracing"}, {"bpf", "/sys/fs/bpf"}, {"cgroup2", "/sys/fs/cgroup"},
	}
	for _, m := range mounts {
		_ = os.MkdirAll(m[1], 0o755)
		if err := unix.Mount(m[0], m[1], m[0], 0, ""); err != nil {
			fmt.Fprintf(os.Stderr, "init: mounting %s: %v\n", m[1], err)
		}
	}
	out, err := os.OpenFile("/dev/ttyS1", os.O_WRONLY, 0)
	if err != nil {
		fmt.Fprintln(os.Stderr, "init: no second serial port:", err)
		out = os.Stdout
	}
	for _, path := range lines(modulesList) {
		if err := load(path); err != nil {
			fmt.Fprintf(out, "=== init: module %s: %v\n", filepath.Base(path), err)
		}
	}
	// Cgroups may bound memory, for what is killed for want of it.
	if err := os.WriteFile("/sys/fs/cgroup/cgroup.subtree_control", []byte("+memory"), 0); err != nil {
		fmt.Fprintln(out, "=== init: memory cgroups:", err)
	}
	if err := bringUp("lo"); err != nil {
		fmt.Fprintln(out, "=== init: loopback:", err)
	}
	return out
}

func lines(path string) []string {
	file, err := os.Open(path)
	if err != nil {
		fmt.Fprintln(os.Stderr, "init:", err)
		return nil
	}
	defer file.Close()
	var all []string
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		all = append(all, scanner.Text())
	}
	return all
}

func load(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	return unix.FinitModule(int(file.Fd()), "", 0)
}

func bringUp(device string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq(device)
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request)
}

// run runs one suite and ends it if it takes too long.
func run(out *os.File, fields []string) {
	if len(fields) < 3 {
		fmt.Fprintf(out, "=== init: suite %q has no program\n", fields)
		return
	}
	name, program, arguments := fields[0], fields[2], fields[3:]
	limit, err := time.ParseDuration(fields[1])
	if err != nil {
		fmt.Fprintf(out, "=== init: suite %s: %v\n", name, err)
		return
	}
	fmt.Fprintf(out, "=== suite %s begins\n", name)
	cmd := exec.Command(program, arguments...)
	cmd.Dir = "/tmp"
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Env = []string{
		"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/tmp", "TMPDIR=/tmp", "RSTWATCH_TEST_REQUIRE=1", "RSTWATCH_TEST_SLOW=1",
		"XTABLES_LIBDIR=/usr/lib/x86_64-linux-gnu/xtables",
	}
	start := time.Now()
	result := "passed"
	if err := cmd.Start(); err != nil {
		result = err.Error()
	} else {
		timer := time.AfterFunc(limit, func() { _ = cmd.Process.Kill() })
		if err := cmd.Wait(); err != nil {
			result = err.Error()
		}
		if !timer.Stop() {
			result = "took longer than " + limit.String()
		}
	}
	fmt.Fprintf(out, "=== suite %s ends after %s: %s\n", name, time.Since(start).Round(time.Second), result)
}
