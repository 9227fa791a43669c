package cli

import (
	"fmt"
	"io"
	"os"

	"github.com/lockstep-dst/lockstep/node/printable"
)

// StatusLine shows the progress of a long task on a writer: on a terminal as one
// line that changes, elsewhere as a line each time.
type StatusLine struct {
	out      io.Writer
	terminal *os.File // nil: out is none
}

// NewStatusLine returns a line on out, usually the standard error.
func NewStatusLine(out io.Writer) StatusLine {
	if t := terminalOf(out); t != nil {
		return StatusLine{t, t}
	}
	return StatusLine{out, nil}
}

// OnTerminal reports whether the line changes in place.
func (s StatusLine) OnTerminal() bool { return s.terminal != nil }

// Show shows text, without a line feed, in place of the text before.
func (s StatusLine) Show(text string) {
	if !s.OnTerminal() {
		fmt.Fprintln(s.out, printable.String(text))
		return
	}
	fmt.Fprintf(s.out, "\r\x1b[K%s", s.truncate(printable.String(text)))
}

// Clear clears the line on a terminal, before other output.
func (s StatusLine) Clear() {
	if s.OnTerminal() {
		fmt.Fprint(s.out, "\r\x1b[K")
	}
}

// truncate cuts a line to the width of the terminal: a line that wraps could not be
// cleared.
func (s StatusLine) truncate(line string) string {
	runes := []rune(line)
	return string(runes[:min(len(runes), Width(s.terminal)-1)])
}
