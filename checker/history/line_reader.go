package history

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// MaxLine is the length of the longest line of a history, in bytes. It bounds
// the memory that a file without newlines can take.
const MaxLine = 16 << 20

// lineReader reads whole lines.
type lineReader struct {
	in     *bufio.Scanner
	number int   // of the last line
	bytes  int64 // of all lines so far
	ended  bool
}

func newLineReader(r io.Reader) lineReader {
	in := bufio.NewScanner(r)
	in.Buffer(make([]byte, 64<<10), MaxLine)
	in.Split(ScanWholeLines)
	return lineReader{in: in}
}

// ScanWholeLines is a bufio.SplitFunc like bufio.ScanLines, except that lines
// keep their newlines: a last line without one was cut off.
func ScanWholeLines(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i+1], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}

// next returns the next line, which is valid until the next call; io.EOF after
// the last.
func (l *lineReader) next() ([]byte, error) {
	if l.ended || !l.in.Scan() {
		return nil, l.end()
	}
	l.number++
	text := l.in.Bytes()
	l.bytes += int64(len(text))
	if text[len(text)-1] != '\n' {
		if l.in.Err() != nil {
			return nil, l.end()
		}
		return nil, formatError(l.number, errors.New("does not end in a newline, so the file was cut off: "+
			"delete the line, or end it if it is whole"))
	}
	text = bytes.TrimRight(text, "\r\n")
	if len(text) == 0 || len(bytes.TrimSpace(text)) == 0 {
		return nil, formatError(l.number, errors.New("empty: delete it"))
	}
	return text, nil
}

// end returns the reason why there are no more lines: the error once, then
// io.EOF.
func (l *lineReader) end() error {
	if l.ended {
		return io.EOF
	}
	l.ended = true
	err := l.in.Err()
	switch {
	case err == nil:
		return io.EOF
	case errors.Is(err, bufio.ErrTooLong):
		return formatError(l.number+1, fmt.Errorf("longer than %d bytes, so this is not a history; the rest was not read", MaxLine))
	}
	return fmt.Errorf("history: line %d: %w", max(l.number, 1), err)
}

// lineError is an error about one line.
type lineError struct {
	line int
	err  error
}

func formatError(line int, err error) error { return &lineError{line, err} }

func (e *lineError) Error() string   { return fmt.Sprintf("%v: %s", ErrFormat, e.text()) }
func (e *lineError) Unwrap() []error { return []error{ErrFormat, e.err} }
func (e *lineError) text() string    { return fmt.Sprintf("line %d: %v", e.line, e.err) }

// maxBadLines is the number of bad lines that an error lists.
const maxBadLines = 20

// BadLines gathers errors about the lines of a history. It keeps the first
// twenty and counts the rest. The zero value is empty.
type BadLines struct {
	lines   []*lineError
	more    int
	stopped bool
}

// Full reports whether b has twenty lines: to read on tells little more, and a
// file of another kind may have millions.
func (b *BadLines) Full() bool { return len(b.lines) == maxBadLines }

// Stop notes that the lines after the last were not read.
func (b *BadLines) Stop() { b.stopped = true }

// Add adds the error of a line, counted from 1.
func (b *BadLines) Add(line int, err error) { b.add(formatError(line, err)) }

// add adds an error made by formatError.
func (b *BadLines) add(err error) {
	if len(b.lines) == maxBadLines {
		b.more++
		return
	}
	b.lines = append(b.lines, err.(*lineError))
}

// Err returns nil if b is empty, or else an error that lists the bad lines, one
// per line, and wraps ErrFormat.
func (b *BadLines) Err() error {
	if len(b.lines) == 0 {
		return nil
	}
	return b
}

// Error implements error.
func (b *BadLines) Error() string {
	var all []string
	for _, e := range b.lines {
		all = append(all, e.text())
	}
	if b.stopped {
		all = append(all, fmt.Sprintf("and perhaps more: these were %d, so the rest was not read", len(b.lines)))
	}
	if b.more > 0 {
		all = append(all, fmt.Sprintf("and %d more", b.more))
	}
	return ErrFormat.Error() + ": " + strings.Join(all, "\n")
}

// Unwrap returns ErrFormat and the errors of the lines.
func (b *BadLines) Unwrap() []error {
	errs := []error{ErrFormat}
	for _, e := range b.lines {
		errs = append(errs, e.err)
	}
	return errs
}
