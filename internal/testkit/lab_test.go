package testkit

import (
	"os"
	"testing"
	"time"
)

func TestLabIsCheapAndComplete(t *testing.T) {
	start := time.Now()
	l := NewLab(t, WithBridge())
	t.Logf("lab built in %s", time.Since(start))
	for _, n := range l.Nodes() {
		if n.Inode == 0 || n.Cookie == 0 {
			t.Errorf("%s: no identity: %+v", n.Role, n)
		}
		if _, err := os.Stat(n.Path); err != nil {
			t.Errorf("%s: not named: %v", n.Role, err)
		}
	}
}
