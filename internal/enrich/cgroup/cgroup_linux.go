// Package cgroup finds the folder of a cgroup of version 2 by the number that
// the kernel gives with a socket, and the processes in it.
package cgroup

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// maxFolders bounds how many folders one walk reads.
const maxFolders = 50_000

// ErrUnknown means that no folder has that number: it is gone, or belongs to
// another hierarchy.
var ErrUnknown = errors.New("no such cgroup")

// Path returns the path of the cgroup with the given inode number, from the
// root of the hierarchy that is mounted at mount.
func Path(ctx context.Context, mount string, number uint64) (string, error) {
	path, err := byHandle(mount, number)
	if err != nil {
		path, err = byWalking(ctx, mount, number)
	}
	return path, err
}

// fileidKernfs is FILEID_KERNFS (include/linux/exportfs.h): a file handle that
// is the node's number, which kernfs takes since Linux 5.5.
const fileidKernfs = 0xfe

// byHandle opens the folder by its number, without a search. It needs
// CAP_DAC_READ_SEARCH, and a cgroup file system.
func byHandle(mount string, number uint64) (string, error) {
	root, err := unix.Open(mount, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", fmt.Errorf("opening %q: %w", mount, err)
	}
	defer unix.Close(root)
	var stat unix.Statfs_t
	if err := unix.Fstatfs(root, &stat); err != nil || stat.Type != unix.CGROUP2_SUPER_MAGIC {
		return "", ErrUnknown
	}
	handle := unix.NewFileHandle(fileidKernfs, binary.NativeEndian.AppendUint64(nil, number))
	fd, err := unix.OpenByHandleAt(root, handle, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC)
	if err != nil {
		return "", fmt.Errorf("opening cgroup %d: %w", number, err)
	}
	defer unix.Close(fd)
	path, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
	if err != nil {
		return "", fmt.Errorf("naming cgroup %d: %w", number, err)
	}
	within, ok := strings.CutPrefix(path, strings.TrimSuffix(mount, "/"))
	if !ok || strings.HasSuffix(path, " (deleted)") {
		return "", ErrUnknown
	}
	return within, nil
}

// byWalking reads folder after folder until one has the number.
func byWalking(ctx context.Context, mount string, number uint64) (string, error) {
	found, seen := "", 0
	err := filepath.WalkDir(mount, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return nil // it went while we looked; files have no part in this
		}
		if seen++; seen > maxFolders || ctx.Err() != nil {
			return fs.SkipAll
		}
		var stat unix.Stat_t
		if unix.Lstat(path, &stat) == nil && stat.Ino == number {
			found = strings.TrimPrefix(path, strings.TrimSuffix(mount, "/"))
			return fs.SkipAll
		}
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("reading cgroups below %q: %w", mount, err)
	}
	if found == "" {
		return "", ErrUnknown
	}
	return found, nil
}

// Mount returns where cgroup v2 is mounted: at root, or beside the old
// hierarchies.
func Mount(root string) string {
	var stat unix.Statfs_t
	beside := filepath.Join(root, "unified")
	if err := unix.Statfs(root, &stat); err == nil && stat.Type == unix.CGROUP2_SUPER_MAGIC {
		return root
	}
	if err := unix.Statfs(beside, &stat); err == nil && stat.Type == unix.CGROUP2_SUPER_MAGIC {
		return beside
	}
	return root
}

// maxProcesses bounds what is read of the list of processes.
const maxProcesses = 64 << 10 // bytes

// Processes returns processes of the cgroup with the given path, those at the
// beginning of a long list.
func Processes(mount, path string) ([]uint32, error) {
	file, err := os.Open(filepath.Join(mount, path, "cgroup.procs"))
	if err != nil {
		return nil, fmt.Errorf("reading processes of cgroup: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxProcesses))
	if err != nil {
		return nil, fmt.Errorf("reading processes of cgroup: %w", err)
	}
	var list []uint32
	for _, word := range strings.Fields(string(text)) {
		if pid, err := strconv.ParseUint(word, 10, 32); err == nil && pid > 0 { // 0: of another pid namespace
			list = append(list, uint32(pid))
		}
	}
	return list, nil
}
