package explain

import (
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// Setting is what a story depends on besides the records.
type Setting struct {
	Zone *time.Location // of times within sentences; nil: local
	Now  reset.Time     // when it is told; 0: long after
	// HostNetns is the namespace of the host itself, which commands need not
	// enter; 0: not known.
	HostNetns uint64
	// Host is this machine's name: of another's journal it is not known which
	// namespace is the host's own.
	Host string
	// Dir is the journal's directory where it is not the usual one, for commands
	// that read it.
	Dir string
}

func (s *Setting) zone() *time.Location {
	if s.Zone == nil {
		return time.Local
	}
	return s.Zone
}

// own reports whether a namespace is, or may be, the host's own: one without a
// number is not known to be another. Of another machine it is not known.
func (s *Setting) own(n reset.Netns, host string) bool {
	return n.Name == "" && (n.ID == 0 || n.ID == s.HostNetns && host == s.Host)
}

// since is where a look back over a span before the reset begins, for --since:
// short where that is as good as now.
func (s *Setting) since(at reset.Time, back time.Duration, short string) string {
	if at == 0 || at >= s.Now-reset.Time(time.Hour) {
		return short
	}
	return moment(at-reset.Time(back), "")
}

// netns is what people call a namespace.
func (s *Setting) netns(n reset.Netns, host string) string {
	if n.ID != 0 && s.own(n, host) {
		return "the host's"
	}
	return netnsName(n)
}
