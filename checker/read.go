package checker

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Read reads what Write writes. It is strict: a history that is truncated, has
// a field that is unknown, missing or twice, or contradicts itself is refused
// with an error that names the line, the field and the remedy and wraps
// ErrFormat.
func Read(r io.Reader) (History, error) {
	lines := lineReader{in: bufio.NewReader(r)}
	text, err := lines.next()
	if err == io.EOF {
		return History{}, formatError(1, errors.New("the file is empty: the first line must be the header"))
	}
	if err != nil {
		return History{}, err
	}
	head, err := parseHeader(text)
	if err != nil {
		return History{}, formatError(1, err)
	}
	h := History{Definitions: head.Definitions}
	v, f := newValidator(h.Definitions)
	if f != nil {
		return History{}, formatError(1, f)
	}
	for {
		text, err := lines.next()
		if err == io.EOF {
			return h, nil
		}
		if err != nil {
			return History{}, err
		}
		op, err := parseOperation(text)
		if err != nil {
			return History{}, formatError(lines.number, err)
		}
		if f := v.add(&op); f != nil {
			return History{}, formatError(lines.number, f)
		}
		h.Operations = append(h.Operations, op)
	}
}

// lineReader reads whole lines.
type lineReader struct {
	in     *bufio.Reader
	number int // of the last line
}

// next is the next line; io.EOF after the last.
func (l *lineReader) next() ([]byte, error) {
	text, err := l.in.ReadBytes('\n')
	if err == io.EOF && len(text) == 0 {
		return nil, io.EOF
	}
	l.number++
	switch {
	case err == io.EOF:
		return nil, formatError(l.number, errors.New("does not end in a newline, so the file was cut off: "+
			"delete the line, or end it if it is whole"))
	case err != nil:
		return nil, fmt.Errorf("history: line %d: %w", l.number, err)
	}
	text = bytes.TrimRight(text, "\r\n")
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, formatError(l.number, errors.New("empty: delete it"))
	}
	return text, nil
}

// parseHeader looks at format and version first: the fields of a newer version
// would seem unknown.
func parseHeader(text []byte) (header, error) {
	var h header
	known := object{{"format", &h.Format, true}, {"version", &h.Version, true}, {"definitions", &h.Definitions, true}}
	err := known[:2].parse(text, true)
	switch {
	case err != nil:
		return h, fmt.Errorf("header: %w", err)
	case h.Format != formatName:
		return h, faultf("format", "%q: this is not a history: want %q", h.Format, formatName)
	case h.Version > formatVersion:
		return h, faultf("version", "%d is newer than %d, the newest known here: use a newer lockstep", h.Version, formatVersion)
	case h.Version < 1:
		return h, faultf("version", "%d: versions begin at 1", h.Version)
	}
	return h, known.parse(text, false)
}

func parseOperation(text []byte) (Operation, error) {
	op := Operation{Return: NoReturn, Version: NoVersion}
	fields := object{
		{"client", &op.Client, true}, {"id", &op.ID, true}, {"machine", &op.Machine, true}, {"kind", &op.Kind, true},
		{"argument", &op.Argument, false}, {"call", &op.Call, true}, {"return", &op.Return, false},
		{"outcome", &op.Outcome, true}, {"reason", &op.Reason, false}, {"state", &op.State, false},
		{"version", &op.Version, false},
	}
	return op, fields.parse(text, false)
}
