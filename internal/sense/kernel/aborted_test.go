package kernel

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rstwatch/rstwatch/internal/reset"
)

func TestExitOf(t *testing.T) {
	for _, tt := range []struct {
		name string
		part probeAbortPart
		want reset.Exit
	}{
		{"exit(0)", probeAbortPart{}, reset.Exit{Code: reset.Some[int32](0)}},
		{"exit(3)", probeAbortPart{ExitCode: 3 << 8}, reset.Exit{Code: reset.Some[int32](3)}},
		{"SIGKILL", probeAbortPart{ExitCode: 9}, reset.Exit{Signal: "SIGKILL"}},
		{"SIGSEGV with a core", probeAbortPart{ExitCode: 11 | 0x80}, reset.Exit{Signal: "SIGSEGV"}},
		{"OOM", probeAbortPart{ExitCode: 9, Oom: 1}, reset.Exit{Signal: "SIGKILL", OOM: true}},
		{"real-time", probeAbortPart{ExitCode: 40}, reset.Exit{Signal: "signal 40"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, *exitOf(tt.part.ExitCode, tt.part.Oom != 0)); diff != "" {
				t.Errorf("exit (-want +got):\n%s", diff)
			}
		})
	}
}

// TestHandOf: whose an abort is, by the stack, and without one.
func TestHandOf(t *testing.T) {
	at := func(reason, state string) *reset.Sighting {
		return &reset.Sighting{Kernel: reset.Kernel{Reason: reason}, Connection: &reset.Connection{State: state}}
	}
	for _, tt := range []struct {
		name  string
		calls []string
		s     *reset.Sighting
		want  hand
	}{
		{"close", []string{"__tcp_close", "inet_release"}, at("TCP_ABORT_ON_CLOSE", "CLOSE"), handOfOwner},
		{"killed", []string{"tcp_abort"}, at("TCP_STATE", "ESTABLISHED"), handOfAnother},
		{"timer", []string{"tcp_keepalive_timer", "handle_softirqs"}, at("TCP_KEEPALIVE_TIMEOUT", "ESTABLISHED"), handOfTimer},
		{"no memory at a close", []string{"tcp_check_oom", "__tcp_close"}, at("TCP_ABORT_ON_MEMORY", "CLOSE"), handOfOwner},
		{"no memory at a timer", []string{"tcp_out_of_resources", "tcp_write_timer"}, at("TCP_ABORT_ON_MEMORY", "CLOSE"), handOfTimer},
		{"some packet's", []string{"tcp_rcv_state_process", "handle_softirqs"}, at("TCP_STATE", "CLOSE"), handOfTimer},
		{"close before 6.12", []string{"__tcp_close"}, at("", "CLOSE"), handOfOwner},
		{"no stack, destroyed", nil, at("TCP_STATE", "ESTABLISHED"), handOfAnother},
		{"no stack, no memory", nil, at("TCP_ABORT_ON_MEMORY", "CLOSE"), handOfTimer},
		{"no stack, no reason, open", nil, at("", "ESTABLISHED"), handOfTimer},
		{"no stack, no reason, closed", nil, at("NOT_SPECIFIED", "CLOSE"), handOfOwner},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := handOf(tt.calls, tt.s); got != tt.want {
				t.Errorf("hand %d, want %d", got, tt.want)
			}
		})
	}
}
