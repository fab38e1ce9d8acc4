// Package process adds to a record what /proc says of the process that owned
// the socket, while it is still there.
package process

import (
	"bufio"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
)

// keepFor is how long what /proc said of a process is believed: shorter than a
// process id takes to be used again.
const keepFor = time.Second

// rememberFor is how long one that has gone is still named by what was read of
// it, if it bore the name that the record has: a process that ends resets its
// connections when /proc has already forgotten it.
const rememberFor = time.Minute

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
	at       time.Time // of the last look
	read     time.Time // of the last look that found it
	comm     string
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
		k = r.refresh(k, p.PID.V, now)
		if len(r.kept) >= maxKept {
			clear(r.kept)
		}
		r.kept[p.PID.V] = k
	}
	if k.comm != p.Comm && k.read != k.at {
		return // what was read may be of an earlier process of this number
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

// refresh looks anew. Of a process that has gone, what was known stays for a
// while.
func (r *Reader) refresh(old kept, pid uint32, now time.Time) kept {
	p, ok := Read(r.root, pid)
	if !ok {
		if now.Sub(old.read) > rememberFor {
			return kept{at: now, read: now} // nothing: that is known now
		}
		old.at = now
		return old
	}
	if p.Exe == "" && old.comm == p.Comm && now.Sub(old.read) <= rememberFor {
		p.Exe = old.exe // a process that is ending has given up its memory, and with it its program
	}
	return kept{at: now, read: now, comm: p.Comm, exe: p.Exe, uid: p.UID, gid: p.GID}
}

// maxStatus bounds what is read of a status file.
const maxStatus = 64 << 10

// Read returns what the /proc at root says of a process now: all but its
// arguments. It reports false for one that is gone.
func Read(root string, pid uint32) (reset.Process, bool) {
	p := reset.Process{PID: reset.Some(pid)}
	dir := root + "/" + strconv.FormatUint(uint64(pid), 10)
	file, err := os.Open(dir + "/status")
	if err != nil {
		return p, false
	}
	defer file.Close()
	if exe, err := os.Readlink(dir + "/exe"); err == nil {
		p.Exe = strings.ToValidUTF8(strings.TrimSuffix(exe, " (deleted)"), "?")
	}
	lines := bufio.NewScanner(io.LimitReader(file, maxStatus))
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		fields := strings.Fields(value)
		switch {
		case name == "Name":
			p.Comm = strings.ToValidUTF8(strings.TrimPrefix(value, "\t"), "?")
		case len(fields) < 2:
		// The second number is the effective id (proc(5)).
		case name == "Uid":
			p.UID = number(fields[1])
		case name == "Gid":
			p.GID = number(fields[1])
		}
	}
	return p, true
}

func number(text string) reset.Opt[uint32] {
	v, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return reset.Opt[uint32]{}
	}
	return reset.Some(uint32(v))
}
