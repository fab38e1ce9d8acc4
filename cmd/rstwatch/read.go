package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rstwatch/rstwatch/internal/attribute"
	"github.com/rstwatch/rstwatch/internal/correlate"
	"github.com/rstwatch/rstwatch/internal/daemon"
	"github.com/rstwatch/rstwatch/internal/query"
	"github.com/rstwatch/rstwatch/internal/reset"
	"github.com/rstwatch/rstwatch/internal/sense/capture"
)

// readOptions are the flags of read.
type readOptions struct {
	printing
	vantage []string
	judge   bool
	follow  bool
	left    string
	right   string
}

func newReadCommand(a *app) *cobra.Command {
	var o readOptions
	cmd := &cobra.Command{
		Use:   "read {FILE... | --left FILE --right FILE} [FILTER]",
		Short: "Resets out of capture files, judged by the same rules",
		Long: `Reads the resets out of captures and says who sent them and why, as far as
packets alone can tell. Needs no root, and nothing that runs here.

Files are pcap or pcapng, also compressed with gzip or zstd; - is standard
input. Several are read as one, in the order of their packets' time. The words
after the last file are the FILTER.

A pcapng file that rstwatch wrote bears its records, and those are read: who
gives you the file vouches for them. --judge judges the packets alone.

With --left and --right, a capture of each end of the same connections, the two
are joined: how far their clocks are apart, and of each reset whether it was
sent at one end and seen to arrive at the other, never arrived, or arrived and
was never sent.

What a host knows of itself is not in a capture, so the direction is "transit"
unless --vantage says on whose side the capture was made.`,
		Example: `  rstwatch read trace.pcap
  rstwatch read --vantage 10.0.0.7 /var/tmp/ring.pcap* 'port 5432'
  rstwatch read --left client.pcap --right server.pcap 'port 5432'
  ssh gateway tcpdump -i any -U -w - tcp | rstwatch read -`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.left != "" || o.right != "" {
				return a.bothEnds(cmd, o, args)
			}
			return a.read(cmd, o, args)
		},
	}
	o.flags(cmd)
	cmd.Flags().StringSliceVar(&o.vantage, "vantage", nil, "`address` of the host that captured: what it sends is \"out\", what it gets is \"in\"")
	cmd.Flags().BoolVarP(&o.follow, "follow", "f", false, "wait for more at the end of the file, as tcpdump -U writes it")
	cmd.Flags().StringVar(&o.left, "left", "", "`file` with a capture of one end; with --right: which end sent each reset, and did it arrive?")
	cmd.Flags().StringVar(&o.right, "right", "", "`file` with a capture of the other end")
	cmd.Flags().BoolVar(&o.judge, "judge", false, "judge anew what a file of --output pcapng has a record of")
	return cmd
}

func (a *app) read(cmd *cobra.Command, o readOptions, args []string) error {
	cfg, err := a.load(cmd, nil)
	if err != nil {
		return err
	}
	files, filter, err := readArguments(args)
	if err != nil {
		return err
	}
	if o.follow && len(files) != 1 {
		return usagef("--follow wants one file: %d are read as one, in the order of their packets' time", len(files))
	}
	c := capture.Config{KeepPayload: cfg.Capture.KeepPayload || cfg.Enrich.Claims, Follow: o.follow}
	for _, text := range o.vantage {
		address, err := netip.ParseAddr(text)
		if err != nil {
			return usagef("--vantage %q: not an address", text)
		}
		c.Vantage = append(c.Vantage, address.Unmap())
	}
	ctx, enough := context.WithCancel(cmd.Context())
	defer enough()
	out := bufio.NewWriterSize(a.stdout, 64<<10)
	c.Idle = out.Flush                                            // what a stream has shown so far
	printer, err := a.newPrinter(o.printing, cfg, filter, enough) // colour and width are the terminal's
	if err != nil {
		return err
	}
	printer.app = &app{stdin: a.stdin, stdout: out, stderr: a.stderr}
	if err := printer.begin(); err != nil {
		return err
	}
	reader, err := capture.New(c, files, a.stdin)
	if err != nil {
		return err
	}
	stop := a.showProgress(reader, files, printer)
	err = a.readAll(ctx, reader, daemon.Claims(cfg), printer, o.judge)
	stop()
	switch {
	case errors.Is(err, context.Canceled) && printer.left < 0 && cmd.Context().Err() == nil:
		err = nil // as many as were asked for
	case errors.Is(err, context.Canceled):
		err = errors.New("interrupted: what follows was not read")
	}
	err = errors.Join(err, out.Flush())
	a.tellRead(reader.Counts(), printer)
	return err
}

// readFields are what a capture tells of a reset, and what is judged from it.
const readFields = query.PacketFields | query.LinkFields | query.FieldDirection | query.FieldInterface | query.FieldSource |
	query.FieldSender | query.FieldCause | query.FieldHarm | query.FieldConfidence | query.FieldVerdict

// readArguments tells files from the words of the filter: the files come first,
// and they are there.
func readArguments(args []string) (files []string, filter *query.Filter, err error) {
	for len(args) > 0 && isFile(args[0]) {
		files, args = append(files, args[0]), args[1:]
	}
	if len(files) == 0 {
		if len(args) == 0 {
			return nil, nil, usagef("read wants a file\nhint: rstwatch read FILE... [FILTER]; - is standard input")
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
	for _, ending := range []string{".pcap", ".pcapng", ".cap", ".gz", ".zst"} {
		if strings.HasSuffix(name, ending) {
			return true
		}
	}
	return false
}

// readAll joins, judges and prints.
func (a *app) readAll(ctx context.Context, reader *capture.Reader, claims daemon.Enricher, p *printer, judge bool) error {
	var found *capture.Found
	var failed error
	joiner, err := correlate.New(correlate.DefaultConfig(), func(r *reset.Reset, joined correlate.Joined) {
		r.ID, r.Revision, r.Final = found.ID, 1, true
		claims.Enrich(r, joined.Context)
		attribute.Judge(&attribute.Case{Reset: r, Origin: joined.Origin, Context: joined.Context, After: after(found)})
		failed = errors.Join(failed, p.print(&reset.Entry{Reset: r}))
	})
	if err != nil {
		return err
	}
	batch := make([]reset.Sighting, 1)
	return reader.Run(ctx, func(f *capture.Found) error {
		if r := recordOf(f); r != nil && !judge {
			return p.print(&reset.Entry{Reset: r})
		}
		found, batch[0] = f, *f.Sighting
		joiner.Add(batch)
		if failed == nil && ctx.Err() != nil {
			return ctx.Err()
		}
		return failed
	})
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
