// Package printable makes text that others wrote safe to show: a terminal obeys escape
// sequences and carriage returns in it, characters of direction reorder a line, and a
// line feed begins a line that seems to be the program's own.
//
// Other modules should not import it: docs/API.md promises nothing of it.
package printable

import (
	"fmt"
	"io"
	"sync"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// String returns text in one line, with everything in it that is not printable written
// as JSON writes it, as in \u001b. Bytes that are not UTF-8 become \x9b.
func String(text string) string {
	if i := firstUnprintable(text, false); i < len(text) {
		out := append([]byte{}, text[:i]...)
		for _, size := 0, 0; i < len(text); i += size {
			out, size = appendRune(out, text[i:], false)
		}
		return string(out)
	}
	return text
}

// Writer writes text to another writer as String does, but for line feeds and tabs,
// which it keeps: lines are the business of whoever writes them. What it changes in
// JSON means the same. It is safe for concurrent use.
type Writer struct {
	mu   sync.Mutex
	out  io.Writer
	rest []byte // the beginning of a character, whose other bytes are still to come
	buf  []byte
}

// NewWriter returns a Writer to out.
func NewWriter(out io.Writer) *Writer { return &Writer{out: out} }

// Write implements io.Writer.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.rest) == 0 && firstUnprintable(p, true) == len(p) {
		return w.out.Write(p)
	}
	text := append(w.rest, p...)
	w.buf = w.buf[:0]
	for len(text) > 0 && utf8.FullRune(text) {
		var size int
		w.buf, size = appendRune(w.buf, string(text[:min(len(text), utf8.UTFMax)]), true)
		text = text[size:]
	}
	w.rest = append([]byte{}, text...)
	if _, err := w.out.Write(w.buf); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush writes the rest of a character that never came to its end.
func (w *Writer) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	rest := String(string(w.rest))
	w.rest = nil
	_, err := io.WriteString(w.out, rest)
	return err
}

// firstUnprintable is the offset of the first byte that is not of printable ASCII text,
// or the length. Other text is looked at rune by rune.
func firstUnprintable[T string | []byte](text T, lines bool) int {
	for i := range len(text) {
		if c := text[i]; (c < ' ' || c > '~') && !(lines && (c == '\n' || c == '\t')) {
			return i
		}
	}
	return len(text)
}

// appendRune appends the first character of text, which is not empty, and returns its
// size.
func appendRune(out []byte, text string, lines bool) (_ []byte, size int) {
	r, size := utf8.DecodeRuneInString(text)
	switch {
	case r == utf8.RuneError && size == 1:
		return fmt.Appendf(out, `\x%02x`, text[0]), 1
	case unicode.IsPrint(r), lines && (r == '\n' || r == '\t'):
		return append(out, text[:size]...), size
	case r > 0xffff:
		high, low := utf16.EncodeRune(r)
		return fmt.Appendf(out, `\u%04x\u%04x`, high, low), size
	}
	return fmt.Appendf(out, `\u%04x`, r), size
}
