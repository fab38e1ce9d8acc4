package reset

// Coverage says what was watched in one namespace over one interval. Only it
// allows the sentences "no RST passed" and "nobody sent it".
type Coverage struct {
	Time    Time      `json:"time"` // when the line was written
	Host    string    `json:"host,omitzero"`
	BootID  string    `json:"boot_id,omitzero"`
	Netns   Netns     `json:"netns,omitzero"` // absent: every namespace of the host
	Sensors []string  `json:"sensors,omitzero"`
	Sources SourceSet `json:"sources,omitzero"`
	From    Time      `json:"from"`
	Until   Time      `json:"until"`
	// UnwatchedNS bounds how long the namespace had existed before it was watched.
	UnwatchedNS Opt[int64] `json:"unwatched_ns,omitzero"`
	Resets      uint64     `json:"resets"`
	Lost        uint64     `json:"lost"`
	Folded      uint64     `json:"folded"`
	Filter      string     `json:"filter,omitzero"`      // what was left out by choice
	OutRsts     Opt[int64] `json:"out_rsts,omitzero"`    // growth of the kernel's TcpOutRsts
	SentByTCP   Opt[int64] `json:"sent_by_tcp,omitzero"` // what tcp_send_reset told
}

// SensorLedger accounts for every sighting of one sensor, exactly:
// Sightings = Primary + Joined + Filtered + Lost + Pending.
type SensorLedger struct {
	Sensor    string `json:"sensor"`
	Sightings uint64 `json:"sightings"`
	Primary   uint64 `json:"primary"` // became a reset
	Joined    uint64 `json:"joined"`  // was joined to one
	Filtered  uint64 `json:"filtered"`
	Lost      uint64 `json:"lost"`
	Pending   uint64 `json:"pending"`
}

// Balanced reports whether the sensor's equation holds.
func (l SensorLedger) Balanced() bool {
	return l.Sightings == l.Primary+l.Joined+l.Filtered+l.Lost+l.Pending
}

// HostLedger accounts for every reset, exactly:
// Resets = Written + Folded + Lost + Pending.
type HostLedger struct {
	Resets  uint64 `json:"resets"`
	Written uint64 `json:"written"`
	Folded  uint64 `json:"folded"`
	Lost    uint64 `json:"lost"`
	Pending uint64 `json:"pending"`
}

// Balanced reports whether the host's equation holds.
func (l HostLedger) Balanced() bool { return l.Resets == l.Written+l.Folded+l.Lost+l.Pending }

// Ledger is the account of everything seen since the journal began.
type Ledger struct {
	Sensors []SensorLedger `json:"sensors"`
	Host    HostLedger     `json:"host"`
}

// Balanced reports whether both equations hold.
func (l Ledger) Balanced() bool {
	for _, s := range l.Sensors {
		if !s.Balanced() {
			return false
		}
	}
	return l.Host.Balanced()
}

// Control is a line about the record itself: segment heads, hash chain,
// ledger, starts and stops.
type Control struct {
	Time    Time    `json:"time"`
	Event   string  `json:"event"` // start, stop, segment, ledger, recovered, sensor, notice
	Host    string  `json:"host,omitzero"`
	BootID  string  `json:"boot_id,omitzero"`
	Version string  `json:"version,omitzero"`
	Segment string  `json:"segment,omitzero"` // name of the segment that this line heads or closes
	Chain   Hex     `json:"chain,omitzero"`   // SHA-256, the chain's head
	Ledger  *Ledger `json:"ledger,omitzero"`
	Message string  `json:"message,omitzero"` // for people
}

// Entry is one line of the journal: exactly one of its fields is set.
type Entry struct {
	Reset    *Reset
	Coverage *Coverage
	Control  *Control
}
