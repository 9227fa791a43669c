// Package input reads the files that people name on a command line: whole, but never
// more than a limit, and only regular files. A device has no end, and a pipe without a
// writer has no beginning.
//
// Other modules should not import it: docs/API.md promises nothing of it.
package input

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// Errors of ReadFile and ReadAll. Errors that wrap them name the file and the remedy.
var (
	ErrTooLarge   = errors.New("too large")
	ErrNotRegular = errors.New("not a regular file")
)

// MaxPlan bounds the file of a plan or an artefact, in bytes. A million operations take
// 170 MB.
const MaxPlan = 256 << 20

// ReadFile returns the content of a regular file of at most limit bytes. It follows
// symbolic links: the user chooses the file by naming it.
func ReadFile(name string, limit int64) ([]byte, error) {
	info, err := os.Stat(name) // before it is opened: to open a pipe waits for its writer
	if err != nil {
		return nil, err
	}
	switch {
	case info.IsDir():
		return nil, fmt.Errorf("%s: %w but a directory: name a file in it", name, ErrNotRegular)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s: %w: a pipe or device may never end: write what comes from it to a file, and name that", name, ErrNotRegular)
	case info.Size() > limit:
		return nil, tooLarge(name, limit)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ReadAll(name, f, limit)
}

// ReadAll returns all that in has, at most limit bytes; name is what to call it in
// errors. It is for standard input, which may be a pipe.
func ReadAll(name string, in io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, tooLarge(name, limit)
	}
	return data, nil
}

func tooLarge(name string, limit int64) error {
	return fmt.Errorf("%s: %w: it has more than %d bytes, which no file of this kind has: is it the right one?", name, ErrTooLarge, limit)
}
