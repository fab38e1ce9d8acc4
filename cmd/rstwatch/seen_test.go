package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rstwatch/rstwatch/internal/config"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// revision is one line of the journal for the reset with the number.
func revision(number byte, revision uint32, sender reset.Sender, final bool) *reset.Entry {
	return &reset.Entry{Reset: &reset.Reset{
		ID: reset.ID{15: number}, Revision: revision, Final: final, Sender: sender, Direction: reset.In,
	}}
}

// TestRevisionsPrinted: each format prints a reset as often as it should, and the
// count is that of resets.
func TestRevisionsPrinted(t *testing.T) {
	story := []*reset.Entry{
		revision(1, 1, reset.Peer, false),
		revision(2, 1, reset.Peer, false),
		revision(3, 1, reset.LocalKernel, true),
		revision(1, 2, reset.Path, true),
		revision(2, 2, reset.Peer, true),
		revision(4, 2, reset.Path, true), // its first revision did not match the filter
	}
	for _, tt := range []struct {
		output string
		want   []string // of each line, what tells it
		shown  uint64
	}{
		{"text", []string{"peer", "peer", "local-kernel", "was peer", "path"}, 4},
		{"json", []string{`"peer"`, `"peer"`, `"local-kernel"`, `"path"`, `"peer"`, `"path"`}, 4},
		{"classic", []string{"IN=", "IN=", "IN="}, 3},
	} {
		t.Run(tt.output, func(t *testing.T) {
			var out bytes.Buffer
			a := &app{stdout: &out}
			p, err := a.newPrinter(printing{output: tt.output, time: "day", colour: "never"}, &config.Config{}, nil, func() {})
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range story {
				if err := p.print(e); err != nil {
					t.Fatal(err)
				}
			}
			lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
			if len(lines) != len(tt.want) {
				t.Fatalf("%d lines, want %d:\n%s", len(lines), len(tt.want), out.String())
			}
			for i, want := range tt.want {
				if !strings.Contains(lines[i], want) {
					t.Errorf("line %q, want %q in it", lines[i], want)
				}
			}
			if got := p.shown.Load(); got != tt.shown {
				t.Errorf("%d resets counted, want %d", got, tt.shown)
			}
		})
	}
}

// TestCountEnds: -n is reached by resets, not by their revisions.
func TestCountEnds(t *testing.T) {
	done := 0
	a := &app{stdout: &bytes.Buffer{}}
	p, err := a.newPrinter(printing{output: "json", time: "day", colour: "never", count: 2}, &config.Config{}, nil, func() { done++ })
	if err != nil {
		t.Fatal(err)
	}
	var ended []int
	for _, e := range []*reset.Entry{
		revision(1, 1, reset.Peer, false), revision(1, 2, reset.Path, true), revision(2, 1, reset.Peer, false),
	} {
		if err := p.print(e); err != nil {
			t.Fatal(err)
		}
		ended = append(ended, done)
	}
	if diff := cmp.Diff([]int{0, 0, 1}, ended); diff != "" {
		t.Errorf("ended (-want +got):\n%s", diff)
	}
}

// TestSeenIsBounded: the oldest goes first, and what is final is not kept.
func TestSeenIsBounded(t *testing.T) {
	s := newSeen(4)
	for i := range byte(10) {
		s.note(revision(i, 1, reset.Peer, false).Reset)
	}
	s.note(revision(9, 2, reset.Peer, true).Reset)
	var known []byte
	for i := range byte(10) {
		if _, ok := s.before(revision(i, 2, reset.Peer, true).Reset); ok {
			known = append(known, i)
		}
	}
	if diff := cmp.Diff([]byte{6, 7, 8}, known); diff != "" {
		t.Errorf("remembered (-want +got):\n%s", diff)
	}
}
