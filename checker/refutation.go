package checker

// Every prefix of a linearizable history is linearizable: what had not
// returned by then may or may not have taken effect. So there is a first
// return at which an impossible history became impossible: that of the
// culprit. It need not be the one at which the judge found out, as the judge
// knows at each call what the operation will have said: a rejection of what
// others have seen take effect is found out by them.

// refutation is the end of a history that is impossible: what was possible
// before, and the events until the culprit returned.
type refutation struct {
	base         *linearizer
	log          []event
	at           int                // of the culprit's return in log
	called       map[*checkedOp]int // where in log checked are called
	ended        map[*checkedOp]int // where they return
	scratch      linearizer
	inconclusive bool // time or memory ran out: what follows means nothing
	needsMore    bool // undone for want of the events to come
}

// recent is the events since base, to the last.
func (j *monitor) recent() *refutation {
	v := &refutation{base: j.proofBase(), at: len(j.log) - 1, called: map[*checkedOp]int{}, ended: map[*checkedOp]int{}}
	for _, e := range j.log {
		v.add(e)
	}
	return v
}

// refute finds the culprit, given that the last event in j's log was
// impossible. More events are taken from next as needed.
//
// Whatever was in flight at base has returned in the log before its last
// event. So base is the same for every prefix of the history that is tried.
func (j *monitor) refute(next func() (event, bool)) *refutation {
	v := j.recent()
	good, bad := len(v.log)-2, len(v.log)-1 // as far as known
	for stride := 1; v.possible(bad, nil, nil); stride *= 2 {
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
		if middle := (good + bad) / 2; v.possible(middle, nil, nil) {
			good = middle
		} else {
			bad = middle
		}
	}
	v.at = bad
	return v
}

func (v *refutation) add(e event) {
	if e.ret {
		v.ended[e.c] = len(v.log)
	} else {
		v.called[e.c] = len(v.log)
	}
	v.log = append(v.log, e)
}

func (v *refutation) culprit() *checkedOp { return v.log[v.at].c }

// possible reports whether the history until event number last is. What has
// not returned by then is of unknown outcome. If instead is not nil, it stands
// in for claim c.
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
