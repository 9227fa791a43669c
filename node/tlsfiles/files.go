package tlsfiles

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Errors of reading the files. They name the file and the remedy.
var (
	// ErrFiles is wrapped by all of them.
	ErrFiles = errors.New("TLS files")
	// ErrKeyReadable means that every user of the host can read a private key.
	ErrKeyReadable = errors.New("everybody on this host can read the private key: chmod 600 it")
	// ErrExpired means that a certificate is not valid at this time.
	ErrExpired = errors.New("the certificate is not valid now: issue another, or correct the clock")
)

// DefaultInterval is the time between two looks at the files.
const DefaultInterval = 2 * time.Second

// A certificate ends soon when a quarter of its time is left, and at most a week. Then a
// look at the files warns of it, once a day.
const (
	longestWarning = 7 * 24 * time.Hour
	warnInterval   = 24 * time.Hour
)

// Paths names the files, in PEM.
type Paths struct {
	Authorities string // certificates of the authorities that are trusted
	Certificate string // the own one, and after it those between it and its authority
	Key         string // of the own certificate
}

// Config is the configuration of Files.
type Config struct {
	Paths

	// Own returns an error if the own certificate is not one for this process; nil: any.
	Own func(*x509.Certificate) error

	// Usages lists the ways in which the own certificate is going to be used.
	Usages []x509.ExtKeyUsage

	Interval time.Duration // between two looks of Watch at the files; 0: DefaultInterval
	Log      *slog.Logger  // nil: none
}

// Files is the files of one process, as they were when they last made sense. It is safe
// for concurrent use.
type Files struct {
	cfg     Config
	current atomic.Pointer[material]

	reloads, failures atomic.Uint64

	mu      sync.Mutex // guards the following, and is held while the files are read
	failure string     // of the last look; empty: none
	warned  time.Time  // of the end of the certificate
}

// Status is the state of Files.
type Status struct {
	NotAfter time.Time // end of the own certificate; zero: there is none
	Reloads  uint64    // changes of the files that are in use
	Failures uint64    // looks at files that made no sense
}

// Open reads the files. Its error wraps ErrFiles.
func Open(cfg Config) (*Files, error) {
	if cfg.Interval == 0 {
		cfg.Interval = DefaultInterval
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	f := &Files{cfg: cfg}
	m, err := cfg.read(nil)
	if err != nil {
		return nil, err
	}
	f.current.Store(m)
	f.warnExpiry(m)
	return f, nil
}

func (c *Config) validate() error {
	switch {
	case c.Authorities == "":
		return fmt.Errorf("%w: authorities: missing: name the file with the certificates of the authorities that are trusted", ErrFiles)
	case c.Certificate == "" && c.Key != "":
		return fmt.Errorf("%w: certificate: missing: name the file with the certificate of the key %s", ErrFiles, c.Key)
	case c.Certificate != "" && c.Key == "":
		return fmt.Errorf("%w: key: missing: name the file with the key of the certificate %s", ErrFiles, c.Certificate)
	case c.Interval < 0:
		return fmt.Errorf("%w: interval %v: want more than 0", ErrFiles, c.Interval)
	}
	return nil
}

// Reload reads the files. If they have changed and make sense, new connections use them.
// Its error wraps ErrFiles; it is logged if it was not the last time.
func (f *Files) Reload() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	before := f.current.Load()
	m, err := f.cfg.read(before)
	if err != nil {
		f.failures.Add(1)
		if f.failure != err.Error() {
			f.failure = err.Error()
			f.cfg.Log.Error("the changed TLS files are not used, and the earlier ones stay in use", "error", err)
		}
		return err
	}
	f.failure = ""
	if m != before {
		f.current.Store(m)
		f.reloads.Add(1)
		f.warned = time.Time{}
		f.cfg.Log.Info("new connections use the changed TLS files", "not_after", m.notAfter())
	}
	f.warnExpiry(m)
	return nil
}

// warnExpiry logs that the own certificate ends soon.
func (f *Files) warnExpiry(m *material) {
	now := time.Now()
	if m.certificate == nil || !endsSoon(m.certificate.Leaf, now) || now.Sub(f.warned) < warnInterval {
		return
	}
	f.warned = now
	f.cfg.Log.Warn("the TLS certificate ends soon: replace its file", "file", f.cfg.Certificate, "not_after", m.notAfter())
}

// endsSoon reports whether a certificate is about to end.
func endsSoon(c *x509.Certificate, now time.Time) bool {
	return c.NotAfter.Sub(now) < min(longestWarning, c.NotAfter.Sub(c.NotBefore)/4)
}

// Watch reads the files in every Config.Interval until ctx ends. It compares their
// contents, not their times: a copy may keep the time, and a clock is coarse.
func (f *Files) Watch(ctx context.Context) {
	tick := time.NewTicker(f.cfg.Interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			_ = f.Reload() // it is logged and counted
		}
	}
}

// Status returns the state.
func (f *Files) Status() Status {
	return Status{NotAfter: f.current.Load().notAfter(), Reloads: f.reloads.Load(), Failures: f.failures.Load()}
}
