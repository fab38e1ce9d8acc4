package reset

import (
	"net/netip"
	"strconv"
)

// writeWord writes the word of a closed list only where it is not 0.
func writeWord[W word](w *jsonWriter, name string, names []string, v W) {
	if v != 0 {
		w.key(name)
		wordValue(w, names, v)
	}
}

func wordValue[W word](w *jsonWriter, names []string, v W) {
	if int(v) < len(names) {
		w.plain(names[v])
		return
	}
	w.plain(wordString(names, v))
}

// time writes a time only where it is known.
func (w *jsonWriter) time(name string, t Time) {
	if t != 0 {
		w.instant(name, t)
	}
}

func (w *jsonWriter) instant(name string, t Time) {
	w.key(name)
	w.b = append(w.b, '"')
	w.b = t.AppendTo(w.b)
	w.b = append(w.b, '"')
}

// AppendTo appends RFC 3339 in UTC with nine digits of fraction.
func (t Time) AppendTo(b []byte) []byte {
	const second = 1e9
	seconds, nanos := int64(t)/second, int64(t)%second
	if nanos < 0 {
		seconds, nanos = seconds-1, nanos+second
	}
	days, clock := seconds/86400, seconds%86400
	if clock < 0 {
		days, clock = days-1, clock+86400
	}
	year, month, day := civil(days)
	b = appendDigits(b, year, 4)
	b = appendDigits(append(b, '-'), month, 2)
	b = appendDigits(append(b, '-'), day, 2)
	b = appendDigits(append(b, 'T'), clock/3600, 2)
	b = appendDigits(append(b, ':'), clock/60%60, 2)
	b = appendDigits(append(b, ':'), clock%60, 2)
	b = appendDigits(append(b, '.'), nanos, 9)
	return append(b, 'Z')
}

// civil converts days since 1970 to a date of the Gregorian calendar. It counts
// in years that start in March, so that the leap day comes last, and in eras of
// 400 years (146097 days), after which the calendar repeats.
func civil(days int64) (year, month, day int64) {
	days += 719468 // from 1 March of the year 0; positive for every Time
	era, inEra := days/146097, days%146097
	yearInEra := (inEra - inEra/1460 + inEra/36524 - inEra/146096) / 365
	inYear := inEra - (365*yearInEra + yearInEra/4 - yearInEra/100)
	fromMarch := (5*inYear + 2) / 153
	day = inYear - (153*fromMarch+2)/5 + 1
	year, month = era*400+yearInEra, fromMarch+3
	if month > 12 {
		year, month = year+1, month-12
	}
	return year, month, day
}

func appendDigits(b []byte, v int64, digits int) []byte {
	var text [9]byte
	for i := digits - 1; i >= 0; i-- {
		text[i] = byte('0' + v%10)
		v /= 10
	}
	return append(b, text[:digits]...)
}

func (w *jsonWriter) id(name string, id ID) {
	w.key(name)
	w.idValue(id)
}

func (w *jsonWriter) idValue(id ID) {
	w.b = append(w.b, '"')
	w.b = id.AppendTo(w.b)
	w.b = append(w.b, '"')
}

func (w *jsonWriter) ids(name string, ids []ID) {
	if ids == nil {
		return
	}
	w.key(name)
	w.b = append(w.b, '[')
	for i, id := range ids {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		w.idValue(id)
	}
	w.b = append(w.b, ']')
}

func (w *jsonWriter) hash(name string, h Hash) {
	if h == 0 {
		return
	}
	w.key(name)
	w.b = append(w.b, '"')
	for shift := 60; shift >= 0; shift -= 4 {
		w.b = append(w.b, hexDigits[h>>shift&15])
	}
	w.b = append(w.b, '"')
}

func (w *jsonWriter) hex(name string, h Hex) {
	if h == nil {
		return
	}
	const upper = "0123456789ABCDEF"
	w.key(name)
	w.b = append(w.b, '"')
	for _, c := range h {
		w.b = append(w.b, upper[c>>4], upper[c&15])
	}
	w.b = append(w.b, '"')
}

func (w *jsonWriter) mac(name string, m MAC) {
	if m == nil {
		return
	}
	w.key(name)
	w.b = append(w.b, '"')
	for i, c := range m {
		if i > 0 {
			w.b = append(w.b, ':')
		}
		w.b = append(w.b, hexDigits[c>>4], hexDigits[c&15])
	}
	w.b = append(w.b, '"')
}

func (w *jsonWriter) flags(name string, f Flags) {
	if f == 0 {
		return
	}
	w.key(name)
	w.b = append(w.b, '"')
	comma := false
	for i := range flagOrder {
		if f&flagOrder[i].flag == 0 {
			continue
		}
		if comma {
			w.b = append(w.b, ',')
		}
		w.b, comma = append(w.b, flagOrder[i].name...), true
	}
	w.b = append(w.b, '"')
}

// endpoint writes an endpoint only where it is known.
func (w *jsonWriter) endpoint(name string, e Endpoint) {
	if !e.IsZero() {
		w.endpointAlways(name, e)
	}
}

func (w *jsonWriter) endpointAlways(name string, e Endpoint) {
	w.key(name)
	if e.Addr().Zone() != "" { // any text may stand in a zone; no packet has one
		text, _ := e.MarshalJSON()
		w.b = EscapeJSON(w.b, text)
		return
	}
	w.b = append(w.b, `{"ip":"`...)
	if e.Addr() != (netip.Addr{}) {
		w.b = e.Addr().AppendTo(w.b)
	}
	w.b = append(w.b, `","port":`...)
	w.b = strconv.AppendUint(w.b, uint64(e.Port()), 10)
	w.close()
}

func (w *jsonWriter) sources(name string, s SourceSet) {
	if s == 0 {
		return
	}
	w.key(name)
	comma := byte('[')
	for source := TCPSendReset; int(source) < NumSources; source++ {
		if s.Has(source) {
			w.b = append(w.b, comma)
			w.plain(sourceNames[source])
			comma = ','
		}
	}
	if comma == '[' { // only members that this program does not know
		w.b = append(w.b, "null"...)
		return
	}
	w.b = append(w.b, ']')
}
