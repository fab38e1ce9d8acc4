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
		return state.Lower, lowered(state.Lower, state.Sensor)
	case state.BootID == boot:
		return state.Lower, "" // the program ended, not the machine
	}
	return state.Lower + 1, fmt.Sprintf("the machine went down uncleanly within %v of the start of sensor %q: "+
		"starting one sensor lower; to try it again, remove %s", trusted, state.Sensor, g.path)
}

func lowered(by int, sensor string) string {
	if by == 0 {
		return ""
	}
	return fmt.Sprintf("still starting with sensor %q, since an earlier one was followed by an unclean reboot", sensor)
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
