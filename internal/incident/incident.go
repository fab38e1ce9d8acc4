package incident

import (
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// Incident is resets with one first cause.
type Incident struct {
	From   reset.Time `json:"from"`
	Until  reset.Time `json:"until"`  // of the last reset
	Resets int        `json:"resets"` // the two records of one packet are one
	First  First      `json:"first"`
	// Grouped says why they are taken for one: by links of the records, or by the
	// moment and what they have in common.
	Grouped Grouped        `json:"grouped"`
	Harm    map[string]int `json:"harm"`
	Stages  []Stage        `json:"stages"` // in the order of their begin
	Peers   []Peer         `json:"peers,omitempty"`
	// MorePeers are the resets of further peers than those listed.
	MorePeers int      `json:"more_peers,omitempty"`
	Hosts     []string `json:"hosts,omitempty"`
	Unknown   []string `json:"unknown,omitempty"` // what is not known, for people
}

// First is the reset with which it began.
type First struct {
	ID         reset.ID         `json:"id"`
	Time       reset.Time       `json:"time"`
	Direction  reset.Direction  `json:"direction"`
	Src        reset.Endpoint   `json:"src"`
	Dst        reset.Endpoint   `json:"dst"`
	Sender     reset.Sender     `json:"sender,omitzero"`
	Cause      reset.Cause      `json:"cause,omitzero"`
	Confidence reset.Confidence `json:"confidence,omitzero"`
	Process    string           `json:"process,omitempty"` // comm/pid
	Exit       string           `json:"exit,omitempty"`    // how the process ended
	Summary    string           `json:"summary"`

	caused bool // it names what led to it
	twin   bool // its other end is recorded
}

// Grouped counts the resets by what ties them to the others.
type Grouped struct {
	Links int `json:"links,omitempty"` // caused_by, related, twin
	Burst int `json:"burst,omitempty"` // the same process or port, and cause, at once
}

// Stage is the resets of one kind, of one process or kernel, and when they came.
type Stage struct {
	From      reset.Time      `json:"from"`
	Until     reset.Time      `json:"until"`
	Resets    int             `json:"resets"`
	Host      string          `json:"host,omitempty"`
	Direction reset.Direction `json:"direction"`
	Process   string          `json:"process,omitempty"`
	Sender    reset.Sender    `json:"sender,omitzero"`
	Cause     reset.Cause     `json:"cause,omitzero"`
	Example   reset.ID        `json:"example"`
	Src       reset.Endpoint  `json:"src"` // of the example
	Dst       reset.Endpoint  `json:"dst"`
}

// Peer is an address at the other end.
type Peer struct {
	Address string `json:"address"`
	Resets  int    `json:"resets"`
}

// Config is what can be chosen of the grouping.
type Config struct {
	// Gap is how long after the last one a reset with the same process or port,
	// and cause, is still of the same burst.
	Gap time.Duration
	// Idle is how long nothing may happen before an incident is over.
	Idle time.Duration
	// MinBurst is how many resets make an incident where only the moment ties
	// them; linked ones do from two on.
	MinBurst int
	// MaxResets bounds how many resets are remembered for what links to them.
	MaxResets int
	// MaxOpen bounds the events that are followed at a time; above it those that
	// had nothing new for longest are taken for over.
	MaxOpen int
	// MaxIncidents bounds those that are kept; the smallest goes first.
	MaxIncidents int
}

// DefaultConfig returns a second for a burst, and a minute for an incident.
func DefaultConfig() Config {
	return Config{Gap: time.Second, Idle: time.Minute, MinBurst: 5, MaxResets: 1 << 15, MaxOpen: 1 << 15, MaxIncidents: 1000}
}
