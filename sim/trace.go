package sim

import (
	"fmt"
	"io"
	"strings"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/sim/disk"
)

// TraceLine is the text form of one event or effect, which traces, reports and
// transcripts share.
type TraceLine struct {
	Event   uint64 // the number of the event in progress, counted from 1; 0 before the first
	Kind    LineKind
	At      Duration
	ID      ID // the process; 0 for the world itself
	From    ID // sender of a message, 0 for none
	To      ID // receiver of a message, 0 for none
	Text    string
	Token   uint64 // of a timer, or of a request to the disk that has ended
	Message Message
	Verdict *netmodel.Verdict // on a message that is sent, else nil
	Request *disk.Request     // to the disk, else nil; valid during the call only
	// Observation is the report of a process, else nil.
	Observation Observation
}

// LineKind is the subject of a TraceLine.
type LineKind uint8

// The kinds of lines: events in the first group, effects of events in the second.
const (
	ActionLine       LineKind = iota + 1 // an action of the world's owner
	BootLine                             // events of a process, as of Kind
	ReceiveLine                          //
	TimerLine                            //
	DiskDoneLine                         //
	InvokeLine                           //
	SendFailedLine                       //
	DisconnectedLine                     //
	LossLine                             // a message or invocation that its process cannot take

	SendLine          // a message is sent
	DiskLine          // a request to the disk
	ObservationLine   // an observation
	EndOfLifeLine     // a process ends
	ConnectionEndLine // a connection ends
)

// lineKinds are the kinds of the lines of events.
var lineKinds = [...]LineKind{
	Boot: BootLine, Receive: ReceiveLine, Timer: TimerLine, DiskDone: DiskDoneLine, Invoke: InvokeLine, SendFailed: SendFailedLine, Disconnected: DisconnectedLine,
}

// String returns the text form, as in
//
//	1.204ms     2 ← 1    proposal lifecycle/a c1.1 Init→Running
func (l TraceLine) String() string {
	var who string
	switch {
	case l.From != 0:
		who = fmt.Sprintf("%d ← %d", l.ID, l.From)
	case l.To != 0:
		who = fmt.Sprintf("%d → %d", l.ID, l.To)
	case l.ID != 0:
		who = fmt.Sprint(l.ID)
	default:
		who = "*"
	}
	text := l.Text
	if l.Message != nil {
		text = strings.TrimSpace(l.Message.String() + "  " + l.Text)
	}
	return fmt.Sprintf("%-12v %-9s %s", l.At, who, text)
}

// WriteTrace returns a function that writes lines to w. The first line of each event begins
// with its number.
func WriteTrace(w io.Writer) func(TraceLine) {
	last := uint64(0)
	return func(l TraceLine) {
		number := ""
		if l.Event != last {
			last = l.Event
			number = fmt.Sprint(l.Event)
		}
		fmt.Fprintf(w, "%7s  %v\n", number, l)
	}
}

// trace passes on a line, with the event in progress.
func (w *World) trace(l TraceLine) {
	l.Event = w.stats.Events
	w.cfg.Trace(l)
}

func (w *World) traceEvent(id ID, ev *Event) {
	l := TraceLine{Kind: lineKinds[ev.Kind], At: w.now, ID: id, Message: ev.Message, Token: ev.Token}
	switch ev.Kind {
	case Boot:
		l.Text = fmt.Sprintf("boot %d", ev.Token)
	case Receive:
		l.From = ev.From
	case Timer:
		l.Text = fmt.Sprintf("timer %x", ev.Token)
	case DiskDone:
		l.Text = fmt.Sprintf("disk done %x", ev.Token)
		if ev.Err != nil {
			l.Text += ": " + ev.Err.Error()
		}
	case Invoke:
		l.Text = "(invoked)"
	case SendFailed:
		l.Text = fmt.Sprintf("(could not be sent to %d)", ev.From)
	case Disconnected:
		l.Text = fmt.Sprintf("(the connection to %d has ended)", ev.From)
	}
	w.trace(l)
}

func (w *World) traceObservation(id ID, f Observation) {
	if s, ok := f.(MultiObservation); ok {
		s.Each(func(f Observation) { w.traceObservation(id, f) })
		return
	}
	w.trace(TraceLine{Kind: ObservationLine, At: w.now, ID: id, Text: "observation: " + f.String(), Observation: f})
}

func (w *World) traceDisk(id ID, r *disk.Request) {
	w.trace(TraceLine{Kind: DiskLine, At: w.now, ID: id, Text: r.String(), Request: r})
}

// traceSend traces a send, with the address by which a plan can name the message.
func (w *World) traceSend(from, to ID, m Message, v netmodel.Verdict) {
	l := TraceLine{Kind: SendLine, At: w.now, ID: from, To: to, Message: m, Verdict: &v}
	a := Address{netmodel.Link{From: from, To: to}, m.FateName(), v.Occurrence}
	switch {
	case v.EndsConnection():
		l.Text = fmt.Sprintf("[%v] lost: %v, the connection ends %v", a, v.Cause, v.At)
	case v.Fate == netmodel.Drop:
		l.Text = fmt.Sprintf("[%v] lost: %v", a, v.Cause)
	case v.Breaks:
		l.Text = fmt.Sprintf("[%v] arrives %v, and the connection breaks", a, v.At)
	case v.Duplicate:
		l.Text = fmt.Sprintf("[%v] arrives %v and %v", a, v.At, v.CopyAt)
	default:
		l.Text = fmt.Sprintf("[%v] arrives %v", a, v.At)
	}
	w.trace(l)
}

// traceLoss traces a message or invocation that its process cannot take.
func (w *World) traceLoss(r *record) {
	l := TraceLine{Kind: LossLine, At: w.now, ID: r.to, From: r.from, Message: r.msg}
	switch {
	case r.kind == recordInvoke:
		l.Text = "(invoked) lost: down"
	case w.procs[r.to].code == nil:
		l.Text = "lost on arrival: down"
	case !w.net.Open(netmodel.Link{From: r.from, To: r.to}):
		l.Text = fmt.Sprintf("lost on arrival: %v", netmodel.CutOff)
	default:
		l.Text = "lost on arrival: the connection has ended"
	}
	w.trace(l)
}
