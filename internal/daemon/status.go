package daemon

import (
	"time"

	"github.com/rstwatch/rstwatch/internal/recall"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// Status is what a running daemon says of itself.
type Status struct {
	Version    string         `json:"version"`
	PID        int            `json:"pid"`
	Started    time.Time      `json:"started"`
	Sensor     string         `json:"sensor"`
	Blind      string         `json:"blind,omitempty"`
	Attempts   []Attempt      `json:"attempts"`
	Counts     SensorCounts   `json:"counts"`
	Table      *TableStatus   `json:"connections,omitempty"`
	Namespaces int            `json:"namespaces"`
	Filter     string         `json:"filter,omitempty"`
	Journal    JournalStatus  `json:"journal"`
	Ledger     reset.Ledger   `json:"ledger"`
	Balanced   bool           `json:"balanced"`
	Revisions  recall.Counts  `json:"revisions"`
	Outputs    []OutputStatus `json:"outputs,omitempty"`
	Notices    []string       `json:"notices,omitempty"`
	Enrich     *EnrichStatus  `json:"enrich,omitempty"`
}

// TableStatus is the account of a sensor's table of connections: lines begun
// are held, or were forgotten for newer ones.
type TableStatus struct {
	Size      uint64 `json:"size"`
	Begun     uint64 `json:"begun"`
	Held      uint64 `json:"held"`
	Forgotten uint64 `json:"forgotten"`
}

// JournalStatus is how the journal fares.
type JournalStatus struct {
	Dir     string `json:"dir"`
	Entries uint64 `json:"entries"`
	Bytes   uint64 `json:"bytes"`
	Held    uint64 `json:"held"`
	Lost    uint64 `json:"lost"`
	Stalled bool   `json:"stalled"`
}
