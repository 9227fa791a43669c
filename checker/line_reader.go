package checker

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// MaxLine is the length of the longest line of a history, in bytes: what is
// longer is none, and must not fill the memory.
const MaxLine = 16 << 20

// lineReader reads whole lines.
type lineReader struct {
	in     *bufio.Scanner
	number int // of the last line
	ended  bool
}

func newLineReader(r io.Reader) lineReader {
	in := bufio.NewScanner(r)
	in.Buffer(make([]byte, 64<<10), MaxLine)
	in.Split(ScanWholeLines)
	return lineReader{in: in}
}

// ScanWholeLines is bufio.ScanLines, but that lines keep their newlines: a last
// line that was cut off can be told by having none.
func ScanWholeLines(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i+1], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}

// next is the next line, valid until the one after it is asked for; io.EOF
// after the last.
func (l *lineReader) next() ([]byte, error) {
	if l.ended || !l.in.Scan() {
		return nil, l.end()
	}
	l.number++
	text := l.in.Bytes()
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

// end tells why there are no more lines: once the reason, then io.EOF.
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

// lineError is what is wrong with one line.
type lineError struct {
	line int
	err  error
}

func formatError(line int, err error) error { return &lineError{line, err} }

func (e *lineError) Error() string   { return fmt.Sprintf("%v: %s", ErrFormat, e.text()) }
func (e *lineError) Unwrap() []error { return []error{ErrFormat, e.err} }
func (e *lineError) text() string    { return fmt.Sprintf("line %d: %v", e.line, e.err) }

// maxBadLines is how many bad lines are told in full.
const maxBadLines = 20

// BadLines gathers what is wrong with the lines of a history: the first twenty
// in full, of the rest their number. The zero BadLines is empty.
type BadLines struct {
	lines []*lineError
	more  int
}

// Add takes what is wrong with a line, counted from 1.
func (b *BadLines) Add(line int, err error) { b.add(formatError(line, err)) }

// add takes an error made by formatError.
func (b *BadLines) add(err error) {
	if len(b.lines) == maxBadLines {
		b.more++
		return
	}
	b.lines = append(b.lines, err.(*lineError))
}

// Err is nil if there are none, or else an error that tells them, a line each,
// and wraps ErrFormat.
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
	if b.more > 0 {
		all = append(all, fmt.Sprintf("and %d more", b.more))
	}
	return ErrFormat.Error() + ": " + strings.Join(all, "\n")
}

// Unwrap gives ErrFormat and the reasons.
func (b *BadLines) Unwrap() []error {
	errs := []error{ErrFormat}
	for _, e := range b.lines {
		errs = append(errs, e.err)
	}
	return errs
}
