package testkit

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Counters are the kernel's own counters of one network namespace, named as
// nstat names them: TcpOutRsts, TcpExtTCPAbortOnClose, Tcp6… does not exist
// (TCP counts both families together).
type Counters map[string]uint64

// Counters reads /proc/net/snmp and /proc/net/netstat inside the namespace.
func (n *Node) Counters() (Counters, error) {
	counters := Counters{}
	err := n.Do(func() error {
		for _, file := range []string{"snmp", "netstat"} {
			data, err := os.ReadFile("/proc/thread-self/net/" + file)
			if err != nil {
				return err
			}
			if err := counters.parse(data); err != nil {
				return fmt.Errorf("reading /proc/net/%s: %w", file, err)
			}
		}
		return nil
	})
	return counters, err
}

// Counter reads one counter inside the namespace.
func (n *Node) Counter(name string) (uint64, error) {
	counters, err := n.Counters()
	if err != nil {
		return 0, err
	}
	v, ok := counters[name]
	if !ok {
		return 0, fmt.Errorf("counter %q: this kernel does not have it", name)
	}
	return v, nil
}

// parse reads pairs of lines, "Tcp: RtoAlgorithm …" above "Tcp: 1 …".
func (c Counters) parse(data []byte) error {
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		names := strings.Fields(lines.Text())
		if !lines.Scan() {
			return fmt.Errorf("line %q has no values", names)
		}
		values := strings.Fields(lines.Text())
		if len(names) == 0 || len(names) != len(values) || names[0] != values[0] {
			return fmt.Errorf("line %q does not fit its values", names)
		}
		group := strings.TrimSuffix(names[0], ":")
		for i := 1; i < len(names); i++ {
			v, err := strconv.ParseInt(values[i], 10, 64) // TcpMaxConn is -1
			if err != nil {
				return fmt.Errorf("value of %s%s: %w", group, names[i], err)
			}
			c[group+names[i]] = uint64(v)
		}
	}
	return lines.Err()
}
