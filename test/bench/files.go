package bench

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

func stormTarget() string { return testkit.StormTarget(reset.IPv4).Addr().String() }

// still is how long a file must not grow before its writer has finished.
const still = 2 * time.Second

// waitStill waits until the file, which another program writes, no longer grows.
func waitStill(path string) error {
	deadline := time.Now().Add(5 * time.Minute)
	last, since := int64(-1), time.Now()
	for time.Since(since) < still {
		if time.Now().After(deadline) {
			return fmt.Errorf("%s still grows", path)
		}
		size := int64(0)
		if info, err := os.Stat(path); err == nil {
			size = info.Size()
		}
		if size != last {
			last, since = size, time.Now()
		}
		time.Sleep(20 * time.Millisecond)
	}
	return nil
}

// countLines counts the lines that bear a text. A file that is not there has none.
func countLines(path, text string) (n uint64, err error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if bytes.Contains(lines.Bytes(), []byte(text)) {
			n++
		}
	}
	return n, lines.Err()
}

// countPackets counts the packets of a pcap file of this machine's byte order:
// 24 bytes of head, then for each packet 16 bytes, of which the third word is
// the number of bytes that follow.
func countPackets(path string) (n uint64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 1<<20)
	if _, err := in.Discard(24); err != nil {
		return 0, fmt.Errorf("reading %s: %w", path, err)
	}
	var head [16]byte
	for {
		if _, err := io.ReadFull(in, head[:]); errors.Is(err, io.EOF) {
			return n, nil
		} else if err != nil {
			return n, fmt.Errorf("reading %s: %w", path, err)
		}
		if _, err := in.Discard(int(binary.NativeEndian.Uint32(head[8:]))); err != nil {
			return n, fmt.Errorf("reading %s: %w", path, err)
		}
		n++
	}
}
