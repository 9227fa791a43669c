package report

import (
	"slices"

	"github.com/lockstep-dst/lockstep/sim"
)

// figure is the part of a run that a still picture shows: the events up to the violation that have
// an effect, and the processes that they concern.
type figure struct {
	run    *Run
	lanes  []Lane
	column map[sim.ID]int // by process: its place in lanes
	rows   []int          // the events that are shown, in order
	row    map[int]int    // by event that is shown: its place in rows
	before int            // events that are left out before the first row
	after  int            // and after the last
}

// maxRows bounds the rows of a picture.
const maxRows = 400

func newFigure(r *Run) *figure {
	f := &figure{run: r, column: map[sim.ID]int{}, row: map[int]int{}}
	last := len(r.Events) - 1
	if r.Violation != nil {
		last = min(last, r.Violation.Event)
	}
	effects := eventsWithEffects(r)
	for i := 0; i <= last; i++ {
		if e := &r.Events[i]; effects[i] || e.Kind != "timer" && e.Kind != "disk" && e.Kind != "boot" {
			f.rows = append(f.rows, i)
		}
	}
	if more := len(f.rows) - maxRows; more > 0 {
		f.rows, f.before = f.rows[more:], more
	}
	f.after = len(r.Events) - 1 - last
	for row, i := range f.rows {
		f.row[i] = row
	}
	f.chooseLanes()
	return f
}

// eventsWithEffects are the events with a message, an observation or a request to the disk,
// the violation's included.
func eventsWithEffects(r *Run) map[int]bool {
	with := map[int]bool{}
	for i := range r.Messages {
		with[r.Messages[i].Sent] = true
	}
	for i := range r.Marks {
		with[r.Marks[i].Event] = true
	}
	if r.Violation != nil {
		with[r.Violation.Event] = true
	}
	return with
}

// chooseLanes leaves out the world and clients to which nothing happens but their boot.
func (f *figure) chooseLanes() {
	busy := map[sim.ID]bool{}
	for _, i := range f.rows {
		busy[f.run.Events[i].Lane] = true
	}
	for _, l := range f.run.Lanes {
		if l.Kind == "node" || busy[l.ID] {
			f.column[l.ID] = len(f.lanes)
			f.lanes = append(f.lanes, l)
		}
	}
}

// rowAt is the first row that is not before a time.
func (f *figure) rowAt(t Time) int {
	row, _ := slices.BinarySearchFunc(f.rows, t, func(i int, t Time) int {
		if f.run.Events[i].At < t {
			return -1
		}
		return 1
	})
	return row
}

// contradicts reports whether an event is part of the contradiction.
func (f *figure) contradicts(event int) bool {
	return f.run.Violation != nil && slices.Contains(f.run.Violation.Events, event)
}

// marksOf lists the reports of an event.
func (f *figure) marksOf(event int) (list []*Mark) {
	from, _ := slices.BinarySearchFunc(f.run.Marks, event, func(m Mark, e int) int { return m.Event - e })
	for i := from; i < len(f.run.Marks) && f.run.Marks[i].Event == event; i++ {
		list = append(list, &f.run.Marks[i])
	}
	return list
}

// line is how a picture draws one way of a message.
type line struct {
	style string // class of the line
	from  int    // the row in which it was sent
	to    int    // the row in which it arrives; -1: in none
	words string // its fate, if that is not to be expected
}

// The styles of lines. Each has a dash and an end of its own.
const (
	plainLine   = "delivered"
	copyLine    = "copy"
	lateLine    = "late"
	lostLine    = "lost"
	damagedLine = "damaged"
	openLine    = "open"
)

// linesOf lists the ways of a message that was sent in a row of the picture.
func (f *figure) linesOf(m *Message) (list []line) {
	from, shown := f.row[m.Sent]
	if !shown {
		return nil
	}
	if m.Fate == dropped {
		style := lostLine
		if m.Damaged {
			style = damagedLine
		}
		return []line{{style, from, -1, "lost: " + m.Cause}}
	}
	for i, a := range m.Arrivals {
		l := line{style: plainLine, from: from, to: -1}
		switch {
		case a.Lost != "":
			l.style, l.words = lostLine, "lost: "+a.Lost
		case a.Event == nil:
			l.style = openLine
		case i > 0:
			l.style, l.words = copyLine, "copy"
		case m.Late:
			l.style, l.words = lateLine, "late"
		}
		if a.Event != nil {
			if row, ok := f.row[*a.Event]; ok {
				l.to = row
			} else {
				l.style, l.words = openLine, ""
			}
		}
		list = append(list, l)
	}
	return list
}
