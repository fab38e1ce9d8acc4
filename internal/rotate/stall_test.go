package rotate

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A disk that hangs costs its callers the time-out, no more; what was written
// after all is not counted as lost.
func TestHangingDisk(t *testing.T) {
	cfg := testConfig(t, newClock())
	cfg.Timeout = 30 * time.Millisecond
	hang := make(chan struct{})
	cfg.crash = func(step string) bool {
		if step == "torn write" {
			<-hang
		}
		return false
	}
	w, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"late\n", "lost\n"} {
		if _, err := w.Write([]byte(line)); !errors.Is(err, ErrStalled) {
			t.Errorf("%q: %v, want %v", line, err, ErrStalled)
		}
	}
	close(hang)
	poll(t, func() bool { return w.Stats().LateLines == 1 })
	poll(t, func() bool { _, err := w.Write([]byte("after\n")); return err == nil })
	if diff := cmp.Diff("late\nafter\n", content(t, cfg.Path)); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	got := w.Stats()
	if got.Lines != 1 || got.LateLines != 1 || got.LostLines != got.WriteErrors-1 {
		t.Errorf("stats %+v", got)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}
