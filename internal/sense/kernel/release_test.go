package kernel

import (
	"testing"

	"github.com/rstwatch/rstwatch/internal/testkit"
)

// TestFeaturesFitTheRelease holds what is found in the kernel's type
// information against what its release should have. A distribution may have
// taken a change into an older kernel, so only what is missing is wrong.
func TestFeaturesFitTheRelease(t *testing.T) {
	f, err := detect()
	if err != nil {
		t.Fatal(err)
	}
	running := testkit.Running(t)
	for _, want := range []struct {
		name         string
		major, minor int // since
		found        bool
	}{
		{"tcp_send_reset and tcp_receive_reset", 5, 5, f.reset},
		{"netif_receive_skb and net_dev_queue", 5, 5, f.wire},
		{"kfree_skb", 5, 5, f.drop},
		{"reason of kfree_skb", 5, 17, f.dropReason && len(f.dropReasons) > 0},
		{"drops of TCP's sockets", 5, 18, f.tcpDrops},
		{"bpf_rdonly_cast", 6, 2, f.readOnlyCast},
		{"reason of tcp_send_reset", 6, 10, f.sendResetReason && len(f.sendReasons) > 0},
		{"socket of kfree_skb", 6, 11, f.dropSocket},
	} {
		since := testkit.Release{Major: want.major, Minor: want.minor}
		switch {
		case running.Before(since) && want.found:
			t.Logf("%s: here although since %s", want.name, since)
		case !running.Before(since) && !want.found:
			t.Errorf("%s: not found, though since %s", want.name, since)
		}
	}
}
