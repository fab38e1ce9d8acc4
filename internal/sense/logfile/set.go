package logfile

import (
	"cmp"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// rotated is what the name of a file says of its place among the files of one
// log.
type rotated struct {
	log    string    // the path without what rotation added
	date   time.Time // "-20261124": of the rotation or, as our own, of its lines
	part   int       // "-20261124.1" follows "-20261124"
	number int       // "log.1" is younger than "log.2"; 0: none
}

var (
	compressedEnding = regexp.MustCompile(`\.(gz|zst|bz2|xz)$`)
	// logrotate's dateext in its usual forms, and ours.
	datedEnding    = regexp.MustCompile(`[-.](\d{4})-?(\d{2})-?(\d{2})(?:[-_T]?(\d{2}))?(?:-?(\d{9,11}))?(?:\.(\d{1,4}))?$`)
	numberedEnding = regexp.MustCompile(`\.(\d{1,5})$`)
)

// parseName reads a file's name.
func parseName(path string) rotated {
	name := compressedEnding.ReplaceAllString(filepath.Clean(path), "")
	// "kern-20261124.log", as logrotate's extension directive makes it.
	ending := ""
	if log := strings.TrimSuffix(name, ".log"); log != name && datedEnding.MatchString(log) {
		name, ending = log, ".log"
	}
	if m := datedEnding.FindStringSubmatchIndex(name); m != nil {
		if at, ok := dateOf(name, m); ok {
			r := rotated{log: name[:m[0]] + ending, date: at}
			if m[12] >= 0 {
				r.part, _ = strconv.Atoi(name[m[12]:m[13]])
			}
			return r
		}
	}
	if m := numberedEnding.FindStringSubmatchIndex(name); m != nil {
		if n, err := strconv.Atoi(name[m[2]:m[3]]); err == nil && n > 0 {
			return rotated{log: name[:m[0]], number: n}
		}
	}
	return rotated{log: name + ending}
}

// dateOf reads the date that was found in a name; of seconds since 1970 these.
func dateOf(name string, m []int) (at time.Time, ok bool) {
	part := func(i int) int {
		if m[2*i] < 0 {
			return 0
		}
		v, _ := strconv.Atoi(name[m[2*i]:m[2*i+1]])
		return v
	}
	year, month, dayOfMonth, hour := part(1), part(2), part(3), part(4)
	if year < 1990 || year > 2200 || month < 1 || month > 12 || dayOfMonth < 1 || dayOfMonth > daysIn(month, year) || hour > 23 {
		return at, false
	}
	if seconds := part(5); seconds > 0 {
		return time.Unix(int64(seconds), 0), true
	}
	return time.Date(year, time.Month(month), dayOfMonth, hour, 0, 0, 0, time.UTC), true
}

// member is a file in its place.
type member struct {
	input *Input
	rotated
}

// sets puts the files of each log together, the oldest first. A file that has
// the place of another, such as a copy beside it, is a log of its own.
func sets(inputs []*Input) (list [][]member) {
	index := map[string]int{}
	for _, in := range inputs {
		m := member{in, rotated{log: in.Name}}
		if in.Stream == nil && !in.own {
			m.rotated = parseName(in.Name)
		}
		i, known := index[m.log]
		if known && !slices.ContainsFunc(list[i], func(other member) bool { return other.rotated == m.rotated }) {
			list[i] = append(list[i], m)
			continue
		}
		if !known {
			index[m.log] = len(list)
		}
		list = append(list, []member{m})
	}
	for _, set := range list {
		slices.SortStableFunc(set, older(set))
	}
	return list
}

// older orders the files of one log. Where it was rotated in both manners, the
// times at which the files were written tell.
func older(set []member) func(a, b member) int {
	dated := func(m member) bool { return !m.date.IsZero() }
	if slices.ContainsFunc(set, dated) && slices.ContainsFunc(set, func(m member) bool { return m.number > 0 }) {
		return func(a, b member) int {
			if live := cmp.Compare(b.age(), a.age()); live != 0 {
				return live
			}
			return a.input.written.Compare(b.input.written)
		}
	}
	return func(a, b member) int {
		if dated(a) && dated(b) {
			return cmp.Or(a.date.Compare(b.date), cmp.Compare(a.part, b.part))
		}
		return cmp.Or(cmp.Compare(b.age(), a.age()), cmp.Compare(b.number, a.number))
	}
}

// age is 0 of the file that is being written, and 1 of all others.
func (m *member) age() int {
	if m.date.IsZero() && m.number == 0 {
		return 0
	}
	return 1
}
