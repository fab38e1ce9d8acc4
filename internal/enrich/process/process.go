// Package process adds to a record what /proc says of the process that owned
// the socket, while it is still there.
package process

import (
	"bufio"
	"bytes"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// keepFor is how long what /proc said of a process is believed: shorter than a
// process id takes to be used again.
const keepFor = time.Second

// maxKept bounds the memory of a Reader.
const maxKept = 1024

// Reader reads /proc and remembers for a moment. It is not safe for concurrent
// use.
type Reader struct {
	root string // "/proc"
	now  func() time.Time
	kept map[uint32]kept
}

type kept struct {
	at       time.Time
	exe      string
	uid, gid reset.Opt[uint32]
}

// New returns a reader of the /proc at root.
func New(root string) *Reader {
	return &Reader{root: root, now: time.Now, kept: make(map[uint32]kept)}
}

// Fill adds the executable, and the user and group where they are not known
// yet. A process that is gone leaves the record as it is.
func (r *Reader) Fill(p *reset.Process) {
	if p == nil || !p.PID.OK {
		return
	}
	k, ok := r.kept[p.PID.V]
	if now := r.now(); !ok || now.Sub(k.at) > keepFor {
		k = r.read(p.PID.V, now)
		if len(r.kept) >= maxKept {
			clear(r.kept)
		}
		r.kept[p.PID.V] = k
	}
	if p.Exe == "" {
		p.Exe = k.exe
	}
	if !p.UID.OK {
		p.UID = k.uid
	}
	if !p.GID.OK {
		p.GID = k.gid
	}
}

func (r *Reader) read(pid uint32, now time.Time) kept {
	k := kept{at: now}
	dir := r.root + "/" + strconv.FormatUint(uint64(pid), 10)
	if exe, err := os.Readlink(dir + "/exe"); err == nil {
		k.exe = strings.ToValidUTF8(strings.TrimSuffix(exe, " (deleted)"), "?")
	}
	status, err := os.ReadFile(dir + "/status")
	if err != nil {
		return k
	}
	lines := bufio.NewScanner(bytes.NewReader(status))
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 3 {
			continue
		}
		// The second number is the effective id (proc(5)).
		switch fields[0] {
		case "Uid:":
			k.uid = number(fields[2])
		case "Gid:":
			k.gid = number(fields[2])
		}
	}
	return k
}

func number(text string) reset.Opt[uint32] {
	v, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return reset.Opt[uint32]{}
	}
	return reset.Some(uint32(v))
}
