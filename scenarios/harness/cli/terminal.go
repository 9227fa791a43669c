package cli

import (
	"bufio"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// defaultWidth is the width of lines where there is no terminal.
const defaultWidth = 80

// Width returns the columns of a terminal. Any other writer has 80.
func Width(out io.Writer) int {
	if t := terminalOf(out); t != nil {
		if w, _, err := term.GetSize(int(t.Fd())); err == nil && w > 0 {
			return w
		}
	}
	return defaultWidth
}

// terminalOf returns the terminal that out writes to, or nil.
func terminalOf(out io.Writer) *os.File {
	var f *os.File
	switch o := out.(type) {
	case *os.File:
		f = o
	case *errorOutput:
		f = o.file
	case *stickyWriter:
		f = o.file
	case *Buffered:
		return terminalOf(o.out)
	}
	if f == nil || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return f
}

// Buffered is a buffer before an output, of which it is known whether that is a terminal.
type Buffered struct {
	*bufio.Writer
	out io.Writer
}

// Buffer returns a buffer before out.
func Buffer(out io.Writer) *Buffered { return &Buffered{bufio.NewWriter(out), out} }

// Colour is a colour of a terminal.
type Colour string

// The colours.
const (
	Red    Colour = "31"
	Green  Colour = "32"
	Yellow Colour = "33"

	Blue    Colour = "34"
	Magenta Colour = "35"
	Cyan    Colour = "36"
)

// PrintColoured writes text in a colour if out is a terminal, unless the environment
// has NO_COLOR, or TERM=dumb.
func PrintColoured(out io.Writer, c Colour, text string) {
	t := terminalOf(out)
	if t == nil || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		_, _ = io.WriteString(out, text) // the output keeps its errors
		return
	}
	flush(out)
	_, _ = io.WriteString(t, "\x1b[1;"+string(c)+"m") // past the output, which makes it printable
	_, _ = io.WriteString(out, text)
	flush(out)
	_, _ = io.WriteString(t, "\x1b[0m")
}

// flush writes the contents of a buffer, so that text written past it keeps its place.
func flush(out io.Writer) {
	if b, ok := out.(*Buffered); ok {
		_ = b.Flush() // the buffer keeps its errors
	}
}

// IsTerminal reports whether out is a terminal.
func IsTerminal(out io.Writer) bool { return terminalOf(out) != nil }

// Fit is text whose lines are broken to the width of out if that is a terminal, as Wrap
// does it, and the text as it is if not. The lines after the first of each have its
// indent and two columns more, or column, if that is more. A line with a command of this
// program stays whole: what is broken cannot be pasted.
func Fit(out io.Writer, text string, column int) string {
	if terminalOf(out) == nil {
		return text
	}
	return fit(text, Width(out), column)
}

func fit(text string, width, column int) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if indent := len(line) - len(strings.TrimLeft(line, " ")) + 2; !strings.Contains(line, ProgramName()+" ") {
			lines[i] = Wrap(line, width, max(indent, column))
		}
	}
	return strings.Join(lines, "\n")
}

// Wrap breaks a line that is longer than width at spaces. The lines after the first are
// indented. A word that is too long has a line of its own.
func Wrap(line string, width, indent int) string {
	var b strings.Builder
	for utf8.RuneCountInString(line) > width {
		at := lastSpace(line, width, indent)
		if at < 0 {
			break
		}
		b.WriteString(strings.TrimRight(line[:at], " ") + "\n")
		line = strings.Repeat(" ", indent) + strings.TrimLeft(line[at:], " ")
	}
	return b.String() + line
}

// lastSpace returns the offset of the last space within the width, or else of the first
// one after it; -1: there is none. Spaces before the first word do not count.
func lastSpace(line string, width, indent int) int {
	at, column := -1, 0
	first := len(line) - len(strings.TrimLeft(line, " "))
	for i, r := range line {
		if r == ' ' && i > max(first, indent) {
			if column > width && at >= 0 {
				break
			}
			if at = i; column > width {
				break
			}
		}
		column++
	}
	return at
}

// WrapList is Wrap of a list, separated by commas, that breaks only between items.
func WrapList(title string, items []string, width, indent int) string {
	lines, column := title, utf8.RuneCountInString(title)
	for i, item := range items {
		if i < len(items)-1 {
			item += ","
		}
		n := utf8.RuneCountInString(item)
		if column+1+n > width && column > indent {
			lines += "\n" + strings.Repeat(" ", indent)
			column = indent
		} else {
			lines, column = lines+" ", column+1
		}
		lines, column = lines+item, column+n
	}
	return lines
}
