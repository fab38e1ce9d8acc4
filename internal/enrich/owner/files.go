package owner

import (
	"context"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// chunk is how many open files are read at a time.
const chunk = 512

// sockets calls visit with the number of every socket among a process's open
// files, until visit returns false. The error tells that the time was up; a
// process that is gone, or whose files may not be read, has none.
func (f *Finder) sockets(ctx context.Context, pid uint32, visit func(inode uint64) bool) error {
	folder, err := os.Open(f.cfg.Proc + "/" + strconv.FormatUint(uint64(pid), 10) + "/fd")
	if err != nil {
		return nil
	}
	defer folder.Close()
	var target [64]byte
	for {
		if err := f.budget.take(ctx, 1); err != nil { // a folder costs, too
			return err
		}
		names, end := folder.Readdirnames(chunk) // an error, too, is the end: it went while we looked
		if err := f.budget.take(ctx, len(names)); err != nil {
			return err
		}
		f.files.Add(uint64(len(names)))
		for _, name := range names {
			n, err := unix.Readlinkat(int(folder.Fd()), name, target[:])
			if err != nil {
				continue
			}
			if inode, ok := socketNumber(target[:n]); ok && !visit(inode) {
				return nil
			}
		}
		if end != nil {
			return nil
		}
	}
}

// socketNumber reads "socket:[NUMBER]" (proc(5)).
func socketNumber(target []byte) (uint64, bool) {
	const head, tail = "socket:[", "]"
	if len(target) <= len(head)+len(tail) || string(target[:len(head)]) != head || target[len(target)-1] != tail[0] {
		return 0, false
	}
	inode, err := strconv.ParseUint(string(target[len(head):len(target)-1]), 10, 64)
	return inode, err == nil
}

// processes returns those that run, the newest numbers first: of a parent and
// the child to which it handed a connection, the child comes first.
func (f *Finder) processes() []uint32 {
	folder, err := os.Open(f.cfg.Proc)
	if err != nil {
		return nil
	}
	defer folder.Close()
	names, err := folder.Readdirnames(-1)
	if err != nil && len(names) == 0 {
		return nil
	}
	var list []uint32
	for _, name := range names {
		if strings.TrimLeft(name, "0123456789") != "" {
			continue
		}
		if pid, err := strconv.ParseUint(name, 10, 32); err == nil {
			list = append(list, uint32(pid))
		}
	}
	slices.Sort(list)
	slices.Reverse(list)
	return list
}
