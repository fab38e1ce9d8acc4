package main

import (
	"bytes"
	"compress/gzip"
	"debug/elf"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// image is an initial file system in the making: what the kernel unpacks before it starts /init.
type image struct {
	out   io.Writer
	made  map[string]bool // directories and files that are in
	inode int
	err   error
}

func newImage(out io.Writer) *image { return &image{out: out, made: map[string]bool{"/": true}} }

// entry writes one entry in the format that the kernel calls newc (Documentation/driver-api/early-userspace):
//
//	+--------+------------------------------------------------+----------+-----+-------+-----+
//	| 070701 | 13 numbers of 8 hexadecimal digits: inode,     | name     | pad | data  | pad |
//	|        | mode, uid, gid, links, mtime, size, device x4, | with NUL | to  |       | to  |
//	|        | length of the name, 0                          |          | 4   |       | 4   |
//	+--------+------------------------------------------------+----------+-----+-------+-----+
func (m *image) entry(name string, mode uint32, data []byte) {
	if m.err != nil {
		return
	}
	m.inode++
	name = strings.TrimPrefix(name, "/")
	var b bytes.Buffer
	fmt.Fprintf(&b, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s\x00",
		m.inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name)+1, 0, name)
	b.Write(make([]byte, -b.Len()&3))
	b.Write(data)
	b.Write(make([]byte, -b.Len()&3))
	_, m.err = m.out.Write(b.Bytes())
}

// Modes of entries: the type of the file and its rights.
const (
	modeDirectory = 0o040755
	modeFile      = 0o100755
	modeLink      = 0o120777
)

func (m *image) directory(path string) {
	path = filepath.Clean(path)
	if m.made[path] {
		return
	}
	m.directory(filepath.Dir(path))
	m.made[path] = true
	m.entry(path, modeDirectory, nil)
}

func (m *image) write(path string, data []byte) {
	m.directory(filepath.Dir(path))
	m.made[path] = true
	m.entry(path, modeFile, data)
}

func (m *image) link(path, target string) {
	m.directory(filepath.Dir(path))
	m.made[path] = true
	m.entry(path, modeLink, []byte(target))
}

// copy takes a file of this machine.
func (m *image) copy(path, from string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("filling the image: %w", err)
	}
	m.write(path, data)
	return nil
}

// libraries are where Debian keeps shared libraries.
var libraries = []string{"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu"}

// program takes a program of this machine with the libraries that it is linked with, to the same paths.
func (m *image) program(path string) error {
	if m.made[path] {
		return nil
	}
	if err := m.copy(path, path); err != nil {
		return err
	}
	file, err := elf.Open(path)
	if err != nil {
		return fmt.Errorf("reading program %s: %w", path, err)
	}
	defer file.Close()
	needed, err := file.ImportedLibraries()
	if err != nil {
		return fmt.Errorf("reading program %s: %w", path, err)
	}
	if section := file.Section(".interp"); section != nil {
		loader, err := section.Data()
		if err != nil {
			return fmt.Errorf("reading program %s: %w", path, err)
		}
		at := string(bytes.TrimRight(loader, "\x00"))
		if !m.made[at] {
			if err := m.copy(at, at); err != nil {
				return err
			}
		}
	}
	for _, name := range needed {
		at := slices.IndexFunc(libraries, func(d string) bool { _, err := os.Stat(filepath.Join(d, name)); return err == nil })
		if at < 0 {
			return fmt.Errorf("program %s: no library %s here", path, name)
		}
		if err := m.program(filepath.Join(libraries[at], name)); err != nil {
			return err
		}
	}
	return nil
}

// close ends the archive.
func (m *image) close() error {
	m.entry("TRAILER!!!", 0, nil)
	return m.err
}

// suite is something to run in the machine.
type suite struct {
	name    string
	limit   string // a Go duration
	command []string
}

// buildImage writes the initial file system for one kernel: init, the suites' programs from binaries, the tools of
// this machine that tests call, and the kernel's modules.
func buildImage(path string, k kernelFiles, binaries string, suites []suite) (err error) {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := file.Close(); err == nil {
			err = closeErr
		}
	}()
	packed := gzip.NewWriter(file)
	m := newImage(packed)
	if err := m.fill(k, binaries, suites); err != nil {
		return err
	}
	if err := m.close(); err != nil {
		return fmt.Errorf("writing the image: %w", err)
	}
	return packed.Close()
}

func (m *image) fill(k kernelFiles, binaries string, suites []suite) error {
	for _, directory := range []string{"/proc", "/sys", "/dev", "/run", "/tmp", "/var", "/etc"} {
		m.directory(directory)
	}
	programs, err := filepath.Glob(filepath.Join(binaries, "*"))
	if err != nil {
		return err
	}
	for _, from := range programs {
		if err := m.copy("/"+filepath.Base(from), from); err != nil {
			return err
		}
	}
	if err := m.tools(); err != nil {
		return err
	}
	modules, err := k.modules()
	if err != nil {
		return err
	}
	var order, list strings.Builder
	for _, module := range modules {
		data, err := module.read()
		if err != nil {
			return err
		}
		to := "/modules/" + module.name + ".ko"
		m.write(to, data)
		fmt.Fprintln(&order, to)
	}
	for _, s := range suites {
		fmt.Fprintln(&list, strings.Join(append([]string{s.name, s.limit}, s.command...), "\t"))
	}
	m.write("/etc/rstwatch/modules", []byte(order.String()))
	m.write("/etc/rstwatch/suites", []byte(list.String()))
	return m.err
}

// tools takes what the tests call: iptables with its extensions, nft, ip, ss,
// nsenter, a shell.
func (m *image) tools() error {
	for _, name := range []string{"xtables-nft-multi", "nft", "ip", "ss", "nsenter", "sh"} {
		path, err := exec.LookPath(name)
		if err != nil {
			return fmt.Errorf("filling the image: %w", err)
		}
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return err
		}
		if err := m.program(path); err != nil {
			return err
		}
		if call := "/usr/bin/" + name; !m.made[call] {
			m.link(call, path)
		}
		if name == "xtables-nft-multi" {
			m.link("/usr/sbin/iptables", path)
			m.link("/usr/sbin/ip6tables", path)
		}
	}
	m.link("/bin/sh", "/usr/bin/sh")
	extensions, err := filepath.Glob("/usr/lib/x86_64-linux-gnu/xtables/*.so")
	if err != nil {
		return err
	}
	for _, path := range extensions {
		if err := m.program(path); err != nil {
			return err
		}
	}
	return nil
}
