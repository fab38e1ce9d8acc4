package daemon

import (
	"github.com/rstwatch/rstwatch/internal/journal"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// account adds up the ledger: what this run counted, on top of what the
// journal's last ledger says.
type account struct {
	base    reset.Ledger
	capture *Capture
	line    *Pipeline
	written func() journal.Stats
}

// newAccount continues the ledger of a journal. What a killed run wrote after
// its last ledger is counted by the journal itself; what it had seen and not
// written is gone with it.
func newAccount(last journal.Checkpoint) *account {
	a := &account{}
	if last.Ledger != nil {
		a.base = *last.Ledger
		// What waited then was either written afterwards or died with the process.
		a.base.Host.Resets -= a.base.Host.Pending
		a.base.Host.Pending = 0
		a.base.Sensors = append([]reset.SensorLedger(nil), last.Ledger.Sensors...)
		for i := range a.base.Sensors {
			s := &a.base.Sensors[i]
			s.Sightings -= s.Pending
			s.Pending = 0
		}
	}
	a.base.Host.Resets += last.After
	a.base.Host.Written += last.After
	return a
}

// ledger is the account as it stands.
func (a *account) ledger() reset.Ledger {
	l := reset.Ledger{Host: a.base.Host, Sensors: append([]reset.SensorLedger(nil), a.base.Sensors...)}
	// The sensor's count is read before the pipeline's, so that a sighting that
	// comes in between is not missing from the side that is read first.
	counted := a.capture.Counts()
	made := a.line.Counts()
	wrote := a.written()

	s := sensorOf(&l, a.capture.Name)
	told := counted.Seen - counted.Lost - counted.Filtered
	s.Primary += made.Primary
	s.Joined += made.Joined
	s.Filtered += counted.Filtered + made.Filtered
	s.Lost += counted.Lost
	waiting := made.Pending
	if told > made.Added {
		waiting += told - made.Added // still in the sensor's ring
	} else {
		counted.Seen += made.Added - told // came in since the count was read
	}
	s.Sightings += counted.Seen
	s.Pending += waiting

	l.Host.Resets += made.Resets
	l.Host.Written += wrote.Resets
	l.Host.Lost += wrote.LostResets
	l.Host.Pending += wrote.HeldResets
	return l
}

func sensorOf(l *reset.Ledger, name string) *reset.SensorLedger {
	for i := range l.Sensors {
		if l.Sensors[i].Sensor == name {
			return &l.Sensors[i]
		}
	}
	l.Sensors = append(l.Sensors, reset.SensorLedger{Sensor: name})
	return &l.Sensors[len(l.Sensors)-1]
}
