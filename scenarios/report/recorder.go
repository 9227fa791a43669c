package report

import (
	"fmt"
	"strings"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// recorder makes the events, messages and marks of a run from the lines of its trace.
type recorder struct {
	clipper
	run         *Run
	first, last uint64 // the events that are recorded
	flights     flights
	overridden  map[string]bool // addresses of messages with a fate that the plan fixes
	write       func(sim.TraceLine)
	raw         strings.Builder
	calls       map[string]call // by id of an operation
	down        map[sim.ID]int  // by process that is down: its place in Run.Spans
	requests    map[request]int // to disks, that have not ended: their places in Run.Marks
	unsynced    unsynced
}

// request identifies a request of a process to its disk.
type request struct {
	process sim.ID
	token   uint64
}

// call is where an operation began and ended.
type call struct {
	operation    *scenarios.Operation
	lane         sim.ID
	begin, end   int // places in Run.Events
	begun, ended bool
}

func newRecorder(run *Run, p *scenarios.Plan, first, last uint64) *recorder {
	r := &recorder{run: run, first: first, last: last, flights: flights{}, overridden: map[string]bool{}, calls: map[string]call{}, down: map[sim.ID]int{}, requests: map[request]int{}, unsynced: unsynced{}}
	r.write = sim.WriteTrace(&r.raw)
	for i := range p.Overrides {
		r.overridden[p.Overrides[i].Message.String()] = true
	}
	return r
}

// line implements the Trace of play.Options.
func (r *recorder) line(l sim.TraceLine) {
	if l.Event < r.first || l.Event > r.last {
		return
	}
	r.keepRaw(l)
	switch l.Kind {
	case sim.SendLine:
		r.send(l)
	case sim.DiskLine:
		r.request(l)
	case sim.ObservationLine:
		r.observation(l)
	default:
		r.event(l)
	}
}

// keepRaw keeps the line as a trace has it.
func (r *recorder) keepRaw(l sim.TraceLine) {
	r.raw.Reset()
	r.write(l)
	r.run.Trace = append(r.run.Trace, r.clip(strings.TrimSuffix(r.raw.String(), "\n")))
}

// kinds are the kinds of events.
var kinds = map[sim.LineKind]string{
	sim.ActionLine: "action", sim.BootLine: "boot", sim.ReceiveLine: "receive", sim.TimerLine: "timer", sim.DiskDoneLine: "disk",
	sim.InvokeLine: "invoke", sim.SendFailedLine: "send failed", sim.DisconnectedLine: "disconnected", sim.LossLine: "lost",
	sim.EndOfLifeLine: "crash", sim.ConnectionEndLine: "connection",
}

// event adds an event.
func (r *recorder) event(l sim.TraceLine) {
	here := len(r.run.Events)
	e := Event{N: l.Event, At: Time(l.At), Lane: l.ID, Kind: kinds[l.Kind], Text: r.clip(textOf(l))}
	switch l.Kind {
	case sim.ReceiveLine:
		if l.From == l.ID {
			e.Text = "from itself: " + e.Text
			break
		}
		e.Message, e.Copy = r.flights.land(r.run.Messages, l, here, "")
	case sim.LossLine:
		e.Message, e.Copy = r.flights.land(r.run.Messages, l, here, strings.TrimPrefix(l.Text, "lost on arrival: "))
	case sim.DiskDoneLine:
		r.requestDone(l, &e)
	case sim.TimerLine:
		if l.Token == 0 {
			e.Text = "timer" // its only one
		}
	case sim.InvokeLine:
		if c, ok := l.Message.(*scenarios.Invocation); ok {
			r.calls[c.ID] = call{operation: c.Operation, lane: l.ID, begin: here, begun: true}
		}
	case sim.EndOfLifeLine:
		r.goesDown(l, here)
	case sim.BootLine:
		r.comesUp(l, here)
	}
	r.run.Events = append(r.run.Events, e)
	if l.Kind == sim.EndOfLifeLine {
		for _, text := range r.unsynced.endLife(l.ID, l.Text == powerLoss) {
			r.mark(l, "unsynced", "unsynced", text)
		}
	}
}

// powerLoss is how a trace tells that a process lost its power.
const powerLoss = "power loss"

// textOf describes a line without its time and process.
func textOf(l sim.TraceLine) string {
	if l.Message == nil {
		return l.Text
	}
	return strings.TrimSpace(l.Message.String() + "  " + l.Text)
}

// here is the event to which an effect belongs: the last one. Effects before the first belong
// to the beginning.
func (r *recorder) here(l sim.TraceLine) int {
	if len(r.run.Events) == 0 {
		r.run.Events = append(r.run.Events, Event{N: l.Event, At: Time(l.At), Kind: "action", Text: "the run goes on"})
	}
	return len(r.run.Events) - 1
}

// send adds a message.
func (r *recorder) send(l sim.TraceLine) {
	v := l.Verdict
	name := l.Message.FateName()
	kind, _, _ := strings.Cut(name, " ")
	address := fmt.Sprintf("%d>%d %s #%d", l.ID, l.To, name, v.Occurrence)
	m := Message{
		From: l.ID, To: l.To, Sent: r.here(l), At: Time(l.At), Address: address, Kind: kind, Text: r.clip(l.Message.String()),
		Override: r.overridden[address], Late: v.Late, Reordered: v.Reordered, Breaks: v.Breaks, Duplicate: v.Duplicate,
	}
	m.setFate(v)
	r.flights.depart(l, len(r.run.Messages), &m)
	r.run.Messages = append(r.run.Messages, m)
}

// request adds a request to the disk.
func (r *recorder) request(l sim.TraceLine) {
	kind, op := "disk", l.Request.Op.String()
	text := l.Text
	switch {
	case strings.HasPrefix(op, "sync"):
		kind = "sync"
	case op == "write":
		text = fmt.Sprintf("write %s: %d bytes at %d", l.Request.File, len(l.Request.Data), l.Request.Offset)
	case op == "truncate":
		text = fmt.Sprintf("truncate %s to %d bytes", l.Request.File, l.Request.Offset)
	}
	r.unsynced.ask(l.ID, diskRequest{l.Request.Token, op, l.Request.File, text})
	r.requests[request{l.ID, l.Request.Token}] = len(r.run.Marks)
	r.mark(l, kind, op, text)
}

// requestDone tells in words which request to the disk has ended.
func (r *recorder) requestDone(l sim.TraceLine, e *Event) {
	name := request{l.ID, l.Token}
	_, failure, failed := strings.Cut(l.Text, ": ")
	r.unsynced.end(l.ID, l.Token, failed)
	mark, known := r.requests[name]
	if !known {
		return // it was made before the record began
	}
	delete(r.requests, name)
	e.Request = new(mark)
	e.Text = "disk done: " + r.run.Marks[mark].Text
	if failed {
		e.Text = "disk failed: " + r.run.Marks[mark].Text + ": " + failure
	}
}

// observation adds the report of a process.
func (r *recorder) observation(l sim.TraceLine) {
	kind, text := "observation", l.Observation.String()
	if f, ok := l.Observation.(*scenarios.Response); ok && f.Operation != nil {
		kind = "response"
		if c := r.calls[f.Operation.ID]; c.begun && !c.ended {
			c.end, c.ended = r.here(l), true
			r.calls[f.Operation.ID] = c
		}
	}
	name, _, _ := strings.Cut(text, " ")
	r.mark(l, kind, strings.TrimRight(name, ",:;"), text)
}

func (r *recorder) mark(l sim.TraceLine, kind, name, text string) {
	r.run.Marks = append(r.run.Marks, Mark{Event: r.here(l), At: Time(l.At), Lane: l.ID, Kind: kind, Name: name, Text: r.clip(text)})
}
