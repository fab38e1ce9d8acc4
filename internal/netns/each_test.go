package netns

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"
)

// TestEach: a job in every namespace, told to stop where one goes.
func TestEach(t *testing.T) {
	requireRoot(t)
	tracker, _ := startTracker(t, 50*time.Millisecond)
	name := testName("e")
	remove := addNamespace(t, name)
	here, err := At("/run/netns/" + name)
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if _, ok := tracker.Get(here.ID); ok {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the namespace is not found")
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var mu sync.Mutex
	working := make(map[uint64]bool)
	left, done := make(chan uint64, 1024), make(chan error, 1)
	ready := make(chan bool, 1)
	go func() {
		done <- tracker.Each(ctx, Job{
			Run: func(ctx context.Context, n Namespace, watching func()) error {
				mu.Lock()
				working[n.ID] = true
				mu.Unlock()
				watching()
				<-ctx.Done()
				left <- n.ID
				return ctx.Err()
			},
			Failed: func(n Namespace, err error) bool { t.Errorf("%v failed: %v", n, err); return false },
			Ready: func() {
				mu.Lock()
				defer mu.Unlock()
				ready <- working[here.ID]
			},
		})
	}()
	if !<-ready {
		t.Error("ready before the job was set up in a namespace that was there")
	}
	remove()
	deadline := time.After(20 * time.Second)
	for id := uint64(0); id != here.ID; {
		select {
		case id = <-left:
		case <-deadline:
			t.Fatal("the job in a deleted namespace is not told to stop")
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Each = %v, want nil", err)
	}
}

// TestEachFails: a fatal error ends every job and is returned.
func TestEachFails(t *testing.T) {
	requireRoot(t)
	tracker, _ := startTracker(t, time.Hour)
	own, err := Current()
	if err != nil {
		t.Fatal(err)
	}
	fatal, harmless := errors.New("fatal"), errors.New("harmless")
	err = tracker.Each(t.Context(), Job{
		Run: func(ctx context.Context, n Namespace, _ func()) error {
			if n.ID == own.ID {
				return fatal
			}
			return harmless
		},
		Failed: func(_ Namespace, err error) bool { return errors.Is(err, fatal) },
	})
	if !errors.Is(err, fatal) {
		t.Errorf("Each = %v, want the fatal error", err)
	}
}

// TestEachBeforeScan: without a scan there is nothing to do, and no reason to
// stay once the context has ended.
func TestEachBeforeScan(t *testing.T) {
	tracker, err := New(DefaultConfig(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err = tracker.Each(ctx, Job{Run: func(context.Context, Namespace, func()) error {
		t.Error("a job was started")
		return nil
	}})
	if err != nil {
		t.Errorf("Each = %v, want nil", err)
	}
}
