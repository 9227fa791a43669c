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
	l.text = withoutMark(l.in.Bytes())
	if !l.whole() && l.in.Err() != nil {
		return false
	}
	l.number++
	return true
}

// withoutMark returns a line without the byte order mark before it: a file may be several,
// one after the other.
func withoutMark(line []byte) []byte {
	if rest, found := bytes.CutPrefix(line, []byte(byteOrderMark)); found && len(rest) > 0 {
		return rest
	}
	return line
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
		if l.endsValue(n.inString) {
			l.putBack()
			break
		}
		n.add(l.text)
		value = append(value, l.text...)
	}
	return value
}

// endsValue reports whether the line begins another event, so that a value before it has
// not been ended: with a map, or as a line of a log. A line of a string may begin with a brace.
func (l *lines) endsValue(inString bool) bool {
	process, _, _, found := splitLogLine(l.text)
	if found && isDigit(process[0]) {
		first, _ := nextWord(l.text, 0)
		return !isSpace(l.text[0]) || &first[0] == &process[0]
	}
	return !inString && (l.text[0] == '{' || l.text[0] == '#' || found && !isSpace(l.text[0]))
}

// printed returns the line, which is one of a log without an event, with the lines after it as
// far as a map that it prints goes on, indented. It is cut if it ends within the map.
func (l *lines) printed() (text []byte, cut bool) {
	at := bytes.IndexByte(l.text, '{')
	if at < 0 {
		return l.text, false
	}
	var n nesting
	if n.add(l.text[at:]); !n.isOpen() {
		return l.text, false
	}
	text = bytes.Clone(l.text)
	for n.isOpen() && len(text) <= history.MaxLine && l.next() {
		if _, _, _, found := splitLogLine(l.text); found || l.text[0] != ' ' && l.text[0] != '\t' {
			l.putBack()
			break
		}
		n.add(l.text)
		text = append(text, l.text...)
	}
	return text, n.isOpen()
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
				b.skip(l.printed())
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

// skip skips text of a log. It records an error if an operation may be in it.
func (b *builder) skip(text []byte, cut bool) {
	if offset, found := findOperation(text, cut); found {
		b.found = true
		b.bad.Add(b.line+bytes.Count(text[:offset], []byte("\n")), errInText)
		return
	}
	b.skippedLines += max(1, bytes.Count(text, []byte("\n")))
}

// addMaps adds the events of maps. The first begins in line b.line.
func (b *builder) addMaps(text []byte) {
	if !utf8.Valid(text) {
		b.found = true
		b.bad.Add(b.line, errUTF8)
		return
	}
	counted := 0
	p := &b.parser
	for p.reset(text); !b.bad.Full() && !p.ended(); {
		b.line += bytes.Count(text[counted:p.at], []byte("\n"))
		counted = p.at
		v, err := p.next()
		if errors.Is(err, errDiscarded) {
			return
		}
		if err != nil {
			b.addDamaged(text[counted:], err)
			return
		}
		b.addMap(v, bytes.Count(text[counted:p.at], []byte("\n"))+1)
	}
}

// addDamaged records the error of text that is not EDN. In a log it may be other text.
func (b *builder) addDamaged(text []byte, err error) {
	if b.inLog && !isDamagedEvent(text) {
		b.skip(text, !isClosed(text))
		return
	}
	b.found = true
	b.bad.Add(b.line, mapError(err, text))
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
	if b.inLog && v.kind == dict && !v.isLikeEvent() && !v.isLikeJSON() {
		b.skippedLines += lines
		return
	}
	e, err := parseEvent(v)
	if err != nil && v.isLikeJSON() {
		err = errMixed
	}
	b.addEvent(e, err)
}

func mapError(err error, text []byte) error {
	if errors.Is(err, errTruncated) && text[len(text)-1] != '\n' {
		return errCut
	}
	return fmt.Errorf("not EDN: delete it, or correct it: %w", err)
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
	errInText      = errors.New("looks like an operation within other text: give it a line of its own, as the others have, or delete it")
	errMixed       = errors.New("is an object of JSON among lines of another form: convert one of them")
	errNoOperation = errors.New("the file ends, and there was no operation in it: " +
		"want maps as in {:process 0, :type :invoke, :f :read, :value nil}, or a log with lines as in 0 :invoke :read nil")
)
