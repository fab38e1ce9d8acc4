package lab

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/rstwatch/rstwatch/internal/testkit"
)

// childVariable, where set, makes this binary a child: a process that a test may
// kill, or whose resets are to be told from the test's own. Its value is ROLE,
// and the addresses that the role wants.
const childVariable = "RSTWATCH_LAB_CHILD"

// runChild plays the role until its standard input ends.
func runChild(job string) error {
	fields := strings.Fields(job)
	listener, err := net.Listen("tcp", fields[1])
	if err != nil {
		return err
	}
	var serve func(net.Conn)
	switch fields[0] {
	case "hold": // takes connections and reads nothing
		var held []net.Conn
		serve = func(c net.Conn) { held = append(held, c); fmt.Println("holding") }
	case "abort": // resets when something comes
		serve = func(c net.Conn) { go abortAfterByte(c) }
	case "proxy": // passes data on to the other address, and resets on
		serve = func(c net.Conn) { go proxy(c, fields[2]) }
	default:
		return fmt.Errorf("role %q", fields[0])
	}
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			serve(c)
		}
	}()
	fmt.Println("listening")
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// abort closes a connection with SO_LINGER 0: a RST.
func abort(c net.Conn) {
	_ = c.(*net.TCPConn).SetLinger(0)
	c.Close()
}

func abortAfterByte(c net.Conn) {
	if _, err := c.Read(make([]byte, 1)); err == nil {
		abort(c)
	}
}

func proxy(client net.Conn, upstream string) {
	server, err := net.Dial("tcp", upstream)
	if err != nil {
		client.Close()
		return
	}
	go func() { _, _ = io.Copy(server, client) }()
	if _, err := io.Copy(client, server); errors.Is(err, syscall.ECONNRESET) {
		abort(client)
	}
	server.Close()
}

// childProcess is a child that runs.
type childProcess struct {
	*exec.Cmd
	said *bufio.Reader
}

// startChild starts a child in the namespace and waits until it listens.
func startChild(t *testing.T, node *testkit.Node, job string) *childProcess {
	t.Helper()
	c := &childProcess{Cmd: exec.Command("nsenter", "--net="+node.Path, "/proc/self/exe")}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c.Args[len(c.Args)-1] = self
	c.Env = append(os.Environ(), childVariable+"="+job)
	c.Stderr = os.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if _, err := c.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.said = bufio.NewReader(out)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.kill(); _ = c.Wait() })
	c.await(t, "listening")
	return c
}

func (c *childProcess) kill() { _ = c.Process.Kill() }

// await waits until the child says the word.
func (c *childProcess) await(t *testing.T, word string) {
	t.Helper()
	if line, err := c.said.ReadString('\n'); err != nil || line != word+"\n" {
		t.Fatalf("the child said %q instead of %q: %v", line, word, err)
	}
}
