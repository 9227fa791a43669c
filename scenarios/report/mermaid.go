package report

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/lockstep-dst/lockstep/node/printable"
	"github.com/lockstep-dst/lockstep/sim"
)

// WriteMermaid writes a run of d, by its place in d.Runs, as a sequence diagram of Mermaid,
// for small runs: a message stands where it arrives, or where it was sent if it never does.
func WriteMermaid(w io.Writer, d *Document, run int) error {
	m := mermaid{figure: newFigure(&d.Runs[run]), out: bufio.NewWriter(w)}
	m.printf("sequenceDiagram\n")
	for _, l := range m.lanes {
		m.printf("  participant %s as %s\n", participant(l.ID), mermaidText(l.Name))
	}
	m.leftOut(m.before, "before")
	sent := map[int][]int{} // messages that never arrive in the diagram, by event
	for i := range m.run.Messages {
		sent[m.run.Messages[i].Sent] = append(sent[m.run.Messages[i].Sent], i)
	}
	for _, i := range m.rows {
		m.event(i)
		for _, k := range sent[i] {
			m.unarrived(&m.run.Messages[k])
		}
	}
	m.leftOut(m.after, "after")
	return m.out.Flush()
}

// mermaid writes a sequence diagram.
type mermaid struct {
	*figure
	out *bufio.Writer
}

func (m *mermaid) printf(format string, args ...any) { fmt.Fprintf(m.out, format, args...) }

// leftOut tells how many events are not shown.
func (m *mermaid) leftOut(n int, where string) {
	if n > 0 && len(m.lanes) > 0 {
		m.printf("  Note over %s: %d events %s this are left out\n", m.everybody(), n, where)
	}
}

func (m *mermaid) everybody() string {
	first, last := participant(m.lanes[0].ID), participant(m.lanes[len(m.lanes)-1].ID)
	if first == last {
		return first
	}
	return first + "," + last
}

// event writes the arrival of a message, or another event, and its reports.
func (m *mermaid) event(i int) {
	e := &m.run.Events[i]
	who := participant(e.Lane)
	switch {
	case e.Message != nil && e.Kind == "receive":
		sent := &m.run.Messages[*e.Message]
		arrow, note := "->>", ""
		if e.Copy {
			arrow, note = "-->>", " (copy)"
		} else if sent.Late {
			note = " (late)"
		}
		m.printf("  %s%s%s: %s%s\n", participant(sent.From), arrow, who, mermaidText(sent.Text), note)
	case e.Message != nil:
		sent := &m.run.Messages[*e.Message]
		m.printf("  %s--x%s: %s\n", participant(sent.From), who, mermaidText(e.Text))
	default:
		m.printf("  Note over %s: %s %s\n", who, mermaidText(sim.Duration(e.At).String()), mermaidText(e.Text))
	}
	for _, mark := range m.marksOf(i) {
		if mark.Kind != "disk" {
			m.printf("  Note over %s: %s\n", who, mermaidText(mark.Text))
		}
	}
	if v := m.run.Violation; v != nil && v.Event == i {
		m.printf("  Note over %s: VIOLATION %s: %s\n", m.everybody(), mermaidText(m.run.Signature), mermaidText(v.Sentence))
	}
}

// unarrived writes a message that was dropped when it was sent.
func (m *mermaid) unarrived(sent *Message) {
	if _, shown := m.column[sent.To]; shown && sent.Fate == dropped {
		m.printf("  %s--x%s: %s (lost: %s)\n", participant(sent.From), participant(sent.To), mermaidText(sent.Text), mermaidText(sent.Cause))
	}
}

// participant is the name of a lane in the source of the diagram.
func participant(id sim.ID) string { return fmt.Sprintf("p%d", id) }

// mermaidEnd is a word that ends a block of a diagram wherever it stands.
var mermaidEnd = regexp.MustCompile(`(?i)\bend\b`)

// mermaidText is a text of others as text of a diagram: signs that have a meaning there are
// named by their codes.
func mermaidText(text string) string {
	var b strings.Builder
	for _, r := range printable.String(text) {
		switch r {
		case '#', ';', '<', '>', '&', '%', '"', '{', '}', '`':
			fmt.Fprintf(&b, "#%d;", r)
		default:
			b.WriteRune(r)
		}
	}
	return mermaidEnd.ReplaceAllStringFunc(b.String(), func(end string) string { return fmt.Sprintf("#%d;%s", end[0], end[1:]) })
}
