package jepsen

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// window is the part of a file that is being parsed. It grows as far as a value
// goes on.
type window struct {
	in    io.Reader
	text  []byte // from the next value on
	buf   []byte // that text is in
	err   error  // of in, io.EOF at its end
	lines int    // that end before text
}

const minWindow = 256 << 10 // bytes

// more reads more text. It reports false at the end of the file, and if the text
// is longer than a value may be.
func (w *window) more() bool {
	if w.err != nil || len(w.text) > history.MaxLine {
		return false
	}
	if len(w.buf) < 2*len(w.text)+1 {
		w.buf = make([]byte, max(minWindow, 4*len(w.text)))
	}
	kept := copy(w.buf, w.text)
	var n int
	n, w.err = io.ReadAtLeast(w.in, w.buf[kept:], 1)
	w.text = w.buf[:kept+n]
	return n > 0
}

// failure returns the reason why the file cannot be read any further, other than its
// end.
func (w *window) failure() error {
	if w.err == io.EOF {
		return nil
	}
	return w.err
}

// drop drops text that has been parsed.
func (w *window) drop(n int) {
	w.lines += bytes.Count(w.text[:n], []byte("\n"))
	w.text = w.text[n:]
}

// line is the number of the line in which text begins.
func (w *window) line() int { return w.lines + 1 }

// skip drops spaces and comments. It reports whether there is text after them.
func (w *window) skip() bool {
	for {
		n := 0
		for n < len(w.text) && isSpace(w.text[n]) {
			n++
		}
		w.drop(n)
		if len(w.text) > 0 && w.text[0] != ';' {
			return true
		}
		end := bytes.IndexByte(w.text, '\n')
		if end >= 0 {
			w.drop(end)
		} else if !w.more() {
			w.drop(len(w.text))
			return false
		}
	}
}

// value parses the value with which the text begins, and drops it.
func (w *window) value(p *parser) (value, error) {
	for {
		p.reset(w.text)
		v, err := p.next()
		if (err != nil || p.at == len(w.text)) && w.more() { // it may go on
			continue
		}
		if err != nil && len(w.text) > history.MaxLine {
			err = fmt.Errorf("a value is longer than %d bytes, or %w", history.MaxLine, err)
		}
		if err == nil && !utf8.Valid(w.text[:p.at]) {
			err = errUTF8
		}
		w.drop(p.at)
		return v, err
	}
}

// readVector reads a file of one vector, or list, of maps.
func (b *builder) readVector(in io.Reader) error {
	w := &window{in: in}
	w.skip()
	w.drop(1) // the bracket
	for !b.bad.Full() {
		more := w.skip()
		b.line = w.line()
		if more && (w.text[0] == ']' || w.text[0] == ')') {
			return b.endVector(w)
		}
		var e event
		if b.fast.prefix(w.text, &e) {
			w.drop(b.fast.at)
			b.addEvent(e, nil)
			continue
		}
		v, err := w.value(&b.parser)
		if w.failure() != nil {
			return w.failure()
		}
		if errors.Is(err, errUTF8) {
			b.bad.Add(b.line, err)
			continue
		}
		if err != nil {
			b.bad.Add(b.line, fmt.Errorf("not EDN: correct it: %w; what follows was not read", err))
			return nil
		}
		b.addMap(v, 1)
	}
	return nil
}

// endVector checks that nothing follows the bracket with which w begins.
func (b *builder) endVector(w *window) error {
	w.drop(1)
	switch {
	case w.skip():
		b.bad.Add(w.line(), errors.New("has text after the vector: remove it"))
	case w.failure() != nil:
		return w.failure()
	case !b.found:
		b.bad.Add(b.line, errNoOperation)
	}
	return nil
}
