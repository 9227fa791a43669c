package campaign

import (
	"context"
	"math"
	"sync"
)

// seedSequence is a sequence of seeds, from next to last.
type seedSequence struct {
	next, last, step uint64
	empty            bool
}

// remainingSeeds are the seeds that the campaign has yet to run.
func (c *Campaign) remainingSeeds() seedSequence {
	s := seedSequence{step: max(c.Shards, 1), last: math.MaxUint64}
	if c.Seeds > 0 {
		s.last = c.Start + (c.Seeds - 1)
	}
	skip := (c.Shard + s.step - c.Start%s.step) % s.step // to the first that is congruent
	if s.empty = s.last-c.Start < skip; s.empty {
		return s
	}
	s.next = c.Start + skip
	if s.empty = c.Resume.Seeds > (s.last-s.next)/s.step; !s.empty {
		s.next += c.Resume.Seeds * s.step
	}
	return s
}

// SeedCount returns the number of seeds of the whole campaign, or of its shard. It is 0
// if another budget than Seeds ends the campaign.
func (c *Campaign) SeedCount() uint64 {
	whole := *c
	whole.Resume = Summary{}
	s := whole.remainingSeeds()
	if c.Seeds == 0 || s.empty {
		return 0
	}
	return (s.last-s.next)/s.step + 1
}

// NextSeed returns the seed with which the campaign would go on from a summary of it; ok
// is false if there is none.
func (c *Campaign) NextSeed(s *Summary) (seed uint64, ok bool) {
	rest := *c
	rest.Resume = *s
	next := rest.remainingSeeds()
	return next.next, !next.empty
}

func (s *seedSequence) pop() (seed uint64, ok bool) {
	if s.empty {
		return 0, false
	}
	seed = s.next
	s.empty = s.last-seed < s.step
	s.next += s.step
	return seed, true
}

// job is one run to do. A guarded seed has two; second marks the second one.
type job struct {
	seed            uint64
	guarded, second bool
}

// workQueue gives the workers their jobs: seeds in order until the budget is used
// up, and the second runs of guarded ones.
type workQueue struct {
	ctx          context.Context
	isGuarded    func(seed uint64) bool
	singleWorker bool // there is one worker

	mu         sync.Mutex
	seeds      seedSequence
	closed     bool
	secondRuns []secondRun
}

// secondRun is the second run of a seed, and the worker of the first.
type secondRun struct {
	seed   uint64
	worker int
}

// next returns the next job of a worker: the second run of a seed that another
// worker has begun, or else a new seed. ok is false when nothing is left for the
// worker. No run is lost: the worker that has taken the last seed finds the others
// still at work, and they call next once more.
func (t *workQueue) next(worker int) (j job, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, s := range t.secondRuns {
		if t.singleWorker || s.worker != worker {
			t.secondRuns = append(t.secondRuns[:i], t.secondRuns[i+1:]...)
			return job{s.seed, true, true}, true
		}
	}
	if t.closed = t.closed || t.ctx.Err() != nil; t.closed {
		return job{}, false
	}
	if j.seed, ok = t.seeds.pop(); !ok {
		return job{}, false
	}
	if j.guarded = t.isGuarded(j.seed); j.guarded {
		t.secondRuns = append(t.secondRuns, secondRun{j.seed, worker})
	}
	return j, true
}
