package lab

import (
	"errors"
	"os"
	"testing"

	"github.com/cilium/ebpf"
)

// programs are the numbers of all BPF programs that the kernel has loaded.
func programs(t *testing.T) map[uint32]bool {
	t.Helper()
	all := make(map[uint32]bool)
	id := ebpf.ProgramID(0)
	for {
		next, err := ebpf.ProgramGetNextID(id)
		if errors.Is(err, os.ErrNotExist) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all[uint32(next)], id = true, next
	}
}
