package board

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// Config is the content of a Server and its address.
type Config struct {
	Dir     string   // the folder of failures and records; it may come later
	States  []string // state files of campaigns
	Mutants []Mutant
	Live    *Live         // the campaign of this process; nil: none
	Source  Source        // more campaigns in progress; nil: none
	Metrics http.Handler  // of GET /metrics; nil: there are none
	Every   time.Duration // between two looks at the files and two live figures; 0: a second
}

// Server serves the page of campaigns. It changes nothing.
type Server struct {
	config Config
	hub    hub

	mu     sync.Mutex // guards the fields below
	states []*stateFile
	mark   string            // of the folder, when it was last looked at
	told   map[string][]byte // the last message by campaign; "": that of the workers
}

// NewServer returns a server that has read the state files once.
func NewServer(c Config) *Server {
	if c.Every == 0 {
		c.Every = time.Second
	}
	s := &Server{config: c, mark: folderMark(c.Dir), told: map[string][]byte{}}
	for _, name := range c.States {
		state := &stateFile{name: name}
		state.read()
		s.states = append(s.states, state)
	}
	return s
}

// endTimeout is the time for answers under way when a server ends.
const endTimeout = time.Second

// Serve serves the page until ctx ends, and then closes l. The pages that are open are
// told.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{Handler: s.Handler(), ReadHeaderTimeout: 10 * time.Second, WriteTimeout: time.Minute, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	tick := time.NewTicker(s.config.Every)
	defer tick.Stop()
	for {
		select {
		case err := <-failed:
			return err
		case <-tick.C:
			s.look()
			continue
		case <-ctx.Done():
		}
		s.look()
		s.hub.close(message("end", struct{}{}))
		end, cancel := context.WithTimeout(context.Background(), endTimeout)
		defer cancel()
		_ = server.Shutdown(end)
		return errors.Join(server.Close(), ignoreClosed(<-failed))
	}
}

func ignoreClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Handler returns the pages and files of the server. Requests for another host are refused.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.servePage)
	mux.HandleFunc("GET /page.css", s.servePage)
	mux.HandleFunc("GET /page.js", s.servePage)
	mux.HandleFunc("GET /v1/campaigns", s.serveView)
	mux.HandleFunc("GET /v1/campaigns/events", s.serveEvents)
	mux.HandleFunc("GET /failures/{folder}/{file}", s.serveFile)
	if s.config.Metrics != nil {
		mux.Handle("GET /metrics", s.config.Metrics)
	}
	return guarded(ownHost(mux))
}

// ownPolicy lets the page load its own style, script and figures, and nothing else.
const ownPolicy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// guarded sets the headers of all answers. No other site may read or embed them.
func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", ownPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// view returns all that the page shows.
func (s *Server) view() (*View, error) {
	records, notes, err := readRecords(s.config.Dir)
	if err != nil {
		return nil, err
	}
	kept, more, err := s.kept()
	if err != nil {
		return nil, err
	}
	var running []Record
	for _, l := range s.lives() {
		if f, ok := l.Now(); ok && !recorded(records, &f.Record) {
			running = append(running, f.Record)
		}
	}
	live, states := s.figures()
	v := newView(records, running, kept)
	v.Dir, v.Live, v.Workers, v.Mutants = s.config.Dir, live, s.workers(), s.config.Mutants
	v.Notes = append(append(notes, more...), states...)
	return v, nil
}

// recorded reports whether the campaign in progress has ended, and is among the records.
func recorded(records []Record, r *Record) bool {
	return !r.Ended.IsZero() && slices.ContainsFunc(records, func(o Record) bool { return o.Ended.Equal(r.Ended) && o.lineage() == r.lineage() })
}

// kept lists the failures. A folder that is not there has none: a campaign makes it for the
// first.
func (s *Server) kept() ([]Kept, []string, error) {
	root, err := os.OpenRoot(s.config.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	defer root.Close()
	return readKept(root)
}

// figures returns the figures of all campaigns, with their samples, and notes about state
// files that cannot be read.
func (s *Server) figures() (all []Figures, notes []string) {
	for _, l := range s.lives() {
		if f, ok := l.Now(); ok {
			all = append(all, f)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, state := range s.states {
		if f, ok := state.now(); ok {
			all = append(all, f)
		} else {
			notes = append(notes, fmt.Sprintf("--state %s: %v", state.name, state.err))
		}
	}
	return all, notes
}

// look looks at the files, and tells the open pages the news.
func (s *Server) look() {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed := s.tellRunning()
	for _, state := range s.states {
		if !state.read() {
			continue
		}
		if f, ok := state.now(); ok {
			s.hub.publish(message("figures", f.latest()))
		} else {
			changed = true
		}
	}
	if s.hub.empty() {
		return // no page is told, and a new one reads everything
	}
	mark := folderMark(s.config.Dir)
	if changed = changed || mark != s.mark; changed {
		s.mark = mark
		s.hub.publish(message("changed", struct{}{}))
	}
}

// tellRunning tells the open pages of the campaigns in progress and of the workers, as far
// as they have changed. It reports whether a campaign has ended.
func (s *Server) tellRunning() (ended bool) {
	tell := func(name string, text []byte) {
		if !bytes.Equal(text, s.told[name]) {
			s.told[name] = text
			s.hub.publish(text)
		}
	}
	known := map[string]bool{"": true}
	for _, l := range s.lives() {
		if f, ok := l.Now(); ok {
			known[f.Name] = true
			tell(f.Name, message("figures", f.latest()))
		}
	}
	if workers := s.workers(); len(workers) > 0 || s.told[""] != nil {
		tell("", message("workers", append([]Worker{}, workers...)))
	}
	before := len(s.told)
	maps.DeleteFunc(s.told, func(name string, _ []byte) bool { return !known[name] })
	return len(s.told) < before
}

// latest has only the last of the samples.
func (f *Figures) latest() *Figures {
	last := *f
	last.Samples = f.Samples[max(0, len(f.Samples)-1):]
	return &last
}

// folderMark differs when the folder, its records or a folder in it has changed.
func folderMark(dir string) string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, e := range entries {
		if info, err := e.Info(); err == nil && (e.IsDir() || e.Name() == RecordsFile) {
			fmt.Fprintf(&b, "%q %d %d\n", e.Name(), info.Size(), info.ModTime().UnixNano())
		}
	}
	return b.String()
}
