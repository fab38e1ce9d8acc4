package kernel

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// Flags of a task (include/linux/sched.h).
const (
	taskExiting      = 0x4        // PF_EXITING
	taskKernelThread = 0x00200000 // PF_KTHREAD
)

// aborted fills what is known of who ended a connection: by the running task,
// if the stack says that it did so itself.
func (d *decoder) aborted(head *probeSighting, p parts, s *reset.Sighting) {
	var calls []string
	if p.abort != nil {
		calls = d.stacks.names(p.abort.Stack[:p.abort.StackLen/8])
	}
	if d.keepStack {
		s.Kernel.Stack = calls
	}
	if s.Context != nil {
		s.Context.Stack = calls
		if calls != nil {
			s.Context.Socket.TimeoutHit = reset.Some(contains(calls, timers))
		}
	}
	switch hand := handOf(calls, s); {
	case hand == handOfTimer || p.abort != nil && p.abort.TaskFlags&taskKernelThread != 0:
		s.Process = owner(s)
	case hand == handOfAnother:
		s.Process = &reset.Process{By: d.task(head)}
		if known := owner(s); known != nil {
			*s.Process = *known
			s.Process.By = d.task(head)
		}
	default:
		d.writer(head, s)
		if s.Process != nil && p.abort != nil && p.abort.TaskFlags&taskExiting != 0 {
			s.Process.Exit = exitOf(p.abort.ExitCode, p.abort.Oom != 0)
		}
	}
}

// hand is whose an abort is, with regard to the task that runs.
type hand uint8

const (
	handOfOwner   hand = iota // its own system call, or its end
	handOfAnother             // it ended somebody else's connection (ss -K)
	handOfTimer               // it was only interrupted
)

// handOf tells by the stack or, where there is none, by the reason and the
// state: only an application's abort leaves the socket in CLOSE (tcp_disconnect,
// __tcp_close), tcp_abort does not (net/ipv4/tcp.c).
func handOf(calls []string, s *reset.Sighting) hand {
	switch {
	case contains(calls, timers) || contains(calls, interrupts):
		return handOfTimer
	case contains(calls, destroyers):
		return handOfAnother
	case len(calls) > 0:
		return handOfOwner
	}
	closed := s.Connection != nil && s.Connection.State == "CLOSE"
	switch s.Kernel.Reason {
	case "TCP_KEEPALIVE_TIMEOUT", "TCP_ABORT_ON_MEMORY":
		return handOfTimer
	case "TCP_STATE":
		if !closed {
			return handOfAnother
		}
	case "", "NOT_SPECIFIED":
		if !closed {
			return handOfTimer
		}
	}
	return handOfOwner
}

func contains(calls, list []string) bool {
	return slices.ContainsFunc(calls, func(call string) bool { return slices.Contains(list, call) })
}

// exitOf reads a status as wait(2) has it.
func exitOf(status uint32, oom bool) *reset.Exit {
	exit := &reset.Exit{OOM: oom}
	if number := status & 0x7f; number != 0 {
		exit.Signal = signalName(unix.Signal(number))
	} else {
		exit.Code = reset.Some(int32(status >> 8 & 0xff))
	}
	return exit
}

func signalName(s unix.Signal) string {
	if name := unix.SignalName(s); name != "" {
		return name
	}
	return fmt.Sprintf("signal %d", int(s))
}
