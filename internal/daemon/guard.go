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
//
// It is no life sentence. Another kernel starts with the best sensor again, and
// so does, one sensor at a time, a kernel under which the lower one went well
// for some boots: two after the first crash, and twice as many after each
// further one, so that a sensor that does crash the machine cannot go on and on.
type guard struct {
	path   string
	kernel string
	last   guardState // what the last start left, with what this one makes of it
}

// trusted is how long a sensor must run before it is no longer suspected.
const trusted = 10 * time.Minute

type guardState struct {
	BootID    string `json:"boot_id"`
	Sensor    string `json:"sensor"`
	Kernel    string `json:"kernel"`    // its release: another one may be without the fault
	Lower     int    `json:"lower"`     // how many sensors were left out at this start
	Crashes   int    `json:"crashes"`   // of the machine soon after a start, with this kernel
	Clean     int    `json:"clean"`     // boots since the last of them that went well
	Confirmed bool   `json:"confirmed"` // ran for long enough, or was stopped cleanly
}

func newGuard(dir, kernel string) *guard {
	return &guard{path: filepath.Join(dir, "start.json"), kernel: kernel}
}

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
	if err != nil || boot == "" || state.Kernel != "" && state.Kernel != g.kernel {
		return 0, ""
	}
	g.last = state
	switch {
	case state.BootID == boot: // the program ended, not the machine
		return state.Lower, g.lowered(state)
	case !state.Confirmed:
		g.last.Crashes, g.last.Clean = state.Crashes+1, 0
		return state.Lower + 1, fmt.Sprintf("the machine probably went down uncleanly, since sensor %q had neither run for %v nor been stopped: "+
			"starting one sensor lower; to try it again at once, remove %s", state.Sensor, trusted, g.path)
	case state.Lower == 0:
		return 0, ""
	}
	g.last.Clean++
	if g.last.Clean >= g.last.patience() {
		g.last.Clean = 0
		return state.Lower - 1, fmt.Sprintf("trying a better sensor than %q again, which the machine may have gone down with", state.Sensor)
	}
	return state.Lower, g.lowered(g.last)
}

// patience is how many boots must go well before a better sensor is tried.
func (s *guardState) patience() int { return 1 << min(s.Crashes, 16) }

func (g *guard) lowered(state guardState) string {
	if state.Lower == 0 {
		return ""
	}
	return fmt.Sprintf("still starting with sensor %q, since the machine may have gone down uncleanly after the start of a better one: "+
		"%d boots of %d went well until that is tried again; to try it at once, remove %s", state.Sensor, state.Clean, state.patience(), g.path)
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
	return g.save(boot, sensor, lower, false)
}

// confirm notes that the sensor is trusted.
func (g *guard) confirm(boot, sensor string, lower int) error {
	return g.save(boot, sensor, lower, true)
}

func (g *guard) save(boot, sensor string, lower int, confirmed bool) error {
	state := guardState{
		BootID: boot, Sensor: sensor, Kernel: g.kernel, Lower: lower, Confirmed: confirmed,
		Crashes: g.last.Crashes, Clean: g.last.Clean,
	}
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
