package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
)

// memFS is a file system in memory that tells what is durable from what is
// not, fills up, and dies at a chosen step.
type memFS struct {
	mu    sync.Mutex
	names map[string]*memFile
	// durable are the names at the last SyncDir; renames holds what was done to
	// them since, in order.
	durable map[string]*memFile
	since   []func(map[string]*memFile)

	steps   int // operations that change something
	dieAt   int // the step at which the process dies; 0: never
	dead    bool
	random  *rand.Rand
	room    int // bytes that can still be written
	locked  bool
	protect map[*memFile]bool
}

type memFile struct {
	content []byte
	synced  int // bytes
}

var errDead = errors.New("the process is dead")

func newMemFS(seed uint64) *memFS {
	return &memFS{
		names: map[string]*memFile{}, durable: map[string]*memFile{}, protect: map[*memFile]bool{},
		random: rand.New(rand.NewPCG(seed, 1)), room: 1 << 30,
	}
}

// step counts an operation that changes something, and says whether the process
// dies in it.
func (m *memFS) step() error {
	if m.dead {
		return errDead
	}
	m.steps++
	if m.dieAt != 0 && m.steps >= m.dieAt {
		m.dead = true
		return errDead
	}
	return nil
}

// killed returns the file system after kill -9: what was written is there.
func (m *memFS) killed() *memFS {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := newMemFS(m.random.Uint64())
	for name, f := range m.names {
		c := &memFile{content: slices.Clone(f.content), synced: f.synced}
		n.names[name] = c
		if m.protect[f] {
			n.protect[c] = true
		}
	}
	n.durable = cloneNames(n.names)
	n.room = m.room
	return n
}

// unpowered returns the file system after loss of power: of the names, some
// first part of what was done since the last SyncDir; of each file, what was
// synced, and of the rest a first part, cut short or with a hole.
func (m *memFS) unpowered() *memFS {
	m.mu.Lock()
	defer m.mu.Unlock()
	names := cloneNames(m.durable)
	for _, do := range m.since[:m.random.IntN(len(m.since)+1)] {
		do(names)
	}
	n := newMemFS(m.random.Uint64())
	done := map[*memFile]*memFile{}
	for name, f := range names {
		if done[f] == nil {
			keep := f.synced + m.random.IntN(len(f.content)-f.synced+1)
			c := slices.Clone(f.content[:keep])
			if keep > f.synced && m.random.IntN(3) == 0 {
				hole := f.synced + m.random.IntN(keep-f.synced)
				clear(c[hole : hole+m.random.IntN(keep-hole+1)])
			}
			done[f] = &memFile{content: c, synced: keep}
		}
		n.names[name] = done[f]
	}
	n.durable = cloneNames(n.names)
	n.room = m.room
	return n
}

func cloneNames(names map[string]*memFile) map[string]*memFile {
	c := make(map[string]*memFile, len(names))
	for name, f := range names {
		c[name] = f
	}
	return c
}

func (m *memFS) change(do func(map[string]*memFile)) {
	do(m.names)
	m.since = append(m.since, do)
}

func (m *memFS) MakeDir(string) error { return nil }

func (m *memFS) Names(dir string) (names []string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name := range m.names {
		if filepath.Dir(name) == dir {
			names = append(names, filepath.Base(name))
		}
	}
	return names, nil
}

func (m *memFS) Create(path string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.step(); err != nil {
		return nil, err
	}
	if m.names[path] != nil {
		return nil, fs.ErrExist
	}
	f := &memFile{}
	m.change(func(names map[string]*memFile) { names[path] = f })
	return &memHandle{m, f}, nil
}

func (m *memFS) Append(path string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.names[path] == nil {
		return nil, fs.ErrNotExist
	}
	return &memHandle{m, m.names[path]}, nil
}

func (m *memFS) Open(path string) (ReadFile, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.names[path] == nil {
		return nil, fs.ErrNotExist
	}
	return &memHandle{m, m.names[path]}, nil
}

func (m *memFS) Rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.step(); err != nil {
		return err
	}
	f := m.names[from]
	if f == nil || m.names[to] != nil {
		return fmt.Errorf("rename %q to %q: %w", from, to, fs.ErrInvalid)
	}
	if m.protect[f] {
		return fs.ErrPermission
	}
	m.change(func(names map[string]*memFile) {
		if names[from] != nil {
			names[to] = names[from]
			delete(names, from)
		}
	})
	return nil
}

func (m *memFS) Remove(path string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.step(); err != nil {
		return err
	}
	f := m.names[path]
	if f == nil {
		return fs.ErrNotExist
	}
	if m.protect[f] {
		return fs.ErrPermission
	}
	m.room += len(f.content)
	m.change(func(names map[string]*memFile) { delete(names, path) })
	return nil
}

func (m *memFS) SyncDir(string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.step(); err != nil {
		return err
	}
	m.durable, m.since = cloneNames(m.names), nil
	return nil
}

func (m *memFS) SetAppendOnly(path string, on bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.names[path]
	if f == nil {
		return fs.ErrNotExist
	}
	if m.protect[f] == on {
		return nil
	}
	if err := m.step(); err != nil {
		return err
	}
	m.protect[f] = on
	return nil
}

func (m *memFS) Lock(dir string) (io.Closer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.locked {
		return nil, &LockedError{Dir: dir}
	}
	m.locked = true
	return memLock{m}, nil
}

type memLock struct{ m *memFS }

func (l memLock) Close() error {
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	l.m.locked = false
	return nil
}

type memHandle struct {
	m *memFS
	f *memFile
}

// Write appends; the process may die having written a part, and a disk that is
// full takes a part.
func (h *memHandle) Write(b []byte) (int, error) {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	wasDead := h.m.dead
	err := h.m.step()
	n := len(b)
	switch {
	case wasDead:
		return 0, err
	case err != nil:
		n = h.m.random.IntN(len(b) + 1)
	case h.m.room < len(b):
		n, err = h.m.room, syscall.ENOSPC
	}
	h.m.room -= n
	h.f.content = append(h.f.content, b[:n]...)
	return n, err
}

func (h *memHandle) ReadAt(b []byte, off int64) (int, error) {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	if off >= int64(len(h.f.content)) {
		return 0, io.EOF
	}
	n := copy(b, h.f.content[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (h *memHandle) Sync() error {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	if err := h.m.step(); err != nil {
		return err
	}
	h.f.synced = len(h.f.content)
	return nil
}

func (h *memHandle) Size() (int64, error) {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	return int64(len(h.f.content)), nil
}

func (h *memHandle) Close() error { return nil }
