package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/rstwatch/rstwatch/internal/config"
	"github.com/rstwatch/rstwatch/internal/daemon"
	"github.com/rstwatch/rstwatch/internal/query"
	"github.com/rstwatch/rstwatch/internal/reset"
)

func newLiveCommand(a *app) *cobra.Command {
	var p printing
	var duration time.Duration
	cmd := &cobra.Command{
		Use:   "live [FILTER]",
		Short: "Resets on this terminal, as they happen",
		Long: `Prints resets as they happen: asks the daemon if one runs; else captures by
itself (needs root) and keeps nothing.

The columns: time, who sent it, why, harm, direction, the RST's source and
destination, the process that owned the socket, and the end of the record's id.
The marks in front of who and why: none is certain, ~ likely, ? possible.`,
		Example: `  rstwatch live
  rstwatch live 'host 10.0.0.5 and port 5432'
  rstwatch live -n 1 --output json 'direction in'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.loadCapture(cmd, args)
			if err != nil {
				return err
			}
			if err := p.check(duration); err != nil {
				return err
			}
			filter, err := query.Parse(cfg.Capture.Filter)
			if err != nil {
				return err
			}
			ctx, cancel := withDuration(cmd.Context(), duration)
			defer cancel()
			printer, err := a.newPrinter(p, cfg, filter, cancel)
			if err == nil {
				err = printer.begin()
			}
			if err != nil {
				return err
			}
			if !captures(cmd) {
				filter, err := daemon.StreamFilter(cfg)
				if err != nil {
					return err
				}
				done, err := a.liveFromDaemon(ctx, cfg, filter, printer)
				if done || err != nil {
					return err
				}
			}
			return a.liveAlone(ctx, cfg, printer)
		},
	}
	addCaptureFlags(cmd)
	cmd.Flags().String("socket", "", "Unix `socket` of the daemon (default /run/rstwatch/rstwatch.sock)")
	cmd.Flags().DurationVar(&duration, "duration", 0, "end after this time (0: never)")
	p.flags(cmd)
	return cmd
}

// captures reports whether the user asked for a capture of their own.
func captures(cmd *cobra.Command) bool {
	return cmd.Flag("sensor").Changed || cmd.Flag("rules").Changed
}

// errNoDaemon says that nothing answers on the socket.
var errNoDaemon = errors.New("no daemon answers")

// ask sends one request to the daemon.
func ask(ctx context.Context, socket, path string) (*http.Response, error) {
	client := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://rstwatch"+path, nil)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return nil, fmt.Errorf("%w on %s", errNoDaemon, socket)
	}
	if err != nil {
		return nil, fmt.Errorf("asking the daemon: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		defer response.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(response.Body, 4<<10))
		return nil, fmt.Errorf("asking the daemon: %s: %s", response.Status, text)
	}
	return response, nil
}

// maxLine bounds a record's line: far above any real one.
const maxLine = 1 << 20

// liveFromDaemon prints what the daemon tells; done is false if there is none.
func (a *app) liveFromDaemon(ctx context.Context, cfg *config.Config, filter string, p *printer) (done bool, err error) {
	if cfg.Serve.Socket == "" {
		return false, nil
	}
	response, err := ask(ctx, cfg.Serve.Socket, "/api/v1/stream?filter="+url.QueryEscape(filter))
	if errors.Is(err, errNoDaemon) {
		return false, nil
	}
	if err != nil {
		return true, err
	}
	defer response.Body.Close()
	if _, isTerminal := terminal(a.stderr); isTerminal {
		fmt.Fprintln(a.stderr, "rstwatch: from the daemon; Ctrl-C ends")
	}
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(make([]byte, 64<<10), maxLine)
	for lines.Scan() {
		entry, err := reset.ParseJSON(lines.Bytes())
		if err != nil {
			return true, fmt.Errorf("reading from the daemon: %w", err)
		}
		if err := p.print(&entry); err != nil {
			return true, err
		}
	}
	if ctx.Err() != nil {
		return true, nil
	}
	// A daemon that ends may do so in the middle of the stream.
	if err := lines.Err(); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, syscall.ECONNRESET) {
		return true, fmt.Errorf("reading from the daemon: %w", err)
	}
	return true, errors.New("the daemon ended")
}

// liveAlone captures without a journal.
func (a *app) liveAlone(ctx context.Context, cfg *config.Config, p *printer) error {
	ready := func(s daemon.Status) {
		if _, isTerminal := terminal(a.stderr); isTerminal {
			fmt.Fprintf(a.stderr, "rstwatch: watching %s with %s, keeping nothing; Ctrl-C ends\n", namespaces(s.Namespaces), s.Sensor)
		}
	}
	counts, err := daemon.Watch(ctx, cfg, p, ready, a.logger(cfg))
	if counts.Lost > 0 {
		fmt.Fprintf(a.stderr, "rstwatch: %d sightings were lost\n", counts.Lost)
	}
	return err
}
