package capture

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"sync/atomic"
)

// maxOpen bounds the files that overlap in time and so are open at once.
const maxOpen = 256

// merge reads several files as one, in the order of their packets' time. Files
// that follow one another, as a ring of tcpdump's, are opened one by one.
type merge struct {
	stdin   io.Reader
	read    atomic.Int64
	waiting []*opening // by the time of their first packet
	open    []*source
	last    *source // whose head was handed out
	problem func(file string, err error)
	idle    func(fd int) error   // waits until a stream has something to read
	grow    func(*os.File) error // waits until a file has; nil: its end is the end
}

// opening is a file that is not open yet, or not read yet.
type opening struct {
	name  string
	rank  int
	first int64   // the time of its first packet
	ready *source // open already
}

// newMerge looks at the beginning of each file. A file that cannot be read is
// an error; one that ends early is told to problem.
func newMerge(names []string, follow bool, stdin io.Reader, problem func(file string, err error)) (*merge, error) {
	m := &merge{stdin: stdin, problem: problem}
	for rank, name := range names {
		o := &opening{name: name, rank: rank, first: math.MinInt64}
		m.waiting = append(m.waiting, o)
		if name == StandardInput || follow {
			continue // it may be long in coming
		}
		if len(names) == 1 {
			s, err := m.begin(o)
			if err != nil {
				m.close()
				return nil, err
			}
			o.ready = s
			continue
		}
		if err := m.look(o); err != nil {
			m.close()
			return nil, err
		}
	}
	slices.SortStableFunc(m.waiting, func(a, b *opening) int { return cmp.Compare(a.first, b.first) })
	return m, nil
}

// await waits for what is to be read next, once it is known how.
func (m *merge) await(file *os.File, regular bool) error {
	switch {
	case regular && m.grow != nil:
		return m.grow(file)
	case !regular && m.idle != nil:
		return m.idle(int(file.Fd()))
	}
	return nil
}

// look reads the time of a file's first packet and leaves the file alone again.
func (m *merge) look(o *opening) error {
	var unread atomic.Int64
	s, err := openSource(o.name, m.stdin, &unread, nil)
	if err != nil {
		return err
	}
	defer s.close()
	if s.format.next(&s.head) == nil {
		o.first = s.head.at
	}
	return nil
}

// begin opens a file and reads its first packet.
func (m *merge) begin(o *opening) (*source, error) {
	s, err := openSource(o.name, m.stdin, &m.read, m.await)
	if err != nil {
		return nil, err
	}
	s.rank = o.rank
	if err := s.advance(); err != nil {
		m.problem(s.name, err)
	}
	return s, nil
}

// next returns the source whose head is the earliest packet; nil at the end.
// The head is valid until the next call.
func (m *merge) next() (*source, error) {
	if m.last != nil {
		if err := m.last.advance(); err != nil {
			m.problem(m.last.name, err)
		}
		m.last = nil
	}
	for {
		earliest := m.earliest()
		if len(m.waiting) == 0 || earliest != nil && earliest.head.at < m.waiting[0].first {
			m.last = earliest
			return earliest, nil
		}
		if err := m.openNext(); err != nil {
			return nil, err
		}
	}
}

func (m *merge) openNext() error {
	o := m.waiting[0]
	m.waiting = m.waiting[1:]
	if len(m.open) >= maxOpen {
		return fmt.Errorf("reading %q: more than %d files that overlap in time", o.name, maxOpen)
	}
	s := o.ready
	if s == nil {
		var err error
		if s, err = m.begin(o); err != nil {
			return err
		}
	}
	m.open = append(m.open, s)
	return nil
}

// earliest closes what has ended and finds the first in time; of two equal ones
// the file that was named first.
func (m *merge) earliest() *source {
	if len(m.open) == 1 && !m.open[0].ended {
		return m.open[0]
	}
	var found *source
	for i := 0; i < len(m.open); i++ {
		s := m.open[i]
		if s.ended {
			s.close()
			m.open = slices.Delete(m.open, i, i+1)
			i--
			continue
		}
		if found == nil || s.head.at < found.head.at || s.head.at == found.head.at && s.rank < found.rank {
			found = s
		}
	}
	return found
}

func (m *merge) close() {
	for _, o := range m.waiting {
		if o.ready != nil {
			o.ready.close()
		}
	}
	for _, s := range m.open {
		s.close()
	}
	m.waiting, m.open = nil, nil
}
