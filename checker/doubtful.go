package checker

import (
	"sort"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// doubtful is operations of one kind that an excerpt may leave out. Then they may
// have taken effect while they lasted, whatever their response.
type doubtful struct {
	*excerpts
	ended  []int32 // that return, in order of call
	never  []int32 // that do not
	latest []int64 // of ended, up to each: the last return
}

func newDoubtful(c *excerpts, kind history.Kind) doubtful {
	r := doubtful{excerpts: c}
	for i := range c.ops {
		switch {
		case c.ops[i].op.Kind != kind:
		case c.rank[i] == none:
			r.never = append(r.never, int32(i))
		default:
			last := c.ops[i].ret
			if n := len(r.latest); n > 0 {
				last = max(last, r.latest[n-1])
			}
			r.ended, r.latest = append(r.ended, int32(i)), append(r.latest, last)
		}
	}
	return r
}

// calledBy returns how many of some operations were called by an instant.
func (r *doubtful) calledBy(ops []int32, until int64) int {
	return sort.Search(len(ops), func(n int) bool { return r.ops[ops[n]].call > until })
}

// between returns the known ones of an excerpt that lasted at some instant of
// a time.
func (r *doubtful) between(x excerpt, from, to int64) (found []int32) {
	for n := r.calledBy(r.ended, to) - 1; n >= 0 && r.latest[n] >= from; n-- {
		if i := r.ended[n]; r.ops[i].ret >= from && r.known(x, i) {
			found = append(found, i)
		}
	}
	return found
}

// candidates returns those that an excerpt leaves out, or that have not
// returned, and lasted at some instant of a time; about so many at most.
func (r *doubtful) candidates(x excerpt, from, to int64, most int) (found []int32) {
	for n := r.calledBy(r.ended, to) - 1; n >= 0 && r.latest[n] >= from && len(found) < most; n-- {
		if i := r.ended[n]; r.ops[i].ret >= from && !r.known(x, i) {
			found = append(found, i)
		}
	}
	never := r.never[:r.calledBy(r.never, to)]
	return append(found, never[:min(len(never), most)]...)
}
