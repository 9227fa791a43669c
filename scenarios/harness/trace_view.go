package harness

import (
	"bytes"
	"fmt"
	"io"
	"math"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/lockstep-dst/lockstep/sim"
)

// traceColumn is where a line of a trace says what happens.
const traceColumn = 32

// traceView prints the trace of a run for a person: events have their numbers, a violation
// is marked where it shows, and lines after it are only counted.
type traceView struct {
	out       io.Writer
	lanes     *traceLanes          // of a terminal; nil: lines are written as in a file
	write     func(sim.TraceLine)  // into text
	text      bytes.Buffer         // of a line
	violation *scenarios.Violation // nil: there is none
	shown     uint64               // event of the last line
	node      sim.ID               // the last node before the mark
	marked    bool
	folded    int // lines after the mark
}

func newTraceView(out io.Writer, violation *scenarios.Violation) *traceView {
	v := &traceView{out: out, violation: violation}
	v.write = sim.WriteTrace(&v.text)
	return v
}

// line takes the next line.
func (v *traceView) line(l sim.TraceLine) {
	if !v.marked && v.violation != nil && l.At > v.violation.At {
		v.mark()
	}
	if v.marked {
		v.folded++
		return
	}
	if l.ID != 0 && !scenarios.IsClient(l.ID) {
		v.node = l.ID
	}
	number := ""
	if l.Event != v.shown {
		number = fmt.Sprint(l.Event)
	}
	v.shown = l.Event
	if v.lanes != nil {
		v.lanes.print(v.out, l, number)
		return
	}
	v.text.Reset()
	v.write(l)
	fmt.Fprint(v.out, cli.Fit(v.out, v.text.String(), traceColumn+2))
}

// mark marks the place of the violation.
func (v *traceView) mark() {
	v.marked = true
	line := fmt.Sprintf("%7s  %s shows here: %s\n", ">>>", v.violation.Signature(), v.violation.Sentence)
	cli.PrintColoured(v.out, cli.Red, cli.Fit(v.out, line, 0))
}

// end ends the trace.
func (v *traceView) end() {
	if !v.marked && v.violation != nil {
		v.mark()
	}
	if v.folded > 0 {
		fmt.Fprintf(v.out, "%7s  %s until the run ended; --trace FILE writes all of them\n", "...", plural(v.folded, "line"))
	}
}

// printTrace runs a plan again, whose violation is known, and prints its trace.
func printTrace(out io.Writer, sys scenarios.System, p *scenarios.Plan, violation *scenarios.Violation) (*traceView, error) {
	v := newTraceView(out, violation)
	v.begin(p)
	if _, err := play.Inspect(sys, p, math.MaxUint64, nil, v.line); err != nil {
		return nil, err
	}
	v.end()
	fmt.Fprintln(out)
	return v, nil
}

// begin prints the meaning of the columns. A terminal has one for each process.
func (v *traceView) begin(p *scenarios.Plan) {
	columns := "columns: number of the event, time, process (2 ← 1: 2 receives from 1; 2 → 1: 2 sends to 1), what happens"
	if cli.IsTerminal(v.out) {
		v.lanes = newTraceLanes(p, cli.Width(v.out))
		columns = "columns: number of the event, time, and one for each process (← 1: it receives from 1; → 1: it sends to 1)"
	}
	fmt.Fprintln(v.out, cli.Fit(v.out, legend(p)+"\n"+columns, 0))
	if v.lanes != nil {
		fmt.Fprintln(v.out, v.lanes.head())
	}
}

// legend tells the processes of a plan apart.
func legend(p *scenarios.Plan) string {
	s := "processes: node 1"
	if p.Nodes > 1 {
		s = fmt.Sprintf("processes: nodes 1 to %d", p.Nodes)
	}
	switch first := scenarios.ClientID(1); {
	case p.Clients == 1:
		s += fmt.Sprintf(", client 1 as %d", first)
	case p.Clients > 1:
		s += fmt.Sprintf(", clients 1 to %d as %d to %d", p.Clients, first, scenarios.ClientID(p.Clients))
	}
	return s + fmt.Sprintf(", the client of the fresh operations after the heal as %d; * is the world", scenarios.ClientID(scenarios.HealClient))
}
