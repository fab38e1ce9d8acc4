package kernel

import (
	"testing"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// TestTimersHaveNoProcess: a timer interrupts whoever runs, who is then nobody
// to name.
func TestTimersHaveNoProcess(t *testing.T) {
	features := &features{sendReasons: map[uint16]string{
		1: "TCP_KEEPALIVE_TIMEOUT", 2: "TCP_ABORT_ON_MEMORY", 3: "TCP_ABORT_ON_CLOSE", 4: "TCP_STATE", 5: "NOT_SPECIFIED",
	}}
	const established, closed = 1, 7
	for _, tt := range []struct {
		name   string
		reason uint16
		state  uint8
		named  bool
	}{
		{"keepalive", 1, established, false},
		{"no memory", 2, closed, false},
		{"close", 3, closed, true},
		{"ss -K", 4, established, false},
		{"no reason, closed", 0, closed, true},
		{"no reason, open", 0, established, false},
		{"unspecified, closed", 5, closed, true},
		{"unspecified, open", 5, established, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			head := probeSighting{Kind: kindSent, Has: hasReason | hasSocket | hasCurrent, Reason: tt.reason, State: tt.state, Pid: 7, Family: 4}
			head.Comm[0] = 'x'
			var s reset.Sighting
			if err := newDecoder(features, 250).decode(&head, nil, &s, 0); err != nil {
				t.Fatal(err)
			}
			if named := s.Process != nil && s.Process.PID.OK; named != tt.named {
				t.Errorf("a process is named: %v, want %v", named, tt.named)
			}
		})
	}
}
