package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// guard remembers, across a crash of the whole machine, that a sensor had only
// just been started: then the next start begins one sensor lower and says so,
// since the sensor may be what crashed it.
type guard struct{ path string }

// trusted is how long a sensor must run before it is no longer suspected.
const trusted = 10 * time.Minute

type guardState struct {
	BootID    string `json:"boot_id"`
	Sensor    string `json:"sensor"`
	Lower     int    `json:"lower"`     // how many sensors were left out at this start
	Confirmed bool   `json:"confirmed"` // ran for long enough, or was stopped cleanly
}

func newGuard(dir string) *guard { return &guard{path: filepath.Join(dir, "start.json")} }

// check returns how many sensors to leave out, and why.
func (g *guard) check(boot string) (lower int, why string) {
	text, err := os.ReadFile(g.path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, ""
	}
	var state guardState
	if err == nil {
		err = json.Unmarshal(text, &state)
	}
	switch {
	case err != nil, boot == "":
		return 0, ""
	case state.Confirmed:
		return state.Lower, g.lowered(state)
	case state.BootID == boot:
		return state.Lower, "" // the program ended, not the machine
	}
	return state.Lower + 1, fmt.Sprintf("the machine probably went down uncleanly, since sensor %q had neither run for %v nor been stopped: "+
		"starting one sensor lower; to try it again, remove %s", state.Sensor, trusted, g.path)
}

func (g *guard) lowered(state guardState) string {
	if state.Lower == 0 {
		return ""
	}
	return fmt.Sprintf("still starting with sensor %q, since the machine may have gone down uncleanly after the start of a better one; "+
		"to try that again, remove %s", state.Sensor, g.path)
}

// begin notes a sensor that is about to be tried, and returns what takes the
// note back if there is no start after all.
func (g *guard) begin(boot, sensor string, lower int) (restore func(), err error) {
	before, readErr := os.ReadFile(g.path)
	restore = func() {
		if readErr != nil {
			os.Remove(g.path)
			return
		}
		os.WriteFile(g.path, before, 0o640)
	}
	return restore, g.start(boot, sensor, lower)
}

// start notes that a sensor begins; it is on the disk when start returns.
func (g *guard) start(boot, sensor string, lower int) error {
	return g.save(guardState{BootID: boot, Sensor: sensor, Lower: lower})
}

// confirm notes that the sensor is trusted.
func (g *guard) confirm(boot, sensor string, lower int) error {
	return g.save(guardState{BootID: boot, Sensor: sensor, Lower: lower, Confirmed: true})
}

func (g *guard) save(state guardState) error {
	text, err := json.Marshal(state)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(g.path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return fmt.Errorf("noting the start: %w", err)
	}
	_, err = file.Write(append(text, '\n'))
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(g.path+".new", g.path)
	}
	if err != nil {
		return fmt.Errorf("noting the start: %w", err)
	}
	return nil
}
