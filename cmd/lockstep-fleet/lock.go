package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/lockstep-dst/lockstep/node/flock"
)

// errServed is wrapped by the error about a directory of another process.
var errServed = errors.New("another fleet serve has it: stop that one, or give another directory")

// lockDir makes a directory, and keeps it for this process until the file is closed. The
// lock file has the number of the process, and is never removed: a lock on a removed file
// excludes no other.
func lockDir(flag, dir, name string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	taken, err := flock.Take(f)
	if err == nil && !taken {
		said, _ := io.ReadAll(io.LimitReader(f, 32))
		err = fmt.Errorf("%w (process %s)", errServed, bytes.TrimSpace(said))
	}
	if err == nil {
		err = f.Truncate(0)
	}
	if err == nil {
		_, err = f.WriteAt(fmt.Appendln(nil, os.Getpid()), 0)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s %s: %w", flag, dir, err)
	}
	return f, nil
}
