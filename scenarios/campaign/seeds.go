package campaign

import (
	"context"
	"math"
	"sync"
)

// seeds is a sequence of them, from next to last.
type seeds struct {
	next, last, step uint64
	empty            bool
}

// seeds are those that the campaign has yet to run.
func (c *Campaign) seeds() seeds {
	s := seeds{step: max(c.Shards, 1), last: math.MaxUint64}
	if c.Seeds > 0 {
		s.last = c.Start + (c.Seeds - 1)
	}
	skip := (c.Shard + s.step - c.Start%s.step) % s.step // to the first that is congruent
	if s.empty = s.last-c.Start < skip; s.empty {
		return s
	}
	s.next = c.Start + skip
	if s.empty = c.Done.Seeds > (s.last-s.next)/s.step; !s.empty {
		s.next += c.Done.Seeds * s.step
	}
	return s
}

func (s *seeds) take() (seed uint64, ok bool) {
	if s.empty {
		return 0, false
	}
	seed = s.next
	s.empty = s.last-seed < s.step
	s.next += s.step
	return seed, true
}

// job is one run to do. A guarded seed has two, of which again is the second.
type job struct {
	seed           uint64
	guarded, again bool
}

// todo is what the workers take their jobs from: seeds in order until the budget
// is used up, and the second runs of guarded ones.
type todo struct {
	ctx    context.Context
	guards func(seed uint64) bool
	alone  bool // there is one worker

	mu    sync.Mutex
	seeds seeds
	over  bool
	again []second
}

// second is the second run of a seed, and the worker that does the first.
type second struct {
	seed   uint64
	worker int
}

// next is what a worker does next: the second run of a seed that another worker
// has begun with, or else a new seed. When ok is false nothing is left for it.
// Nothing is lost so: whoever has taken the last seed finds the others still at
// work, and they come by here once more.
func (t *todo) next(worker int) (j job, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, s := range t.again {
		if t.alone || s.worker != worker {
			t.again = append(t.again[:i], t.again[i+1:]...)
			return job{s.seed, true, true}, true
		}
	}
	if t.over = t.over || t.ctx.Err() != nil; t.over {
		return job{}, false
	}
	if j.seed, ok = t.seeds.take(); !ok {
		return job{}, false
	}
	if j.guarded = t.guards(j.seed); j.guarded {
		t.again = append(t.again, second{j.seed, worker})
	}
	return j, true
}
