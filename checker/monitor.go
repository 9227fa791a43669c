package checker

import (
	"context"
	"maps"
	"slices"
)

// event is the call or the return of an operation.
type event struct {
	c   *checkedOp
	ret bool
}

// monitor follows the events of one machine and keeps the last of them, those
// since base, to explain a violation.
type monitor struct {
	current        *linearizer
	base           *linearizer // before log; nil: at the beginning
	log            []event
	nextBase       *linearizer // before log[nextBaseAt:]: the next base; nil: at the beginning
	nextBaseAt     int
	inFlightAtNext map[*checkedOp]bool // operations in flight at nextBase that have not returned since
	withoutEffect  map[*checkedOp]bool // operations in flight that the linearizer does not hold, see noEffect
}

// rebaseAfter is the number of events between bases: enough to explain a
// violation right after one, few enough to replay many times.
const rebaseAfter = 128

func newMonitor(ctx context.Context, a *automaton, counted bool, words int64) *monitor {
	a.begin(ctx, 8*words)
	return &monitor{current: newLinearizer(ctx, a, counted, words), inFlightAtNext: map[*checkedOp]bool{}, withoutEffect: map[*checkedOp]bool{}}
}

// proofBase returns base without limits: a proof must not leave out
// configurations.
func (j *monitor) proofBase() *linearizer {
	if j.base == nil {
		j.base = newLinearizer(j.current.ctx, j.current.automaton, j.current.counted, j.current.limit)
	}
	j.base.effort = effort{}
	return j.base
}

// add processes e and reports whether the history including it is possible.
func (j *monitor) add(e event) bool {
	j.rebase()
	if o := j.current.object; o != nil && o.full() {
		o.collect(j.current, j.base, j.nextBase)
	}
	j.log = append(j.log, e)
	if !e.ret {
		if e.c.meaning == noEffect && e.c.ret != forever {
			j.withoutEffect[e.c] = true
		}
		j.current.call(e.c)
		return true
	}
	delete(j.withoutEffect, e.c)
	delete(j.inFlightAtNext, e.c)
	return j.current.ret(e.c)
}

// rebase drops the oldest events. It waits until all operations that were in
// flight at the new base have returned: the log must hold the call of each
// operation that has not, see refutation.
func (j *monitor) rebase() {
	if len(j.log)-j.nextBaseAt < rebaseAfter || len(j.inFlightAtNext) > 0 {
		return
	}
	j.log = slices.Delete(j.log, 0, j.nextBaseAt)
	spare := j.base
	if spare == nil {
		spare = new(linearizer)
	}
	j.base, j.nextBase = j.nextBase, spare
	j.nextBase.copy(j.current)
	j.nextBaseAt = len(j.log)
	maps.Copy(j.inFlightAtNext, j.withoutEffect)
	for _, c := range j.current.slots {
		if c != nil {
			j.inFlightAtNext[c] = true
		}
	}
}

// recent returns the events from base to the last.
func (j *monitor) recent() *refutation {
	fromStart := j.base == nil
	return newRefutation(j.proofBase(), fromStart, j.log)
}

// refute finds the culprit, given that the last event in j's log was
// impossible. It takes more events from next as needed.
func (j *monitor) refute(next func() (event, bool)) *refutation { return j.recent().findCulprit(next) }

// events iterates over the calls and returns of operations, which are sorted by
// call, in order of time. At equal times calls come first, because intervals
// are closed.
type events struct {
	ops     []checkedOp
	returns []int32 // operations that return, in order of return
	position
}

// position is a place between two events.
type position struct{ called, ended int }

// index returns the number of events before it.
func (p position) index() int { return p.called + p.ended }

func newEvents(checked []checkedOp) *events {
	e := &events{ops: checked, returns: make([]int32, 0, len(checked))}
	for i := range checked {
		if checked[i].ret != forever {
			e.returns = append(e.returns, int32(i))
		}
	}
	slices.SortStableFunc(e.returns, func(x, y int32) int {
		if a, b := checked[x].ret, checked[y].ret; a != b {
			if a < b {
				return -1
			}
			return 1
		}
		return int(x - y)
	})
	return e
}

// next returns the next event; false after the last.
func (e *events) next() (event, bool) {
	if e.called < len(e.ops) {
		c := &e.ops[e.called]
		if e.ended == len(e.returns) || c.call <= e.ops[e.returns[e.ended]].ret {
			e.called++
			return event{c, false}, true
		}
	}
	if e.ended == len(e.returns) {
		return event{}, false
	}
	e.ended++
	return event{&e.ops[e.returns[e.ended-1]], true}, true
}
