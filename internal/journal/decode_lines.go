package journal

import "github.com/rstwatch/rstwatch/internal/reset"

func (d *decoder) decodeCoverage() *reset.Coverage {
	m := d.c.message()
	c := &reset.Coverage{}
	for m.next() {
		switch m.field {
		case coverageTime:
			c.Time = m.time()
		case coverageHost:
			c.Host = d.text(&m)
		case coverageBootID:
			c.BootID = d.text(&m)
		case coverageNetnsID:
			c.Netns.ID = m.value
		case coverageNetnsCookie:
			c.Netns.Cookie = m.value
		case coverageNetnsName:
			c.Netns.Name = d.text(&m)
		case coverageSensors:
			c.Sensors = d.texts(&m)
		case coverageSources:
			c.Sources = small[reset.SourceSet](&m)
		case coverageFrom:
			c.From = m.time()
		case coverageUntil:
			c.Until = m.time()
		case coverageUnwatchedNS:
			c.UnwatchedNS = optSigned(&m)
		case coverageResets:
			c.Resets = m.value
		case coverageLost:
			c.Lost = m.value
		case coverageFolded:
			c.Folded = m.value
		case coverageFilter:
			c.Filter = d.text(&m)
		case coverageOutRsts:
			c.OutRsts = optSigned(&m)
		case coverageSentByTCP:
			c.SentByTCP = optSigned(&m)
		}
	}
	d.close(&m)
	return c
}

func (d *decoder) decodeControl() *reset.Control {
	m := d.c.message()
	c := &reset.Control{}
	for m.next() {
		switch m.field {
		case controlTime:
			c.Time = m.time()
		case controlEvent:
			c.Event = d.text(&m)
		case controlHost:
			c.Host = d.text(&m)
		case controlBootID:
			c.BootID = d.text(&m)
		case controlVersion:
			c.Version = d.text(&m)
		case controlSegment:
			c.Segment = d.text(&m)
		case controlChain:
			c.Chain = clone(m.data)
		case controlLedger:
			c.Ledger = d.decodeLedger(&m)
		case controlMessage:
			c.Message = string(m.data)
		}
	}
	d.close(&m)
	return c
}

func (d *decoder) decodeLedger(parent *cursor) *reset.Ledger {
	m := parent.message()
	l := &reset.Ledger{}
	for m.next() {
		switch m.field {
		case ledgerSensors:
			if len(l.Sensors) >= maxList {
				m.fail("too many sensors")
				break
			}
			l.Sensors = append(l.Sensors, d.decodeSensorLedger(&m))
		case ledgerHost:
			l.Host = d.decodeHostLedger(&m)
		}
	}
	parent.err = m.err
	return l
}

func (d *decoder) decodeSensorLedger(parent *cursor) (l reset.SensorLedger) {
	m := parent.message()
	for m.next() {
		switch m.field {
		case sensorLedgerSensor:
			l.Sensor = d.text(&m)
		case sensorLedgerSightings:
			l.Sightings = m.value
		case sensorLedgerPrimary:
			l.Primary = m.value
		case sensorLedgerJoined:
			l.Joined = m.value
		case sensorLedgerFiltered:
			l.Filtered = m.value
		case sensorLedgerLost:
			l.Lost = m.value
		case sensorLedgerPending:
			l.Pending = m.value
		}
	}
	parent.err = m.err
	return l
}

func (d *decoder) decodeHostLedger(parent *cursor) (l reset.HostLedger) {
	m := parent.message()
	for m.next() {
		switch m.field {
		case hostLedgerResets:
			l.Resets = m.value
		case hostLedgerWritten:
			l.Written = m.value
		case hostLedgerFolded:
			l.Folded = m.value
		case hostLedgerLost:
			l.Lost = m.value
		case hostLedgerPending:
			l.Pending = m.value
		}
	}
	parent.err = m.err
	return l
}
