package daemon

import (
	"encoding/hex"
	"fmt"
	"log/slog"
	"log/syslog"
	"os"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// headsKeeper returns what keeps the heads of the journal's chain elsewhere:
// "" nowhere, "syslog", or the path of a file that only ever grows.
func headsKeeper(where string, log *slog.Logger) (func(string, [32]byte, reset.Time), error) {
	switch where {
	case "":
		return nil, nil
	case "syslog":
		writer, err := syslog.New(syslog.LOG_NOTICE|syslog.LOG_DAEMON, "rstwatch")
		if err != nil {
			return nil, fmt.Errorf("keeping the chain's heads in syslog: %w", err)
		}
		return func(segment string, head [32]byte, at reset.Time) {
			if err := writer.Notice("journal head " + segment + " " + hex.EncodeToString(head[:])); err != nil {
				log.Error("keeping the chain's head", "error", err)
			}
		}, nil
	}
	file, err := os.OpenFile(where, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640)
	if err != nil {
		return nil, fmt.Errorf("keeping the chain's heads: %w", err)
	}
	return func(segment string, head [32]byte, at reset.Time) {
		if _, err := fmt.Fprintf(file, "%s %x\n", segment, head); err != nil {
			log.Error("keeping the chain's head", "error", err)
		}
	}, nil
}
