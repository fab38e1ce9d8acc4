package lookup

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var bounds = Config{Entries: 8, Queue: 4, Workers: 1, Timeout: time.Second}

func TestGetAsksOnceAndBelievesForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		table, err := New(bounds, func(_ context.Context, k string) Answer[string] {
			asked.Add(1)
			return Answer[string]{Value: "of " + k, Found: k != "nobody", Keep: time.Minute}
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go table.Run(ctx)
		want := func(k, value string, found bool) {
			t.Helper()
			if got, ok := table.Get(k); got != value || ok != found {
				t.Errorf("Get(%q) = %q, %v; want %q, %v", k, got, ok, value, found)
			}
		}
		want("a", "", false)
		want("a", "", false) // it is being asked
		synctest.Wait()
		want("a", "of a", true)
		table.Get("nobody")
		synctest.Wait()
		want("nobody", "of nobody", false)
		if n := asked.Load(); n != 2 {
			t.Errorf("asked %d times, want 2", n)
		}
		time.Sleep(time.Minute) // of the test's own clock
		want("a", "", false)    // no longer believed
		synctest.Wait()
		want("a", "of a", true)
		table.Set("b", Answer[string]{Value: "set", Found: true, Keep: time.Second})
		want("b", "set", true)
		if c := table.Counts(); c.Asked != 3 || c.Found != 2 || c.Crowded != 0 || c.Kept != 3 {
			t.Errorf("counts %+v", c)
		}
	})
}

// TestGetNeverWaits: while a question hangs, the others are told at once that
// nothing is known, and those for which there is no room are counted.
func TestGetNeverWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table, err := New(bounds, func(ctx context.Context, _ int) Answer[int] {
			<-ctx.Done()
			return Answer[int]{}
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go table.Run(ctx)
		table.Get(0)
		synctest.Wait() // it is in hand
		for k := range 10 {
			table.Get(k + 1)
		}
		if c := table.Counts(); c.Crowded != uint64(10-bounds.Queue) {
			t.Errorf("%d found no room, want %d", c.Crowded, 10-bounds.Queue)
		}
		time.Sleep(bounds.Timeout) // the first is given up
		synctest.Wait()
		if c := table.Counts(); c.Asked != 1 || c.Found != 0 {
			t.Errorf("counts %+v", c)
		}
	})
}

// TestStaleWhileAsking: an answer that is a little too old is given while a new
// one is asked for, a very old one is not.
func TestStaleWhileAsking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := bounds
		cfg.Stale = time.Minute
		n := 0
		table, err := New(cfg, func(context.Context, string) Answer[int] {
			n++
			return Answer[int]{Value: n, Found: true, Keep: time.Second}
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go table.Run(ctx)
		for _, step := range []struct {
			after time.Duration
			want  int
			found bool
		}{{0, 0, false}, {0, 1, true}, {2 * time.Second, 1, true}, {0, 2, true}, {2 * time.Minute, 0, false}, {0, 3, true}} {
			time.Sleep(step.after)
			if got, ok := table.Get("a"); got != step.want || ok != step.found {
				t.Errorf("after %v: %d, %v; want %d, %v", step.after, got, ok, step.want, step.found)
			}
			synctest.Wait()
		}
	})
}

// TestTableIsBounded asks for more than may be kept; what is used stays.
func TestTableIsBounded(t *testing.T) {
	table, err := New(Config{Entries: 8, Queue: 1, Workers: 1, Timeout: time.Second}, func(context.Context, int) Answer[int] { return Answer[int]{} })
	if err != nil {
		t.Fatal(err)
	}
	table.Set(-1, Answer[int]{Value: 7, Found: true, Keep: time.Hour})
	for k := range 1000 {
		table.Set(k, Answer[int]{Found: true, Keep: time.Hour})
		if v, ok := table.Get(-1); v != 7 || !ok {
			t.Fatalf("the one in use was forgotten after %d others", k)
		}
		if c := table.Counts(); c.Kept > 16 {
			t.Fatalf("%d are kept", c.Kept)
		}
	}
}

func TestValidate(t *testing.T) {
	if _, err := New(Config{}, func(context.Context, int) Answer[int] { return Answer[int]{} }); err == nil {
		t.Error("a table without bounds was made")
	}
}
