package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"
)

// machine is one virtual machine, without disk, network or acceleration.
type machine struct {
	kernel, initrd  string
	output, console string // files: the suites' words, the kernel's
	limit           time.Duration
}

// run boots the machine and waits until it has switched itself off, or the limit is reached.
func (m machine) run(ctx context.Context) error {
	for _, path := range []string{m.output, m.console} {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, m.limit, fmt.Errorf("it is still running after %s", m.limit))
	defer cancel()
	cmd := exec.CommandContext(ctx, "qemu-system-x86_64",
		// Without cx16: the cmpxchg16b of QEMU 7.2 now and then spoils the flags of a guest's processor,
		// of which a kernel with a lock-free allocator (6.12) died within a minute.
		"-accel", "tcg,thread=multi", "-cpu", "max,-cx16", "-smp", "2", "-m", "1G",
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-kernel", m.kernel, "-initrd", m.initrd,
		// A panic ends the machine; the random numbers of the processor need no second opinion.
		"-append", "console=ttyS0 loglevel=5 panic=-1 random.trust_cpu=on mitigations=off",
		"-serial", "file:"+m.console, "-serial", "file:"+m.output)
	out, err := cmd.CombinedOutput()
	if cause := context.Cause(ctx); cause != nil && err != nil {
		return fmt.Errorf("%w (see %s and %s)", cause, m.output, m.console)
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) || err == nil && len(out) > 0 {
		return fmt.Errorf("qemu-system-x86_64: %w: %s", err, out)
	}
	return err
}
