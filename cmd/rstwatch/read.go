package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rstwatch/rstwatch/internal/attribute"
	"github.com/rstwatch/rstwatch/internal/daemon"
	"github.com/rstwatch/rstwatch/internal/query"
	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/sense/capture"
)

// readOptions are the flags of read.
type readOptions struct {
	printing
	evidenceOptions
	left  string
	right string
}

func newReadCommand(a *app) *cobra.Command {
	var o readOptions
	cmd := &cobra.Command{
		Use:   "read {FILE... | --left FILE --right FILE} [FILTER]",
		Short: "Resets out of captures and kernel logs, judged by the same rules",
		Long: `Reads the resets out of captures and out of what kernels logged, and says who sent
them and why, as far as that can tell. Needs no root, and nothing that runs here.

Files are known by what they hold:
  captures     pcap or pcapng
  kernel logs  with lines of the LOG target or of nftables' log: of syslog
               daemons, dmesg, journalctl -o export or json, /dev/kmsg, and of
               ulogd's LOGEMU and JSON
also compressed with gzip or zstd; - is standard input. Several are read as one,
in the order of time, captures before logs: of rotated logs give all, in any
order. The words after the last file are the FILTER.

A pcapng file that rstwatch wrote bears its records, and those are read: who
gives you the file vouches for them. --judge judges the packets alone.

With --left and --right, a capture of each end of the same connections, the two
are joined: how far their clocks are apart, and of each reset whether it was
sent at one end and seen to arrive at the other, never arrived, or arrived and
was never sent.

What a host knows of itself is not in a capture, so the direction is "transit"
unless --vantage says on whose side the capture was made. A line of a log says the
direction and the packet's headers, and nothing of the connection: most verdicts
are "unknown", and honest.

Log times without a zone are local (--timezone); the year, where there is none, is
found by the file's time and the order of its lines. Seconds since boot are times
only with --boot-time.`,
		Example: `  rstwatch read trace.pcap
  rstwatch read --vantage 10.0.0.7 /var/tmp/ring.pcap* 'port 5432'
  rstwatch read --left client.pcap --right server.pcap 'port 5432'
  ssh gateway tcpdump -i any -U -w - tcp | rstwatch read -
  rstwatch read /var/log/drds-tcp.log* 'host 10.0.0.5'
  journalctl -k -o export | rstwatch read -
  dmesg | rstwatch read --boot-time here -`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.left != "" || o.right != "" {
				return a.bothEnds(cmd, o, args)
			}
			return a.read(cmd, o, args)
		},
	}
	o.printing.flags(cmd)
	o.evidenceOptions.flags(cmd)
	cmd.Flags().BoolVar(&o.judge, "judge", false, "judge anew what a file of --output pcapng has a record of")
	cmd.Flags().BoolVarP(&o.follow, "follow", "f", false, "wait for more at the end of the capture, as tcpdump -U writes it")
	cmd.Flags().StringVar(&o.left, "left", "", "`file` with a capture of one end; with --right: which end sent each reset, and did it arrive?")
	cmd.Flags().StringVar(&o.right, "right", "", "`file` with a capture of the other end")
	return cmd
}

func (a *app) read(cmd *cobra.Command, o readOptions, args []string) error {
	cfg, err := a.load(cmd, nil)
	if err != nil {
		return err
	}
	files, filter, err := readArguments(cmd, args)
	if err != nil {
		return err
	}
	if o.follow && len(files) != 1 {
		return usagef("--follow wants one file: %d are read as one, in the order of their packets' time", len(files))
	}
	ctx, enough := context.WithCancel(cmd.Context())
	defer enough()
	out := bufio.NewWriterSize(a.stdout, 64<<10)
	printer, err := a.newPrinter(o.printing, cfg, filter, enough) // colour and width are the terminal's
	if err != nil {
		return err
	}
	printer.app = &app{stdin: a.stdin, stdout: out, stderr: a.stderr}
	if err := printer.begin(); err != nil {
		return err
	}
	found, err := a.openEvidence(cfg, o.evidenceOptions, files, filter, out.Flush) // idle: what a stream has shown so far
	if err != nil {
		return err
	}
	stop := a.showProgress(found, func() string { return amount(printer.shown.Load(), "reset") })
	err = found.run(ctx, func(r *reset.Reset) error { return printer.print(&reset.Entry{Reset: r}) })
	stop()
	switch {
	case errors.Is(err, context.Canceled) && printer.left < 0 && cmd.Context().Err() == nil:
		err = nil // as many as were asked for
	case errors.Is(err, context.Canceled):
		err = errors.New("interrupted: what follows was not read")
	}
	err = errors.Join(err, out.Flush())
	a.tellRead(found, printer.shown.Load())
	return err
}

// readFields are what a capture tells of a reset, and what is judged from it.
const readFields = query.PacketFields | query.LinkFields | query.FieldDirection | query.FieldInterface | query.FieldSource |
	query.FieldSender | query.FieldCause | query.FieldHarm | query.FieldConfidence | query.FieldVerdict

// readArguments tells files from the words of the filter: the files come first,
// and they are there.
func readArguments(cmd *cobra.Command, args []string) (files []string, filter *query.Filter, err error) {
	for len(args) > 0 && isFile(args[0]) {
		files, args = append(files, args[0]), args[1:]
	}
	if len(files) == 0 {
		if len(args) == 0 {
			return nil, nil, usagef("%s wants a file\nhint: %s FILE... [FILTER]; - is standard input", cmd.Name(), cmd.CommandPath())
		}
		return nil, nil, fmt.Errorf("reading %q: %w", args[0], fs.ErrNotExist)
	}
	if len(args) > 0 && looksLikeFile(args[0]) {
		return nil, nil, fmt.Errorf("reading %q: %w", args[0], fs.ErrNotExist)
	}
	if filter, err = query.Parse(strings.Join(args, " ")); err != nil {
		return nil, nil, err
	}
	return files, filter, usage(filter.Check(readFields, "a capture file"))
}

func usage(err error) error {
	if err == nil {
		return nil
	}
	return &daemon.UsageError{Err: err}
}

func isFile(name string) bool {
	if name == capture.StandardInput {
		return true
	}
	_, err := os.Stat(name)
	return err == nil || !errors.Is(err, fs.ErrNotExist)
}

// looksLikeFile reports whether a name that is no file was meant to be one.
func looksLikeFile(name string) bool {
	if strings.ContainsAny(name, " \t()") {
		return false
	}
	for _, ending := range []string{".pcap", ".pcapng", ".cap", ".log", ".gz", ".zst"} {
		if strings.HasSuffix(name, ending) {
			return true
		}
	}
	return false
}

// after is what the file shows beside and after a RST, in the words of the rules.
func after(f *capture.Found) attribute.After {
	l := &f.Later
	a := attribute.After{
		Others: l.Others, OthersDiffer: l.OthersDiffer, SeqChange: l.SeqChange, AckChange: l.AckChange, SharedIPID: l.SharedIPID,
		ScansBySource: f.Scans, QuietLike: f.QuietLike, QuietOf: f.QuietOf,
	}
	if l.Spoke {
		a.PeerSpoke, a.PeerSpokeNS = &l.What, l.AfterNS
	}
	return a
}

// recordOf is the record that the file itself bears of a packet; nil if it has
// none, or one of another packet.
func recordOf(f *capture.Found) *reset.Reset {
	if len(f.Record) == 0 {
		return nil
	}
	e, err := reset.ParseJSON(f.Record)
	if err != nil || e.Reset == nil || e.Reset.ID.IsZero() {
		return nil
	}
	r, packet := e.Reset, &f.Sighting.Packet
	if len(r.Packet.Raw) > 0 && !bytes.HasPrefix(packet.Raw, r.Packet.Raw[:min(len(r.Packet.Raw), len(packet.Raw))]) ||
		r.Src != f.Sighting.Src || r.Dst != f.Sighting.Dst || r.Packet.Seq.V != packet.Seq.V {
		return nil
	}
	return r
}
