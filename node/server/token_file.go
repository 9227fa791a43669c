package server

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lockstep-dst/lockstep/node/access"
)

// tokenPoll is the time between two looks at the file of tokens.
const tokenPoll = time.Second

// errNotPrivate is the error for a file of tokens that others than its owner may read or
// write: the right to write it includes every role.
var errNotPrivate = errors.New("others than its owner may use it: chmod 600")

// tokenFile is a file of tokens, as it was last read without an error. It is safe for
// concurrent use.
type tokenFile struct {
	name   string
	log    *slog.Logger
	tokens atomic.Pointer[access.Tokens]

	reading sync.Mutex // held while the file is read
	text    string     // of the file when tokens were read
	failed  string     // error of the last look; empty: there was none
}

// openTokenFile reads a file of tokens.
func openTokenFile(name string, log *slog.Logger) (*tokenFile, error) {
	f := &tokenFile{name: name, log: log}
	_, err := f.read()
	return f, err
}

// read reads the file, and reports whether there are other tokens.
func (f *tokenFile) read() (changed bool, err error) {
	text, err := ReadPrivateFile(f.name, access.MaxTokenBytes)
	if err != nil || f.tokens.Load() != nil && text == f.text {
		return false, err
	}
	tokens, err := access.ParseTokens(text)
	if err != nil {
		return false, fmt.Errorf("%s: %w", f.name, err)
	}
	f.text = text
	f.tokens.Store(tokens)
	return true, nil
}

// ReadPrivateFile returns the text of a regular file that only its owner may use, cut
// after one byte more than most. Its errors name the file and the remedy.
func ReadPrivateFile(name string, most int64) (string, error) {
	info, err := os.Stat(name)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() { // to open a pipe would wait for its other end
		return "", fmt.Errorf("%s: want a regular file", name)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("%s: %w %s", name, errNotPrivate, name)
	}
	in, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, most+1))
	return string(text), err
}

// refresh reads the file again, and reports whether there are other tokens. A file that
// is wrong, or gone, leaves the tokens as they were, which is logged once.
func (f *tokenFile) refresh() (changed bool, err error) {
	f.reading.Lock()
	defer f.reading.Unlock()
	changed, err = f.read()
	switch {
	case err == nil:
		f.failed = ""
	case err.Error() != f.failed:
		f.failed = err.Error()
		f.log.Error("the file of tokens is wrong: the tokens stay as they were", "error", err)
	}
	if changed {
		f.log.Info("the file of tokens is read again", "file", f.name, "tokens", f.tokens.Load().Len())
	}
	return changed, err
}

// find returns the principal of a token.
func (f *tokenFile) find(text string) (access.Principal, bool) { return f.tokens.Load().Find(text) }

// holds reports whether a token of the principal is still in the file.
func (f *tokenFile) holds(p access.Principal) bool { return f.tokens.Load().Holds(p) }

// followTokens reads the file of tokens again when it changes, until the node stops.
func (s *Server) followTokens() {
	if s.access.tokens == nil {
		return
	}
	tick := time.NewTicker(tokenPoll)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_ = s.reloadTokens() // it logs
		case <-s.closing:
			return
		case <-s.loop.done:
			return
		}
	}
}
