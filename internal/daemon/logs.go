package daemon

import (
	"io"
	"log/slog"

	"github.com/rstwatch/rstwatch/internal/classic"
	"github.com/rstwatch/rstwatch/internal/config"
	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/rotate"
	"github.com/rstwatch/rstwatch/internal/rules"
)

// ClassicOptions are the settings of the classic log as its writer takes them.
func ClassicOptions(c config.Classic) classic.Options {
	return classic.Options{
		Prefix: c.Prefix, Level: c.Level, TCPSequence: c.TCPSequence, TCPOptions: c.TCPOptions,
		IPOptions: c.IPOptions, UID: c.UID, MACDecode: c.MACDecode,
	}
}

// The events of control lines between which the resets were imported: a start of
// the daemon ends what an import that was killed has begun.
const (
	ImportBegins = "import"
	ImportEnds   = "imported"
	startEvent   = "start"
)

// ClassicLines returns what turns an entry into lines of the classic log: one
// for each reset or, with rules, one for each rule that logs it. What was
// imported is left out: it has a log of its own, which may be this one.
func ClassicLines(options classic.Options, set *rules.Set) func([]byte, *reset.Entry) []byte {
	imported := false
	return func(b []byte, e *reset.Entry) []byte {
		if c := e.Control; c != nil {
			imported = c.Event == ImportBegins || imported && c.Event != ImportEnds && c.Event != startEvent
		}
		r := e.Reset
		if r == nil || r.Revision != 1 || imported {
			return b
		}
		if set == nil {
			return appendClassic(b, r, options)
		}
		set.Matches(r, func(rule *rules.Rule) { b = appendClassic(b, r, rule.Options()) })
		return b
	}
}

func appendClassic(b []byte, r *reset.Reset, options classic.Options) []byte {
	if !r.Time.IsZero() { // no time is made up for what was read from a log without one
		b = classic.AppendSyslogHead(b, r.Time.Std().Local(), r.Host)
	}
	return append(classic.AppendLine(b, r, options), '\n')
}

// JSONLines turns an entry into a line of JSON.
func JSONLines(b []byte, e *reset.Entry) []byte { return append(reset.AppendJSON(b, e), '\n') }

// lineWriter makes an output's write function of a format.
func lineWriter(w io.Writer, format func([]byte, *reset.Entry) []byte) func(*reset.Entry) error {
	var buffer []byte
	return func(e *reset.Entry) error {
		buffer = format(buffer[:0], e)
		if len(buffer) == 0 {
			return nil
		}
		_, err := w.Write(buffer)
		return err
	}
}

// textLog is a rotating log file that follows the journal.
type textLog struct {
	*output
	file *rotate.Writer
}

func openTextLog(name string, c rotate.Config, dir string, since reset.Time, format func([]byte, *reset.Entry) []byte, log *slog.Logger) (*textLog, error) {
	c.Log = log
	file, err := rotate.Open(c)
	if err != nil {
		return nil, err
	}
	return &textLog{
		output: &output{name: name, dir: dir, since: since, log: log, again: true, write: lineWriter(file, format)},
		file:   file,
	}, nil
}

// openLogs opens the text logs that the settings name; with an error come those
// that were opened before it.
func openLogs(cfg *config.Config, since reset.Time, log *slog.Logger) (logs []*textLog, err error) {
	if cfg.Classic.File != "" {
		// The rules' limits have a state, so the log has a set of its own.
		var set *rules.Set
		if cfg.Capture.Rules != "" {
			if set, err = readRules(cfg.Capture.Rules); err != nil {
				return logs, err
			}
		}
		c := rotate.DefaultConfig(cfg.Classic.File)
		c.Keep, c.MaxBytes, c.Daily = cfg.Classic.Keep, int64(cfg.Classic.MaxBytes), cfg.Classic.Daily
		c.Compress, c.AppendOnly = cfg.Classic.Compress, cfg.Classic.AppendOnly
		l, err := openTextLog("classic", c, cfg.Journal.Dir, since, ClassicLines(ClassicOptions(cfg.Classic), set), log)
		if err != nil {
			return logs, err
		}
		logs = append(logs, l)
	}
	if cfg.JSONLog.File != "" {
		c := rotate.DefaultConfig(cfg.JSONLog.File)
		c.Keep, c.MaxBytes, c.Daily = cfg.JSONLog.Keep, int64(cfg.JSONLog.MaxBytes), cfg.JSONLog.Daily
		c.Compress, c.AppendOnly = cfg.JSONLog.Compress, cfg.JSONLog.AppendOnly
		l, err := openTextLog("json", c, cfg.Journal.Dir, since, JSONLines, log)
		if err != nil {
			return logs, err
		}
		logs = append(logs, l)
	}
	return logs, nil
}
