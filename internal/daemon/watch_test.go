package daemon

import (
	"context"
	"errors"
	"testing"
)

// TestEndOfTheSensor: one that ends because it was told to is no failure,
// however soon it does; one that ends by itself is.
func TestEndOfTheSensor(t *testing.T) {
	broken := errors.New("broken")
	told, cancel := context.WithCancel(context.Background())
	cancel()
	for _, tt := range []struct {
		name  string
		ctx   context.Context
		ended error
		fails bool
	}{
		{"told to", told, nil, false},
		{"told to, and says so", told, context.Canceled, false},
		{"told to, but broken", told, broken, true},
		{"by itself", context.Background(), nil, true},
		{"by itself, broken", context.Background(), broken, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for range 100 { // select takes any of what is ready
				ended := make(chan error, 1)
				ended <- tt.ended
				if err := (&Daemon{}).watch(tt.ctx, ended); (err != nil) != tt.fails {
					t.Fatalf("watch: %v", err)
				}
			}
		})
	}
}
