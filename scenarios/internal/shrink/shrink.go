// Package shrink makes failing plans small. It removes the parts that the failure
// does not need and simplifies the rest: operations, faults, overrides of single
// messages, processes, machines, then every list and every number of the plan,
// whatever its meaning. The result fails with the same signature and is an ordinary
// plan.
//
// It is delta debugging (Zeller and Hildebrandt, "Simplifying and Isolating
// Failure-Inducing Input", 2002) on a tree of values. It converges because the fate
// of a message does not depend on other messages (see netmodel).
package shrink

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/lockstep-dst/lockstep/scenarios"
)

// ErrPassed is the error of a plan without the failure: there is nothing to shrink.
var ErrPassed = errors.New("the plan does not fail in that way")

// RunResult is the result of a run of a plan.
type RunResult struct {
	Signature string // empty if it passed
	Events    uint64
}

// Config configures Run: the failure to keep, and how to run plans.
type Config struct {
	Signature string // of the failure
	// RunAll runs valid plans and returns their results, up to the first with the
	// wanted Signature: fewer than plans if there is one. It must be a function of
	// the plans.
	RunAll func(plans []*scenarios.Plan) []RunResult
	// Pin, if not nil, returns a plan that runs like p, with the fates of all
	// messages and the begin and first node of each operation written down. Its
	// network adds nothing to the fates.
	Pin func(p *scenarios.Plan) *scenarios.Plan
	// MaxRuns bounds the runs. A run of many events counts as several: one for
	// every EventsPerRun begun.
	MaxRuns int
	// Progress, if not nil, receives the smallest plan so far and the runs, after every
	// batch of runs.
	Progress func(smallest *scenarios.Plan, runs int)
}

// EventsPerRun is the number of events that count as one run. Fault phases have
// some hundreds.
const EventsPerRun = 10_000

// Result is a plan that fails like the first one.
type Result struct {
	Plan *scenarios.Plan
	Runs int // runs, as the budget counts them
	// Minimal reports that no single operation, fault or override can be removed.
	// It is false if the budget ended first.
	Minimal bool
}

// Run shrinks p, which must be valid and fail with the signature; p is unchanged.
// The result depends only on p and on the results of RunAll and Pin.
func Run(cfg Config, p *scenarios.Plan) (Result, error) {
	s := &search{cfg: cfg, plan: clone(p), passed: map[digest]bool{}}
	if !s.try(p) {
		return Result{}, fmt.Errorf("%w: %s", ErrPassed, cfg.Signature)
	}
	for steps := -1; steps != s.steps && !s.exhausted; {
		steps = s.steps
		s.shrinkLists()
		s.mergeMachines()
		s.mergeClients()
		s.simplifyNetwork()
		s.dropNodes()
		s.simplifyLeaves()
		s.simplifyDefinitions()
		s.rename()
	}
	return Result{Plan: s.plan, Runs: s.runs, Minimal: !s.exhausted}, nil
}

// search is one Run in progress: a walk over failing plans, each simpler than the
// one before.
type search struct {
	cfg    Config
	plan   *scenarios.Plan // the simplest so far
	at     digest          // of plan
	passed map[digest]bool // plans without the wanted failure
	steps  int             // taken by the walk
	runs   int

	exhausted bool // the budget
	pinned    bool // the choices of a run have been written down
}

// digest identifies a plan in its text form.
type digest [sha256.Size]byte

// batchSize is the number of candidates that run together. The runs of those after
// the first failing one are wasted.
const batchSize = 8

// tryFirst moves to the first of n candidates with the wanted failure and returns
// its index, or a negative number if there is none. A nil candidate is skipped.
func (s *search) tryFirst(n int, candidate func(i int) *scenarios.Plan) int {
	var b candidates
	for i := 0; i < n && !s.exhausted; i++ {
		if p := candidate(i); p != nil && s.acceptable(p) {
			if d := digestOf(p); !s.passed[d] && d != s.at {
				b.add(i, p, d)
			}
		}
		if len(b.plans) < batchSize && i < n-1 {
			continue
		}
		k := s.runCandidates(&b)
		if k >= 0 {
			s.plan, s.at = b.plans[k], b.digests[k]
			s.steps++
		}
		if s.cfg.Progress != nil {
			s.cfg.Progress(s.plan, s.runs)
		}
		if k >= 0 {
			return b.numbers[k]
		}
		b = candidates{}
	}
	return -1
}

// try moves to p if it has the wanted failure.
func (s *search) try(p *scenarios.Plan) bool {
	return s.tryFirst(1, func(int) *scenarios.Plan { return p }) == 0
}

// candidates is a batch of candidates.
type candidates struct {
	numbers []int
	plans   []*scenarios.Plan
	digests []digest
}

func (b *candidates) add(number int, p *scenarios.Plan, d digest) {
	b.numbers, b.plans, b.digests = append(b.numbers, number), append(b.plans, p), append(b.digests, d)
}

// runCandidates returns the place of the first plan with the wanted failure, or -1.
func (s *search) runCandidates(b *candidates) int {
	if len(b.plans) == 0 {
		return -1
	}
	for i, v := range s.cfg.RunAll(b.plans) {
		if s.exhausted = s.runs >= s.cfg.MaxRuns; s.exhausted {
			return -1
		}
		s.runs += 1 + int(v.Events/EventsPerRun)
		if v.Signature == s.cfg.Signature {
			return i
		}
		s.passed[b.digests[i]] = true
	}
	return -1
}

// acceptable reports whether p is valid and in order. Exclusion without excluded
// nodes is removed from it.
func (s *search) acceptable(p *scenarios.Plan) bool {
	if len(p.Heal.Excluded) == 0 {
		p.Heal.Exclusion = scenarios.DownAtFirst
	}
	return p.Validate() == nil && (ordered(p) || !ordered(s.plan))
}

// ordered reports whether no operation is due before an earlier one of its client:
// it would wait for that one anyway.
func ordered(p *scenarios.Plan) bool {
	last := make([]scenarios.Duration, p.Clients+1)
	for i := range p.Operations {
		o := &p.Operations[i]
		if o.At < last[o.Client] {
			return false
		}
		last[o.Client] = o.At
	}
	return true
}

func digestOf(p *scenarios.Plan) digest { return sha256.Sum256(scenarios.Encode(p)) }
