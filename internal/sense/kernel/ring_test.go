package kernel

import (
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// testRing is a ring without a kernel: produce does what bpf_ringbuf_output does.
type testRing struct {
	ring
	consumer, producer uint64
}

func newTestRing(size int) *testRing {
	r := &testRing{ring: ring{mask: uint64(size - 1), data: make([]byte, size)}}
	r.consumerPosition, r.producerPosition = &r.consumer, &r.producer
	return r
}

// produce appends a sample, and reports false where it has no room.
func (r *testRing) produce(sample []byte, flags uint32) bool {
	length := (uint64(len(sample)) + ringHeader + 7) &^ 7
	if r.producer+length-r.consumer > r.mask+1 {
		return false
	}
	put := func(at uint64, b []byte) {
		for i, c := range b {
			r.data[(at+uint64(i))&r.mask] = c
		}
	}
	put(r.producer, binary.NativeEndian.AppendUint32(nil, uint32(len(sample))|flags))
	put(r.producer+ringHeader, sample)
	r.producer += length
	return true
}

// TestRingKeepsEverySample holds what is read against what was produced, with
// samples of any length, those that are split at the ring's end among them.
func TestRingKeepsEverySample(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := newTestRing(4096)
		for range rapid.IntRange(1, 60).Draw(t, "batches") {
			var want [][]byte
			for range rapid.IntRange(1, 12).Draw(t, "samples") {
				sample := rapid.SliceOfN(rapid.Byte(), 1, 700).Draw(t, "sample")
				discarded := rapid.IntRange(0, 9).Draw(t, "discarded") == 0
				switch {
				case discarded:
					r.produce(sample, ringDiscarded)
				case r.produce(sample, 0):
					want = append(want, sample)
				}
			}
			var got [][]byte
			for sample := r.next(); sample != nil; sample = r.next() {
				got = append(got, sample)
			}
			// Only now: a sample stays valid until release.
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("samples (-want +got):\n%s", diff)
			}
			r.release()
		}
	})
}

func TestRingWaitsForASampleThatIsBeingWritten(t *testing.T) {
	r := newTestRing(4096)
	r.produce([]byte("whole"), 0)
	r.produce([]byte("not yet"), ringBusy)
	r.produce([]byte("after it"), 0)
	if got := r.next(); string(got) != "whole" {
		t.Errorf("first sample is %q", got)
	}
	if got := r.next(); got != nil {
		t.Errorf("a sample that is being written was handed out: %q", got)
	}
}
