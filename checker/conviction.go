package checker

// Every prefix of a linearizable history is linearizable: what had not
// returned by then may or may not have taken effect. So there is a first
// return at which an impossible history became impossible: that of the
// culprit. It need not be the one at which the judge found out, as the judge
// knows at each call what the operation will have said: a rejection of what
// others have seen take effect is found out by them.

// conviction is the end of a history that is impossible: what was possible
// before, and the events until the culprit returned.
type conviction struct {
	base   *linearizer
	log    []event
	at     int            // of the culprit's return in log
	called map[*claim]int // where in log claims are called
	ended  map[*claim]int // where they return
	scrap  linearizer
	undone bool // time or memory ran out: what follows means nothing
	open   bool // undone for want of the events to come
}

// remembers is the events since base, to the last.
func (j *judge) remembers() *conviction {
	v := &conviction{base: j.start(), at: len(j.log) - 1, called: map[*claim]int{}, ended: map[*claim]int{}}
	for _, e := range j.log {
		v.add(e)
	}
	return v
}

// convict finds the culprit, given that the last event in j's log was
// impossible. More events are taken from next as needed.
//
// Whatever was in flight at base has returned in the log before its last
// event. So base is the same for every prefix of the history that is tried.
func (j *judge) convict(next func() (event, bool)) *conviction {
	v := j.remembers()
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
			v.at, v.open = good, !v.undone // time ran out, or the culprit has not returned
			v.undone = true
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

func (v *conviction) add(e event) {
	if e.ret {
		v.ended[e.c] = len(v.log)
	} else {
		v.called[e.c] = len(v.log)
	}
	v.log = append(v.log, e)
}

func (v *conviction) culprit() *claim { return v.log[v.at].c }

// possible reports whether the history until event number last is. What has
// not returned by then is of unknown outcome. If instead is not nil, it stands
// in for claim c.
func (v *conviction) possible(last int, c, instead *claim) bool {
	l := &v.scrap
	l.copy(v.base)
	for _, e := range v.log[:last+1] {
		seen := e.c
		if seen == c {
			seen = instead
		}
		end, ends := v.ended[e.c]
		if !ends || end > last {
			open := e.c.open()
			seen = &open
		}
		if !e.ret {
			l.call(seen)
		} else if !l.ret(seen) {
			return false
		}
	}
	v.undone = v.undone || l.stopped
	return true
}
