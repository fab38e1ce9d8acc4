package testkit

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// childEnv, where set, makes this binary a child that holds a connection: PATH
// of its namespace, address to listen on, and mode.
const childEnv = "RSTWATCH_TESTKIT_CHILD"

// A child is the test binary itself, since a process that is killed must be
// another one. Only a variable that nobody sets by accident turns it into one.
func init() {
	job := os.Getenv(childEnv)
	if job == "" {
		return
	}
	if err := child(job); err != nil {
		fmt.Fprintln(os.Stderr, "testkit child:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// child listens, takes one connection as its mode says, says so, and does what
// its mode says when its standard input ends. It never reads from the
// connection.
//
//	unread  leaves with the peer's data unread
//	linger  leaves with SO_LINGER of zero seconds set
//	listen  does not even accept it, and leaves
//	thread  lets another thread than the first close it, and stays
//	exec    becomes another program, which closes it
//	hog     takes memory until it is killed
func child(job string) error {
	fields := strings.Fields(job)
	if len(fields) != 3 {
		return fmt.Errorf("job %q: not PATH ADDRESS MODE", job)
	}
	mode := fields[2]
	fd, err := childListens(fields[0], fields[1])
	if err != nil {
		return err
	}
	fmt.Println("listening")
	listener := &sock{fd: fd}
	if mode == "listen" {
		if err := listener.awaitQueued(1); err != nil {
			return err
		}
		return childEnds(mode, nil)
	}
	conn, err := listener.accept()
	if err != nil {
		return err
	}
	closeFD(fd)
	if mode == "linger" {
		linger := unix.Linger{Onoff: 1}
		err = unix.SetsockoptLinger(conn.fd, unix.SOL_SOCKET, unix.SO_LINGER, &linger)
	} else {
		err = conn.awaitUnread(1)
	}
	if err != nil {
		return err
	}
	return childEnds(mode, conn)
}

func childListens(path, address string) (fd int, err error) {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return -1, err
	}
	ns, err := os.Open(path)
	if err != nil {
		return -1, err
	}
	defer ns.Close()
	domain := unix.AF_INET
	if at.Addr().Is6() {
		domain = unix.AF_INET6
	}
	err = InNamespace(int(ns.Fd()), func() error {
		fd, err = unix.Socket(domain, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		return err
	})
	if err == nil {
		err = unix.Bind(fd, sockaddr(at))
	}
	if err == nil {
		err = unix.Listen(fd, 1)
	}
	return fd, err
}

// childEnds says that the child holds its connection, waits and ends.
func childEnds(mode string, conn *sock) error {
	fmt.Println("holding")
	_, _ = io.Copy(io.Discard, os.Stdin)
	switch mode {
	case "thread":
		done := make(chan error)
		go func() {
			runtime.LockOSThread() // another than main's, which init has locked
			done <- conn.close()
		}()
		if err := <-done; err != nil {
			return err
		}
		for { // until it is killed
			_ = unix.Pause()
		}
	case "exec":
		return unix.Exec("/bin/sleep", []string{"sleep", "60"}, nil)
	case "hog":
		for {
			block := make([]byte, 1<<20)
			for i := 0; i < len(block); i += 4096 {
				block[i] = 1
			}
			hogged = append(hogged, block)
		}
	}
	return nil
}

// hogged keeps what a child that takes memory has taken.
var hogged [][]byte

// holder is a child process with a connection.
type holder struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	lines  *bufio.Reader
	cgroup string // made for it
}

func startHolder(n *Node, address netip.AddrPort, mode string) (*holder, error) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{childEnv + "=" + n.Path + " " + address.String() + " " + mode}
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting a child: %w", err)
	}
	h := &holder{cmd: cmd, stdin: stdin, lines: bufio.NewReader(stdout)}
	if err := h.await("listening"); err != nil {
		h.stop()
		return nil, err
	}
	return h, nil
}

// awaitHolding waits until the child holds its connection.
func (h *holder) awaitHolding() error { return h.await("holding") }

func (h *holder) await(word string) error {
	line, err := h.lines.ReadString('\n')
	if err != nil || line != word+"\n" {
		return fmt.Errorf("child said %q instead of %s: %w", line, word, err)
	}
	return nil
}

// tell lets the child end as its mode says.
func (h *holder) tell() error { return h.stdin.Close() }

// starve puts the child into a memory cgroup of its own, with little in it,
// and lets it take more.
func (h *holder) starve() error {
	const little = 64 << 20
	name := namePrefix + strconv.Itoa(h.cmd.Process.Pid)
	parent, limit, err := memoryCgroup()
	if err != nil {
		return err
	}
	h.cgroup = filepath.Join(parent, name)
	if err := os.Mkdir(h.cgroup, 0o755); err != nil {
		return &UnsupportedError{Need: "a writable memory cgroup"}
	}
	for _, setting := range []struct{ file, value string }{
		{limit, strconv.Itoa(little)}, {"cgroup.procs", strconv.Itoa(h.cmd.Process.Pid)},
	} {
		if err := os.WriteFile(filepath.Join(h.cgroup, setting.file), []byte(setting.value), 0o644); err != nil {
			return err
		}
	}
	for file, value := range map[string]string{"memory.memsw.limit_in_bytes": strconv.Itoa(little), "memory.swap.max": "0"} {
		// Where there is no swap there is no such file.
		_ = os.WriteFile(filepath.Join(h.cgroup, file), []byte(value), 0)
	}
	return h.tell()
}

// memoryCgroup is the folder of the cgroups that bound memory, and the name of
// the file that does.
func memoryCgroup() (parent, limit string, err error) {
	parent, limit = "/sys/fs/cgroup/memory", "memory.limit_in_bytes"
	if _, err := os.Stat(filepath.Join(parent, limit)); err == nil {
		return parent, limit, nil
	}
	parent, limit = "/sys/fs/cgroup", "memory.max"
	controllers, err := os.ReadFile(filepath.Join(parent, "cgroup.subtree_control"))
	if err != nil || !strings.Contains(string(controllers), "memory") {
		return "", "", &UnsupportedError{Need: "a memory cgroup"}
	}
	return parent, limit, nil
}

// stop ends the child, however it stands, and reaps it.
func (h *holder) stop() {
	h.stdin.Close()
	_ = h.cmd.Process.Kill()
	_ = h.cmd.Wait()
	if h.cgroup == "" {
		return
	}
	// Its last memory may be charged for a moment longer.
	_ = poll("the cgroup to be empty", func() (bool, error) {
		err := os.Remove(h.cgroup)
		return err == nil || errors.Is(err, os.ErrNotExist), nil
	})
}
