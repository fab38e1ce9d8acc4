package listener

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// stateListen is TCP_LISTEN, as /proc/net/tcp writes it.
const stateListen = "0A"

// findListener looks for a listening socket on the port in the text of
// /proc/net/tcp or tcp6 (tcp4_seq_show, tcp6_seq_show). The kernel lists those
// that listen before all others, which are not read.
func findListener(text io.Reader, port uint16) (bool, error) {
	lines := bufio.NewScanner(text)
	for first := true; lines.Scan(); first = false {
		if first {
			continue // the heading
		}
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 {
			return false, fmt.Errorf("reading sockets: %d fields in a line, not 4 or more", len(fields))
		}
		if fields[3] != stateListen {
			break
		}
		local := fields[1]
		n, err := strconv.ParseUint(local[strings.LastIndexByte(local, ':')+1:], 16, 16)
		if err != nil {
			return false, fmt.Errorf("reading sockets: %w", err)
		}
		if uint16(n) == port {
			return true, nil
		}
	}
	if err := lines.Err(); err != nil {
		return false, fmt.Errorf("reading sockets: %w", err)
	}
	return false, nil
}
