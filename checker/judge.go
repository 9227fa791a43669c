package checker

import (
	"context"
	"slices"
)

// event is the call or the return of a claim.
type event struct {
	c   *claim
	ret bool
}

// judge follows the events of one machine, and remembers the last of them for
// the case that they turn out to be impossible: those since base.
type judge struct {
	now   *linearizer
	base  *linearizer // before log; nil: at the beginning
	log   []event
	later *linearizer // before log[cut:]: the next base; nil: at the beginning
	cut   int
	old   map[*claim]bool // what was in flight at later, and still is
}

// remembered is how many events are worth a new base: enough to explain what
// comes right after, few enough to go through many times.
const remembered = 128

func newJudge(ctx context.Context, a *automaton, counted bool, words int) *judge {
	return &judge{now: newLinearizer(ctx, a, counted, words)}
}

// start is base, for proofs: nothing is left out of what follows.
func (j *judge) start() *linearizer {
	if j.base == nil {
		j.base = newLinearizer(j.now.ctx, j.now.automaton, j.now.counted, j.now.limit)
	}
	j.base.width = 0
	return j.base
}

// add reports whether the history is possible up to and with e.
func (j *judge) add(e event) bool {
	j.rotate()
	j.log = append(j.log, e)
	if !e.ret {
		j.now.call(e.c)
		return true
	}
	delete(j.old, e.c)
	return j.now.ret(e.c)
}

// impossible reports whether no configuration is left.
func (j *judge) impossible() bool { return j.now.configurations.len() == 0 }

// rotate forgets the oldest events. It does so only when all that was in
// flight at the new base has returned: of what has not, the log must hold the
// call, see conviction.
func (j *judge) rotate() {
	if len(j.log)-j.cut < remembered || len(j.old) > 0 {
		return
	}
	j.log = slices.Delete(j.log, 0, j.cut)
	spare := j.base
	if spare == nil {
		spare = new(linearizer)
	}
	j.base, j.later = j.later, spare
	j.later.copy(j.now)
	j.cut = len(j.log)
	if j.old == nil {
		j.old = map[*claim]bool{}
	}
	for _, c := range j.now.slots {
		if c != nil {
			j.old[c] = true
		}
	}
}

// events goes through claims, which are in order of call, in order of time. Of
// one instant, calls come first: intervals are closed.
type events struct {
	claims  []claim
	returns []int32 // of those that return, by return
	called  int
	ended   int
}

func newEvents(claims []claim) *events {
	e := &events{claims: claims, returns: make([]int32, 0, len(claims))}
	for i := range claims {
		if claims[i].ret != forever {
			e.returns = append(e.returns, int32(i))
		}
	}
	slices.SortStableFunc(e.returns, func(x, y int32) int {
		if a, b := claims[x].ret, claims[y].ret; a != b {
			if a < b {
				return -1
			}
			return 1
		}
		return int(x - y)
	})
	return e
}

// next reports false after the last.
func (e *events) next() (event, bool) {
	if e.called < len(e.claims) {
		c := &e.claims[e.called]
		if e.ended == len(e.returns) || c.call <= e.claims[e.returns[e.ended]].ret {
			e.called++
			return event{c, false}, true
		}
	}
	if e.ended == len(e.returns) {
		return event{}, false
	}
	e.ended++
	return event{&e.claims[e.returns[e.ended-1]], true}, true
}
