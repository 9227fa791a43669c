package sim

import (
	"cmp"
	"slices"

	"github.com/lockstep-dst/lockstep/sim/disk"
)

// PendingTimer is a timer that is set and has not fired.
type PendingTimer struct {
	Token uint64
	In    Duration // true time until it is due, below 0 if the process lags behind
}

// PendingTimers returns the timers of a process that are pending, by time and token.
func (w *World) PendingTimers(id ID) []PendingTimer {
	p := w.proc(id)
	var list []PendingTimer
	if p.code == nil {
		return nil
	}
	for i := range p.timers.list {
		t := &p.timers.list[i]
		if !t.set {
			continue // its place is free
		}
		in := t.due - w.now
		if t.frozen {
			in = t.due
		}
		list = append(list, PendingTimer{t.token, in})
	}
	slices.SortFunc(list, func(a, b PendingTimer) int { return cmp.Or(cmp.Compare(a.In, b.In), cmp.Compare(a.Token, b.Token)) })
	return list
}

// PendingRequests returns the disk requests of a process that are not done, in
// order.
func (w *World) PendingRequests(id ID) []disk.Pending { return w.proc(id).disk.Pending(w.now) }

// Paused reports whether a Pause of a process is in force.
func (w *World) Paused(id ID) bool {
	g := w.proc(id).slowdown
	return g != nil && g.pauses > 0
}

// Waiting returns the number of events that have come to a process and that it has
// not taken, because it is paused or slow.
func (w *World) Waiting(id ID) int {
	if g := w.proc(id).slowdown; g != nil {
		return g.waiting()
	}
	return 0
}
