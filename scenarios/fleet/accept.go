package fleet

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Programs returns the hashes of the programs that some campaigns need.
func Programs(campaigns []*Campaign) map[string]bool {
	used := map[string]bool{}
	for _, c := range campaigns {
		if c.Program != "" {
			used[c.Program] = true
		}
	}
	return used
}

// Accepted is the programs that a worker takes from the queue and runs, in a directory of
// its own, each under its hash.
type Accepted struct {
	Dir     string
	Example Program // its Workers and Limit are those of all programs

	opened map[string]*Program // by hash
}

// program returns a program, from the directory or else from the queue. The hash of the
// file is checked once in either case, before the program is run.
func (a *Accepted) program(ctx context.Context, q Queue, hash string) (*Program, error) {
	if p := a.opened[hash]; p != nil {
		return p, nil
	}
	if err := os.MkdirAll(a.Dir, 0o700); err != nil {
		return nil, err
	}
	name := filepath.Join(a.Dir, hash)
	p, err := a.open(name, hash)
	if err != nil {
		if err := a.fetch(ctx, q, name, hash); err != nil {
			return nil, fmt.Errorf("program %s: %w", hash, err)
		}
		if p, err = a.open(name, hash); err != nil {
			return nil, err
		}
	}
	if a.opened == nil {
		a.opened = map[string]*Program{}
	}
	a.opened[hash] = p
	return p, nil
}

// open returns the program in a file, if it has the hash.
func (a *Accepted) open(name, hash string) (*Program, error) {
	p, err := OpenProgram(name, a.Example.Workers)
	if err != nil {
		return nil, err
	}
	if p.Hash != hash {
		return nil, fmt.Errorf("%s: %w: its SHA-256 is %s", name, errHash, p.Hash)
	}
	p.Limit = a.Example.Limit
	return p, nil
}

// errHash is wrapped by the error about a program that is not the one of its hash.
var errHash = errors.New("not the program of this hash")

// fetch takes a program from the queue into a file. One that is larger than it may be, or
// has another hash, leaves none.
func (a *Accepted) fetch(ctx context.Context, q Queue, name, hash string) error {
	from, err := q.Program(ctx, hash)
	if err != nil {
		return err
	}
	defer from.Close()
	f, err := os.CreateTemp(a.Dir, "fetch-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // without effect after the rename
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, h), io.LimitReader(from, MaxProgram+1))
	if err := errors.Join(err, f.Chmod(0o500), f.Close()); err != nil {
		return err
	}
	if got := fmt.Sprintf("%x", h.Sum(nil)); n > MaxProgram || got != hash {
		return fmt.Errorf("%w: %d bytes of SHA-256 %s", errHash, n, got)
	}
	return os.Rename(f.Name(), name)
}
