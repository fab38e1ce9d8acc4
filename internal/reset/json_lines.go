package reset

// The methods of this file follow the structs of lines.go field by field.

func (w *jsonWriter) coverage(c *Coverage) {
	w.b = append(w.b, `{"type":"coverage"`...)
	w.instant("time", c.Time)
	w.text("host", c.Host)
	w.text("boot_id", c.BootID)
	w.netns("netns", &c.Netns)
	w.texts("sensors", c.Sensors)
	w.sources("sources", c.Sources)
	w.instant("from", c.From)
	w.instant("until", c.Until)
	optInt(w, "unwatched_ns", c.UnwatchedNS)
	w.uint("resets", c.Resets)
	w.uint("lost", c.Lost)
	w.uint("folded", c.Folded)
	w.text("filter", c.Filter)
	optInt(w, "out_rsts", c.OutRsts)
	optInt(w, "sent_by_tcp", c.SentByTCP)
	w.close()
}

func (w *jsonWriter) control(c *Control) {
	w.b = append(w.b, `{"type":"control"`...)
	w.instant("time", c.Time)
	w.key("event")
	w.quote(c.Event)
	w.text("host", c.Host)
	w.text("boot_id", c.BootID)
	w.text("version", c.Version)
	w.text("segment", c.Segment)
	w.hex("chain", c.Chain)
	w.ledger(c.Ledger)
	w.text("message", c.Message)
	w.close()
}

func (w *jsonWriter) ledger(l *Ledger) {
	if l == nil {
		return
	}
	w.openMember("ledger")
	w.key("sensors")
	if l.Sensors == nil {
		w.b = append(w.b, "null"...)
	} else {
		w.b = append(w.b, '[')
		for i := range l.Sensors {
			if i > 0 {
				w.b = append(w.b, ',')
			}
			w.sensorLedger(&l.Sensors[i])
		}
		w.b = append(w.b, ']')
	}
	w.openMember("host")
	w.uint("resets", l.Host.Resets)
	w.uint("written", l.Host.Written)
	w.uint("folded", l.Host.Folded)
	w.uint("lost", l.Host.Lost)
	w.uint("pending", l.Host.Pending)
	w.close()
	w.close()
}

func (w *jsonWriter) sensorLedger(l *SensorLedger) {
	w.open()
	w.key("sensor")
	w.quote(l.Sensor)
	w.uint("sightings", l.Sightings)
	w.uint("primary", l.Primary)
	w.uint("joined", l.Joined)
	w.uint("filtered", l.Filtered)
	w.uint("lost", l.Lost)
	w.uint("pending", l.Pending)
	w.close()
}
