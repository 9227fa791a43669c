package report

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"

	"github.com/lockstep-dst/lockstep/node/printable"
	"github.com/lockstep-dst/lockstep/sim"
)

// shivizPattern is the expression by which ShiViz reads the log, its first line. The
// second, which parts several runs, is empty.
const shivizPattern = `(?<host>\S*) (?<clock>{.*})\n(?<event>.*)`

// vectorClock counts, by process, the events that happened before an event or are that
// event.
type vectorClock map[string]int

// WriteShiViz writes a run of d, by its place in d.Runs, as a log for ShiViz, with vector
// clocks: the clock of an event has all events that it can know of.
func WriteShiViz(w io.Writer, d *Document, run int) error {
	r, out := &d.Runs[run], bufio.NewWriter(w)
	fmt.Fprintf(out, "%s\n\n", shivizPattern)
	f := newFigure(r)
	now := map[sim.ID]vectorClock{} // of each process
	at := map[int]vectorClock{}     // by event from which something comes
	for i := range r.Events {
		e := &r.Events[i]
		clock := vectorClock{}
		maps.Copy(clock, now[e.Lane])
		if cause, ok := r.causeOf(i); ok {
			for host, n := range at[cause] {
				clock[host] = max(clock[host], n)
			}
		}
		clock[hostName(r, e.Lane)]++
		now[e.Lane], at[i] = clock, clock
		text, err := json.Marshal(clock) // in the order of the names
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s %s\n%s\n", hostName(r, e.Lane), text, printable.String(f.shivizText(i)))
	}
	return out.Flush()
}

// causeOf is the event of another process that an event follows from: that in which its
// message was sent, or the action of the world that ended the process.
func (r *Run) causeOf(i int) (cause int, ok bool) {
	e := &r.Events[i]
	switch {
	case e.Message != nil:
		return r.Messages[*e.Message].Sent, true
	case e.Kind == "crash":
		for j := i - 1; j >= 0 && r.Events[j].N == e.N; j-- {
			if r.Events[j].Kind == "action" {
				return j, true
			}
		}
	}
	return 0, false
}

// hostName is the name of a lane as one word: its kind, and its id in traces.
func hostName(r *Run, id sim.ID) string {
	for _, l := range r.Lanes {
		if l.ID == id && id != 0 {
			return fmt.Sprintf("%s-%d", l.Kind, id)
		}
	}
	return "world"
}

// shivizText tells an event in one line.
func (f *figure) shivizText(i int) string {
	e := &f.run.Events[i]
	text := fmt.Sprintf("%v %s: %s", sim.Duration(e.At), e.Kind, e.Text)
	for _, m := range f.marksOf(i) {
		text += "; " + m.Text
	}
	if v := f.run.Violation; v != nil && v.Event == i {
		text += "; VIOLATION: " + v.Sentence
	}
	return text
}
