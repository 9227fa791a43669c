package jepsen

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// lines iterates over the lines of a file.
type lines struct {
	in     *bufio.Scanner
	number int    // of the line
	text   []byte // of the line, with its newline; valid until the next
	held   bool   // next returns text once more
}

func newLines(r io.Reader) *lines {
	in := bufio.NewScanner(r)
	in.Buffer(make([]byte, 64<<10), history.MaxLine)
	in.Split(history.ScanWholeLines)
	return &lines{in: in}
}

// next goes to the next line. It reports false at the end, or at a line that
// could not be read as a whole.
func (l *lines) next() bool {
	if l.held {
		l.held = false
		l.number++
		return true
	}
	if !l.in.Scan() {
		return false
	}
	l.text = l.in.Bytes()
	if !l.whole() && l.in.Err() != nil {
		return false
	}
	l.number++
	return true
}

// putBack makes next return the line once more.
func (l *lines) putBack() {
	l.held = true
	l.number--
}

// whole reports whether the line has its newline.
func (l *lines) whole() bool { return l.text[len(l.text)-1] == '\n' }

// value returns the line, which begins with a value of EDN, with the lines after
// it as far as the value goes on. A line that begins another event ends it.
func (l *lines) value() []byte {
	var n nesting
	if n.add(l.text); !n.isOpen() || !l.whole() {
		return l.text
	}
	value := bytes.Clone(l.text)
	for n.isOpen() && len(value) <= history.MaxLine && l.next() {
		if !n.inString && beginsEvent(l.text) {
			l.putBack()
			break
		}
		n.add(l.text)
		value = append(value, l.text...)
	}
	return value
}

// skipText skips the lines after a line of a log without an event, as far as a
// map that it prints goes on, indented, and returns their number.
func (l *lines) skipText() (skipped int) {
	at := bytes.IndexByte(l.text, '{')
	if at < 0 {
		return 0
	}
	var n nesting
	for n.add(l.text[at:]); n.isOpen() && l.next(); {
		if _, _, _, found := splitLogLine(l.text); found || l.text[0] != ' ' && l.text[0] != '\t' {
			l.putBack()
			break
		}
		skipped++
		n.add(l.text)
	}
	return skipped
}

// beginsEvent reports whether a line begins with a map, or is a line of a log with
// an operation.
func beginsEvent(line []byte) bool {
	if line[0] == '{' || line[0] == '#' {
		return true
	}
	_, _, _, found := splitLogLine(line)
	return found && !isSpace(line[0])
}

// trimLeft returns text without the space, and the commas, before it.
func trimLeft(text []byte) []byte {
	for len(text) > 0 && isSpace(text[0]) {
		text = text[1:]
	}
	return text
}

// readLines reads a file of maps and of lines of a log.
func (b *builder) readLines(in io.Reader) error {
	l := newLines(in)
	for !b.bad.Full() && l.next() {
		b.line = l.number
		var e event
		if l.whole() && b.fast.event(l.text, &e) {
			b.addEvent(e, nil)
			continue
		}
		switch text := trimLeft(l.text); {
		case len(text) == 0 || text[0] == ';':
		case text[0] == '{' || text[0] == '#':
			b.addMaps(l.value())
		case isVectorOfMaps(text):
			b.addVector(l.value())
		default:
			if !b.addLogLine(text, l.whole()) {
				b.skippedLines += 1 + l.skipText()
			}
		}
	}
	err := l.in.Err()
	switch {
	case errors.Is(err, bufio.ErrTooLong):
		b.bad.Add(l.number+1, fmt.Errorf("longer than %d bytes, so this is no history by lines; what follows was not read", history.MaxLine))
		return nil
	case err == nil && !b.found:
		b.bad.Add(max(l.number, 1), errNoOperation)
	}
	return err
}

// addMaps adds the events of maps. The first begins in line b.line.
func (b *builder) addMaps(text []byte) {
	first, counted := b.line, 0
	p := &b.parser
	for p.reset(text); !b.bad.Full() && !p.ended(); {
		b.line += bytes.Count(text[counted:p.at], []byte("\n"))
		counted = p.at
		v, err := p.next()
		switch {
		case !utf8.Valid(text):
			b.found = true
			b.bad.Add(first, errUTF8)
			return
		case err != nil && b.inLog && !isLikeMap(text):
			b.skippedLines += bytes.Count(text, []byte("\n"))
			return
		case err != nil:
			b.found = true
			b.bad.Add(b.line, mapError(err, text))
			return
		}
		b.addMap(v, bytes.Count(text[counted:p.at], []byte("\n"))+1)
	}
}

// isVectorOfMaps reports whether a line begins with a vector of maps.
func isVectorOfMaps(text []byte) bool {
	if text[0] != '[' && text[0] != '(' {
		return false
	}
	inside := trimLeft(text[1:])
	return len(inside) > 0 && inside[0] == '{'
}

// addVector skips a vector that Jepsen prints among the lines of a log, for
// example of events of the nemesis. It must not have events of clients: they may
// be part of the history.
func (b *builder) addVector(text []byte) {
	p := &b.parser
	p.reset(text)
	v, err := p.next()
	if err != nil || slices.ContainsFunc(v.items, isClientEvent) {
		b.found = true
		b.bad.Add(b.line, errors.New("looks like a vector of events among other lines: remove its brackets if they belong to the history, or else delete it"))
		return
	}
	b.inLog = true
	b.skippedLines += bytes.Count(text, []byte("\n"))
}

// isClientEvent reports whether v is an event with a number as its process.
func isClientEvent(v value) bool {
	process, found := v.get(":process")
	return found && !isKeyword(process)
}

// addMap adds the event of a map. Among the lines of a log, Jepsen prints other
// maps too: its options, and results.
func (b *builder) addMap(v value, lines int) {
	if b.inLog && v.kind == dict && !v.isLikeEvent() {
		b.skippedLines += lines
		return
	}
	e, err := parseEvent(v)
	b.addEvent(e, err)
}

func mapError(err error, text []byte) error {
	if errors.Is(err, errTruncated) && text[len(text)-1] != '\n' {
		return errCut
	}
	return fmt.Errorf("not EDN: delete it, or correct it: %w", err)
}

// isLikeMap reports whether text may be an event that was damaged.
func isLikeMap(text []byte) bool {
	return bytes.Contains(text, []byte(":type")) && bytes.Contains(text, []byte(":process"))
}

// addLogLine adds the event of a line of a log; false if it has none. The line
// must be whole: if it is cut off, the rest may look like another event.
func (b *builder) addLogLine(line []byte, whole bool) bool {
	e, found, err := b.parser.parseLogLine(line)
	switch {
	case !found && err == nil:
		b.inLog = true
		return false
	case found && !whole:
		err = errCut
	}
	b.addEvent(e, err)
	return true
}

var (
	errCut         = errors.New("does not end in a newline, so the file was cut off: delete the line, or end it if it is whole")
	errNoOperation = errors.New("the file ends, and there was no operation in it: " +
		"want maps as in {:process 0, :type :invoke, :f :read, :value nil}, or a log with lines as in 0 :invoke :read nil")
)
