package kernel

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
)

// countInserted is COUNT_INSERTED of bpf/sighting.h.
const countInserted = uint32(4)

// Table is the account of the table of connections: every line that was begun
// is held, or was forgotten for a newer one.
type Table struct {
	Size, Begun, Held, Forgotten uint64
}

// Table counts the lines of the table, which takes a walk through it; safe for
// concurrent use. It is zero unless the sensor runs.
func (s *Sensor) Table() (t Table, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.probe == nil {
		return t, nil
	}
	table := s.probe.objects.Maps["connections"]
	t.Size = uint64(table.MaxEntries())
	var begun []uint64
	if err := s.probe.objects.Maps["counters"].Lookup(countInserted, &begun); err != nil {
		return t, fmt.Errorf("counting connections: %w", err)
	}
	for _, n := range begun {
		t.Begun += n
	}
	var key, next probeTuple
	for err = table.NextKey(nil, &next); err == nil && t.Held <= t.Size; err = table.NextKey(&key, &next) {
		t.Held++
		key = next
	}
	if err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
		return t, fmt.Errorf("counting connections: %w", err)
	}
	// Lines that were begun while we counted are held too.
	t.Begun = max(t.Begun, t.Held)
	t.Forgotten = t.Begun - t.Held
	return t, nil
}
