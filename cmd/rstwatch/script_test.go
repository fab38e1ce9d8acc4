package main

import (
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/rstwatch/rstwatch/internal/journal"
	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/testkit"
)

var update = flag.Bool("update", false, "rewrite what generated text is compared with")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"rstwatch": main})
}

// TestScripts is the specification of the commands: testdata/script. Commands
// of the scripts beside testscript's own:
//
//	status N COMMAND...   runs the command, which must end with status N
//	mkjournal DIR [N]     writes a journal of N resets (default 3), the same each time
//	spoil FILE OFFSET     changes the byte there
//	cutfile FILE N        takes the last N bytes away
//	mkcapture FILE [LINK] writes a capture: a connection that its server resets after a request, and a refused one
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", UpdateScripts: *update, RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("TZ", "UTC")
			env.Setenv("TERM", "xterm")
			env.Setenv("NO_COLOR", "")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": scriptStatus, "mkjournal": scriptJournal, "spoil": scriptSpoil, "mkcapture": scriptCapture, "cutfile": scriptCut,
		},
		Condition: func(word string) (bool, error) {
			if word != "root" {
				return false, fmt.Errorf("unknown condition %q", word)
			}
			if os.Geteuid() != 0 && testkit.Required() {
				return false, errors.New("needs root, and skipping is forbidden")
			}
			return os.Geteuid() == 0, nil
		},
	})
}

func scriptStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("running %s: %v", args[1], err)
	}
	if got != want {
		ts.Fatalf("%v ended with status %d, want %d", args[1:], got, want)
	}
}

func scriptJournal(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: mkjournal DIR [N]")
	}
	n := 3
	if len(args) == 2 {
		var err error
		n, err = strconv.Atoi(args[1])
		ts.Check(err)
	}
	ts.Check(writeJournal(ts.MkAbs(args[0]), n))
}

func scriptSpoil(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: spoil FILE OFFSET")
	}
	offset, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	file, err := os.OpenFile(ts.MkAbs(args[0]), os.O_RDWR, 0)
	ts.Check(err)
	defer file.Close()
	var b [1]byte
	_, err = file.ReadAt(b[:], offset)
	ts.Check(err)
	b[0] ^= 0x55
	_, err = file.WriteAt(b[:], offset)
	ts.Check(err)
}

// writtenAt is when the sample journal begins; a reset comes each second.
var writtenAt = time.Date(2026, 11, 21, 15, 27, 4, 118_000_000, time.UTC)

// writeJournal writes a coverage line and n resets, always the same.
func writeJournal(dir string, n int) error {
	config := journal.DefaultConfig()
	config.Dir, config.AppendOnly = dir, false
	now := writtenAt
	writer, err := journal.Open(config, journal.Deps{
		Now: func() time.Time { return now }, Host: "db7", BootID: "0b7c", Version: "test",
	})
	if err != nil {
		return err
	}
	for i := range n {
		r := sample(i)
		now = r.Time.Std()
		if err := writer.Append([]reset.Entry{{Reset: &r}}); err != nil {
			return err
		}
	}
	coverage := reset.Coverage{
		Time: reset.TimeOf(now), Host: "db7", BootID: "0b7c", Netns: reset.Netns{ID: 4026531840},
		Sensors: []string{"bpf"}, From: reset.TimeOf(writtenAt), Until: reset.TimeOf(now), Resets: uint64(n),
	}
	err = writer.Append([]reset.Entry{{Coverage: &coverage}})
	return errors.Join(err, writer.Close())
}

// sample is the i-th reset of the sample journal: sent, received, forwarded, in
// turn.
func sample(i int) reset.Reset {
	at := writtenAt.Add(time.Duration(i) * time.Second)
	server := reset.EndpointFrom(netip.MustParseAddr("10.0.0.7"), 3306)
	client := reset.EndpointFrom(netip.MustParseAddr("10.0.0.5"), uint16(51334+i))
	r := reset.Reset{
		ID:       reset.NewOrigin("sample").NewID(at.UnixNano(), uint64(i)+1),
		Revision: 1, Final: true, Time: reset.TimeOf(at), Host: "db7", BootID: "0b7c",
		Netns: reset.Netns{ID: 4026531840}, Direction: reset.Out, Src: server, Dst: client,
		Interface: reset.Interface{Out: "eth0"},
		Packet: reset.Packet{
			Family: reset.IPv4, Length: reset.Some[uint32](40), TTL: reset.Some[uint8](64), IPID: reset.Some[uint16](7),
			Seq: reset.Some(uint32(1000 + i)), Ack: reset.Some[uint32](2000), Window: reset.Some[uint16](501),
			Flags: reset.RST | reset.ACK,
		},
	}
	switch i % 3 {
	case 0:
		r.Sender, r.Cause, r.Harm = reset.LocalApp, reset.UnreadData, reset.LostData
		r.Confidence = reset.Confidence{Sender: reset.Certain, Cause: reset.Certain}
		r.Kernel.Reason = "TCP_ABORT_ON_CLOSE"
		r.Process = &reset.Process{PID: reset.Some[uint32](2211), Comm: "mysqld"}
	case 1:
		r.Direction, r.Src, r.Dst = reset.In, client, server
		r.Interface = reset.Interface{In: "eth0"}
		r.Sender, r.Cause, r.Harm = reset.Peer, reset.Refused, reset.FailedConnect
		r.Confidence = reset.Confidence{Sender: reset.Likely, Cause: reset.Likely}
		r.Kernel.Verdict = reset.Accepted
		// What a hostile program may call itself.
		r.Process = &reset.Process{PID: reset.Some[uint32](8812), Comm: "hi\x1b[31m\u202ekari"}
	case 2:
		r.Direction, r.Interface.In = reset.Forward, "eth1"
		r.Sender, r.Cause = reset.Path, reset.IdleTimeout
		r.Confidence = reset.Confidence{Sender: reset.Possible, Cause: reset.Possible}
	}
	return r
}
