package logfile

import "fmt"

// Counts is what became of the lines that LOG or ulogd wrote:
// Resets + Copies + Others + Torn.
type Counts struct {
	Lines  uint64 // all, whoever wrote them; of journald's export format, entries
	Resets uint64 // handed on
	Copies uint64 // of a reset that another file had too
	Others uint64 // whole, about a packet that is no reset
	Torn   uint64 // not whole, or mixed up with another
	Long   uint64 // lines that are too long for any log, passed over
	// Foreign are texts of LOG's form that another program than the kernel wrote.
	Foreign uint64
	// Timeless are those of the resets whose time is not known.
	Timeless uint64
	// Missed are messages of the kernel of which the logs themselves say that they
	// are missing; how many of them were resets nobody knows.
	Missed uint64
	// Torns are the places of those that were not understood, the first of them.
	Torns []Place
	// Broken are the files that could not be read to their end.
	Broken []Broken
	// Dated are the files whose years had to be found.
	Dated []Dated
}

// Place is where something stands.
type Place struct {
	File   string
	Line   uint64
	Reason string
}

// Broken is a file that could be read only up to some point.
type Broken struct {
	File string
	Line uint64 // the last that could be read
	Err  error
}

// Dated says which years the lines of a file were taken to be of.
type Dated struct {
	File        string
	First, Last int
}

// Bounds on what is kept for the account.
const (
	maxTorns  = 20
	maxBroken = 1000
	maxDated  = 1000
)

func (c *Counts) torn(file string, line uint64, reason string) {
	c.Torn++
	if len(c.Torns) < maxTorns {
		c.Torns = append(c.Torns, Place{file, line, reason})
	}
}

func (c *Counts) broken(file string, line uint64, err error) {
	if len(c.Broken) < maxBroken {
		c.Broken = append(c.Broken, Broken{file, line, err})
	}
}

// Progress is how far reading has come; it may be asked at any time.
type Progress struct {
	Bytes int64 // of the files, as they are on disk
	Lines uint64
}

// FormatError says that a file is neither a capture nor a log.
type FormatError struct{ Reason string }

func (e *FormatError) Error() string {
	return fmt.Sprintf("neither a capture nor a kernel log: %s", e.Reason)
}
