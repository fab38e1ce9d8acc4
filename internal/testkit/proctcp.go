package testkit

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// entry is one line of /proc/net/tcp or tcp6, as far as makers need it.
type entry struct {
	local, remote uint16 // ports
	state         int
	timeWait      bool // the state is that of a TIME_WAIT mini-socket
}

// What awaitState looks for instead of a state: a TIME_WAIT mini-socket,
// whatever state it stands for; no socket at all.
const (
	timeWait = -1
	gone     = -2
)

// awaitState waits until the side has a socket with these ports in the state
// (unix.BPF_TCP_…), or as timeWait and gone say.
func (r *run) awaitState(s side, local, remote uint16, state int) error {
	file := "tcp"
	if s.addr.Is6() {
		file = "tcp6"
	}
	what := fmt.Sprintf("port %d to reach state %d", local, state)
	return poll(what, func() (found bool, err error) {
		err = s.node.Do(func() error {
			data, err := os.ReadFile("/proc/thread-self/net/" + file)
			if err != nil {
				return err
			}
			found = state == gone
			for _, e := range entries(string(data)) {
				if e.local == local && e.remote == remote {
					found = e.state == state || state == timeWait && e.timeWait
				}
			}
			return nil
		})
		return found, err
	})
}

func entries(text string) []entry {
	var all []entry
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 6 || !strings.HasSuffix(f[0], ":") {
			continue
		}
		state, _ := strconv.ParseInt(f[3], 16, 32)
		// Timer 3 is that of a mini-socket.
		e := entry{local: portOf(f[1]), remote: portOf(f[2]), state: int(state), timeWait: strings.HasPrefix(f[5], "03:")}
		if e.timeWait {
			e.state = unix.BPF_TCP_TIME_WAIT
		}
		all = append(all, e)
	}
	return all
}

func portOf(hex string) uint16 {
	_, digits, _ := strings.Cut(hex, ":")
	port, _ := strconv.ParseUint(digits, 16, 16)
	return uint16(port)
}
