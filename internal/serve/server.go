// Package serve answers other commands of the same host over a Unix socket:
// the stream of records as they are written, the ledger and the state of the
// daemon. It reads the journal like any other reader and so never holds up
// the capture.
package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/user"
	"strconv"
	"time"

	"github.com/rstwatch/rstwatch/internal/attribute"
	"github.com/rstwatch/rstwatch/internal/journal"
	"github.com/rstwatch/rstwatch/internal/query"
	"github.com/rstwatch/rstwatch/internal/reset"
)

// Config says where to listen and who may ask.
type Config struct {
	Socket string // path of the Unix socket
	Group  string // whose members may connect, besides root; empty or unknown: root alone
}

// Deps are what the server answers from.
type Deps struct {
	Journal string // directory
	Status  func() any
	Log     *slog.Logger
}

// Server listens on the socket.
type Server struct {
	deps     Deps
	listener net.Listener
	http     *http.Server
	base     context.Context
	cancel   context.CancelFunc
}

// maxStreams bounds the readers at a time.
const maxStreams = 64

// writeLimit is how long a reader may take over one record.
const writeLimit = 30 * time.Second

// Listen makes the socket. One that a process still answers on is an error;
// one that was left behind is replaced.
func Listen(cfg Config, deps Deps) (*Server, error) {
	if conn, err := net.DialTimeout("unix", cfg.Socket, time.Second); err == nil {
		conn.Close()
		return nil, fmt.Errorf("socket %q: another process answers there", cfg.Socket)
	}
	if err := removeStale(cfg.Socket); err != nil {
		return nil, err
	}
	listener, err := net.Listen("unix", cfg.Socket)
	if err != nil {
		return nil, fmt.Errorf("listening: %w", err)
	}
	if err := allow(cfg); err != nil {
		listener.Close()
		return nil, err
	}
	s := &Server{deps: deps, listener: listener}
	s.base, s.cancel = context.WithCancel(context.Background())
	streams := make(chan struct{}, maxStreams)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/stream", func(w http.ResponseWriter, r *http.Request) {
		select {
		case streams <- struct{}{}:
			defer func() { <-streams }()
			s.stream(w, r)
		default:
			http.Error(w, "too many readers; try again later", http.StatusTooManyRequests)
		}
	})
	mux.HandleFunc("GET /api/v1/doctor", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(deps.Status()); err != nil {
			deps.Log.Debug("answering", "error", err)
		}
	})
	s.http = &http.Server{
		Handler: mux, ReadHeaderTimeout: 5 * time.Second, MaxHeaderBytes: 64 << 10,
		BaseContext: func(net.Listener) context.Context { return s.base },
	}
	return s, nil
}

// removeStale removes a socket that was left behind, and nothing else: the path
// may be a mistake.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err == nil && info.Mode().Type() != os.ModeSocket:
		return fmt.Errorf("socket %q: something else is there (%v)", path, info.Mode())
	case err == nil:
		err = os.Remove(path)
	}
	if err != nil {
		return fmt.Errorf("removing the old socket: %w", err)
	}
	return nil
}

// allow gives the socket to the group.
func allow(cfg Config) error {
	mode, gid := os.FileMode(0o600), -1
	if cfg.Group != "" {
		if group, err := user.LookupGroup(cfg.Group); err == nil {
			if gid, err = strconv.Atoi(group.Gid); err != nil {
				return fmt.Errorf("group %q: number %q: %w", cfg.Group, group.Gid, err)
			}
			mode = 0o660
		}
	}
	if err := os.Chmod(cfg.Socket, mode); err != nil {
		return fmt.Errorf("setting the socket's rights: %w", err)
	}
	if gid >= 0 {
		if err := os.Chown(cfg.Socket, -1, gid); err != nil {
			return fmt.Errorf("giving the socket to group %q: %w", cfg.Group, err)
		}
	}
	return nil
}

// Run answers until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	if err := s.http.Serve(s.listener); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("answering on the socket: %w", err)
	}
	return nil
}

// Close ends every answer and removes the socket.
func (s *Server) Close() error {
	s.cancel()
	return s.http.Close()
}

// stream sends the records that are written from now on, one JSON object a
// line, those that the filter in the query matches.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	var filter *query.Filter
	if text := r.URL.Query().Get("filter"); text != "" {
		var err error
		if filter, err = query.Parse(text); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	}
	reader, err := journal.NewReader(s.deps.Journal, journal.ReadOptions{
		Since: reset.TimeOf(time.Now()), Follow: true, Poll: 50 * time.Millisecond,
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer reader.Close()
	w.Header().Set("Content-Type", "application/x-ndjson")
	flusher := http.NewResponseController(w)
	if err := flusher.Flush(); err != nil {
		return
	}
	if err := copyStream(r.Context(), w, flusher, reader, filter); err != nil {
		s.deps.Log.Debug("stream ended", "error", err)
	}
}

func copyStream(ctx context.Context, w io.Writer, flusher *http.ResponseController, reader *journal.Reader, filter *query.Filter) error {
	var line []byte
	for {
		entry, err := reader.Next(ctx)
		if err != nil {
			return err
		}
		if entry.Reset == nil {
			continue
		}
		if filter != nil && !filter.Match(entry.Reset) {
			continue
		}
		attribute.Complete(entry.Reset)
		line = append(reset.AppendJSON(line[:0], &entry), '\n')
		// A reader that does not read must not keep its place for ever.
		if err := flusher.SetWriteDeadline(time.Now().Add(writeLimit)); err != nil {
			return err
		}
		if _, err := w.Write(line); err != nil {
			return err
		}
		if err := flusher.Flush(); err != nil {
			return err
		}
	}
}
