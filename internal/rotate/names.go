package rotate

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// temporary ends the name of a compressed file that is not whole yet.
const temporary = ".tmp"

// archive is one rotated file.
type archive struct {
	name    string // in the log's directory
	day     day
	number  int    // the how-many-eth of its day, from 0
	suffix  string // "", ".gz" or ".zst"
	partial bool   // a temporary file
}

// day is a date as yyyymmdd, so that days compare as numbers.
type day int

func dayOf(t time.Time) day { return day(t.Year()*10000 + int(t.Month())*100 + t.Day()) }

func (d day) time() time.Time {
	return time.Date(int(d)/10000, time.Month(int(d)/100%100), int(d)%100, 12, 0, 0, 0, time.UTC)
}

// naming knows the names that belong to one log.
type naming struct {
	dir, base string
	layout    string
}

func newNaming(path, format string) naming {
	layout, _ := dateLayout(format) // Validate has seen it
	return naming{dir: filepath.Dir(path), base: filepath.Base(path), layout: layout}
}

func (n naming) path(name string) string { return filepath.Join(n.dir, name) }

// name is the uncompressed name of the number-th file of a day.
func (n naming) name(d day, number int) string {
	name := n.base + d.time().Format(n.layout)
	if number > 0 {
		name += "." + strconv.Itoa(number)
	}
	return name
}

// parse reads a name back; it takes exactly those that name makes.
func (n naming) parse(name string) (archive, bool) {
	a := archive{name: name}
	rest, ok := strings.CutPrefix(name, n.base)
	if !ok || rest == "" {
		return a, false
	}
	rest, a.partial = strings.CutSuffix(rest, temporary)
	for _, suffix := range []string{".gz", ".zst"} {
		if cut, ok := strings.CutSuffix(rest, suffix); ok {
			rest, a.suffix = cut, suffix
			break
		}
	}
	date, number, numbered := strings.Cut(rest, ".")
	if numbered {
		v, err := strconv.ParseUint(number, 10, 31)
		if err != nil || v == 0 || number[0] == '0' {
			return a, false
		}
		a.number = int(v)
	}
	t, err := time.Parse(n.layout, date)
	if err != nil || t.Format(n.layout) != date || a.partial && a.suffix == "" {
		return a, false
	}
	a.day = dayOf(t)
	return a, true
}

// list returns the archives, oldest first, of one place the plain file before
// the compressed one; and apart from them the temporary files.
func (n naming) list() (all, partial []archive, err error) {
	entries, err := os.ReadDir(n.dir)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range entries {
		a, ok := n.parse(e.Name())
		switch {
		case !ok || !e.Type().IsRegular():
		case a.partial:
			partial = append(partial, a)
		default:
			all = append(all, a)
		}
	}
	slices.SortFunc(all, func(a, b archive) int {
		return cmp.Or(cmp.Compare(a.day, b.day), cmp.Compare(a.number, b.number), cmp.Compare(a.suffix, b.suffix))
	})
	return all, partial, nil
}

// next returns a name later than that of every archive, for lines that began
// on the given day. A clock that was set back makes no name go back.
func (n naming) next(began day) (name string, at day, err error) {
	all, _, err := n.list()
	if err != nil {
		return "", began, err
	}
	last := archive{}
	if len(all) > 0 {
		last = all[len(all)-1]
	}
	number := 0
	if at = began; last.day >= began {
		at, number = last.day, last.number+1
	}
	// A listing can miss a file that is being compressed at this moment, whose
	// compressed form exists before the plain one goes.
	for n.taken(n.name(at, number)) {
		number++
	}
	return n.name(at, number), at, nil
}

func (n naming) taken(name string) bool {
	for _, suffix := range []string{"", ".gz", ".zst"} {
		if _, err := os.Lstat(n.path(name + suffix)); err == nil {
			return true
		}
	}
	return false
}

// Files returns the paths of a log's files that exist, oldest lines first, the
// live file last: what to read to read everything. format is Config.DateFormat.
// Of a file that stands both plain and compressed, as a crash can leave it,
// only the compressed one is named.
func Files(path, format string) ([]string, error) {
	if format == "" {
		format = DefaultConfig("").DateFormat
	}
	if _, err := dateLayout(format); err != nil {
		return nil, err
	}
	n := newNaming(path, format)
	all, _, err := n.list()
	if err != nil {
		return nil, err
	}
	var paths []string
	for i, a := range all {
		if a.suffix == "" && i+1 < len(all) && all[i+1].sameLines(a) {
			continue
		}
		paths = append(paths, n.path(a.name))
	}
	if _, err := os.Stat(path); err == nil {
		paths = append(paths, path)
	}
	return paths, nil
}

func (a archive) sameLines(b archive) bool { return a.day == b.day && a.number == b.number }
