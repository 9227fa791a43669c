package checker

import "slices"

// Every prefix of a linearizable history is linearizable if operations that
// have not returned count as unknown. So an impossible history has a first
// return at which it became impossible: that of the culprit. The linearizer may
// detect the violation at an earlier return, because it knows each response
// from the call on: for example, a rejection whose effect others have observed.

// refutation is the end of an impossible history: the configurations at base,
// and the events from there to the culprit's return.
type refutation struct {
	base         *linearizer
	log          []event
	at           int                // the culprit's return in log
	called       map[*checkedOp]int // index in log of the call
	ended        map[*checkedOp]int // index in log of the return
	scratch      linearizer
	inconclusive bool  // time or memory ran out: later answers mean nothing
	fromStart    bool  // base is before the first operation
	loose        bool  // base lacks configurations: see disproof.go
	work         int64 // of a loose one: the limit of configurations with which it holds
	reached      int   // of a loose one: the event that a pilot came to, so all before are possible
	needsMore    bool  // the search for the culprit needs events that have not come yet
}

// newRefutation returns the events of a log, which begins at base.
func newRefutation(base *linearizer, fromStart bool, log []event) *refutation {
	v := &refutation{fromStart: fromStart, base: base, at: len(log) - 1, called: map[*checkedOp]int{}, ended: map[*checkedOp]int{}}
	for _, e := range log {
		v.add(e)
	}
	return v
}

// findCulprit finds the culprit, given that the last event in the log was
// impossible. It takes more events from next as needed.
//
// All operations in flight at base return in the log before its last event. So
// base is right for every prefix of the history that is tried.
func (v *refutation) findCulprit(next func() (event, bool)) *refutation {
	good, bad := len(v.log)-2, len(v.log)-1 // so far
	for stride := 1; !v.refuted(bad); stride *= 2 {
		good = bad
		for range stride {
			e, more := next()
			if !more {
				break
			}
			v.add(e)
		}
		if bad = len(v.log) - 1; bad == good {
			v.at, v.needsMore = good, !v.inconclusive // time ran out, or the culprit has not returned
			v.inconclusive = true
			return v
		}
	}
	for bad-good > 1 {
		if middle := (good + bad) / 2; v.refuted(middle) {
			bad = middle
		} else {
			good = middle
		}
	}
	v.at = bad
	if v.loose && bad > v.reached && !v.possible(bad-1, nil, nil) {
		v.inconclusive = true // an earlier prefix may be impossible, too
	}
	return v
}

// refuted reports whether the history up to event number last is known to be
// impossible.
func (v *refutation) refuted(last int) bool {
	if v.loose {
		return v.looselyRefuted(last)
	}
	return !v.possible(last, nil, nil)
}

func (v *refutation) add(e event) {
	if e.ret {
		v.ended[e.c] = len(v.log)
	} else {
		v.called[e.c] = len(v.log)
	}
	v.log = append(v.log, e)
}

// inFlightAtBase returns the operations in flight at base. Rejected ones count: in a
// contradiction they may have had an effect.
func (v *refutation) inFlightAtBase() (ops []*checkedOp) {
	for _, c := range v.base.slots {
		if c != nil && !slices.Contains(ops, c) { // a blind write has two slots
			ops = append(ops, c)
		}
	}
	for _, e := range v.log {
		if _, called := v.called[e.c]; e.ret && !called && !slices.Contains(ops, e.c) {
			ops = append(ops, e.c)
		}
	}
	return ops
}

func (v *refutation) culprit() *checkedOp { return v.log[v.at].c }

// possible reports whether the history up to event number last is possible.
// Operations that have not returned by then are of unknown outcome. If instead
// is not nil, it replaces c.
func (v *refutation) possible(last int, c, instead *checkedOp) bool {
	l := &v.scratch
	l.copy(v.base)
	for _, e := range v.log[:last+1] {
		seen := e.c
		if seen == c {
			seen = instead
		}
		end, ends := v.ended[e.c]
		if !ends || end > last {
			open := e.c.asUnknown()
			seen = &open
		}
		if !e.ret {
			l.call(seen)
		} else if !l.ret(seen) {
			return false
		}
	}
	v.inconclusive = v.inconclusive || l.stopped
	return true
}
