package journal

import (
	"io"
	"io/fs"
)

// FS is what the journal needs of a file system. Paths are whole. The one for
// real disks is Disk; tests pass others, whose writes fail and whose power
// goes.
type FS interface {
	// MakeDir makes the directory and its parents, mode 0750, if it is not there.
	MakeDir(dir string) error
	// Names returns the names in the directory, in any order.
	Names(dir string) ([]string, error)
	// Create makes a new file, mode 0640, with the directory's group, to append
	// to. It is an error if the file exists.
	Create(path string) (File, error)
	// Append opens a file that exists, to append to.
	Append(path string) (File, error)
	// Open opens a file to read.
	Open(path string) (ReadFile, error)
	// Rename gives a file a new name, at which no file exists.
	Rename(from, to string) error
	// Remove deletes a file.
	Remove(path string) error
	// SyncDir must not return until what was created, renamed and removed in
	// the directory is durable.
	SyncDir(dir string) error
	// SetAppendOnly sets or lifts the append-only attribute. It returns an error
	// that wraps errors.ErrUnsupported where the file system has none, and
	// fs.ErrPermission where the process may not.
	SetAppendOnly(path string, on bool) error
	// Lock takes the directory for one writer until the closer is closed or the
	// process ends. It returns a *LockedError if another process has it.
	Lock(dir string) (io.Closer, error)
}

// File is a file being written.
type File interface {
	// Write appends. On error it returns how many bytes were appended.
	io.Writer
	// Sync must not return until what was written is durable.
	Sync() error
	Size() (int64, error)
	io.Closer
}

// ReadFile is a file being read, perhaps while it grows.
type ReadFile interface {
	io.ReaderAt
	Size() (int64, error)
	io.Closer
}

// errNotThere is what FS returns, wrapped, for a file that does not exist.
var errNotThere = fs.ErrNotExist

// shut closes what was only read, or what holds nothing that could be lost.
func shut(c io.Closer) { _ = c.Close() }
