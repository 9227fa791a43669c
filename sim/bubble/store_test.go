package bubble_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"sync"

	"github.com/lockstep-dst/lockstep/sim/bubble"
)

// store is an ordinary key-value store behind an ordinary HTTP server: PUT /k sets
// a key, GET /k reads it. It has a log of JSON lines, which it syncs before it
// answers, unless careless.
type store struct {
	mu       sync.Locker // held while the log is synced
	values   map[string]string
	log      *bubble.File
	careless bool
}

// channelLock is a lock that testing/synctest understands.
type channelLock chan struct{}

func (l channelLock) Lock()   { l <- struct{}{} }
func (l channelLock) Unlock() { <-l }

// change is one record of the log.
type change struct{ Key, Value string }

// openStore reads the log.
func openStore(files *bubble.FS, mu sync.Locker, careless bool) (*store, error) {
	s := &store{mu: mu, values: map[string]string{}, careless: careless}
	var err error
	if s.log, err = files.OpenFile("log", os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, err
	}
	good := int64(0)
	for d := json.NewDecoder(s.log); ; good = d.InputOffset() {
		var c change
		if err := d.Decode(&c); err != nil {
			break // the end, or a record that was written in part
		}
		s.values[c.Key] = c.Value
	}
	if err := s.log.Truncate(good); err != nil {
		return nil, err
	}
	if _, err := s.log.Seek(good, io.SeekStart); err != nil {
		return nil, err
	}
	return s, errors.Join(s.log.Sync(), files.SyncDir("."))
}

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch r.Method {
	case http.MethodGet:
		_, _ = io.WriteString(w, s.values[r.URL.Path])
	case http.MethodPut:
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = s.set(r.URL.Path, string(body))
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}
}

func (s *store) set(key, value string) error {
	record, err := json.Marshal(change{key, value})
	if err != nil {
		return err
	}
	if _, err := s.log.Write(record); err != nil {
		return err
	}
	s.values[key] = value
	if s.careless {
		return nil
	}
	return s.log.Sync()
}

// serve is the code of a node: the store behind net/http.
func serve(newLock func() sync.Locker, careless bool) bubble.Main {
	return func(ctx context.Context, h *bubble.Host) error {
		s, err := openStore(h.FS(), newLock(), careless)
		if err != nil {
			return err
		}
		l, err := h.Listen("tcp", ":80")
		if err != nil {
			return err
		}
		server := &http.Server{Handler: s}
		defer context.AfterFunc(ctx, func() { _ = server.Close() })()
		return server.Serve(l)
	}
}

var _ fs.FS = (*bubble.FS)(nil)
