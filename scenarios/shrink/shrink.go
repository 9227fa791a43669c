// Package shrink makes failing plans small. It takes away what the failure does
// not need and makes what is left simple: operations, faults, fates of single
// messages, processes, machines, then every list and every number of the plan,
// whatever it means. The result fails in the same way and is a plan like any
// other.
//
// It is delta debugging (Zeller and Hildebrandt, "Simplifying and Isolating
// Failure-Inducing Input", 2002) on a tree of values. That the fate of a message
// does not depend on other messages (see netmodel) is what makes it converge.
package shrink

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/lockstep-dst/lockstep/scenarios"
)

// ErrPassed says that there is nothing to shrink.
var ErrPassed = errors.New("the plan does not fail in that way")

// RunResult is what a run of a plan showed.
type RunResult struct {
	Signature string // empty if it passed
	Events    uint64
}

// Config says what to keep and how to find out.
type Config struct {
	Signature string // of the failure
	// RunAll runs plans, which are valid, and gives their verdicts, up to the
	// first with the Signature that is wanted: fewer than plans if there is
	// one. It must be a function of the plans.
	RunAll func(plans []*scenarios.Plan) []RunResult
	// Pin, if not nil, gives a plan like p, of which the same comes, but in
	// which the fates of all messages are written down and the network adds
	// nothing to them, and so is when and where each operation begins.
	Pin func(p *scenarios.Plan) *scenarios.Plan
	// MaxRuns bounds the runs. A run of many events counts as several: one for
	// every EventsPerRun begun.
	MaxRuns int
}

// EventsPerRun is how many events count as one run: storms have some hundreds.
const EventsPerRun = 10_000

// Result is a plan that fails as the first one did.
type Result struct {
	Plan *scenarios.Plan
	Runs int // that were judged, as the budget counts them
	// Minimal: no single operation, fault or fate can be taken away. It is
	// false if the budget ended first.
	Minimal bool
}

// Run shrinks p, which must be valid and fail with the signature; it is left as
// it is. The result depends on p and on what Judge and Pin say, on nothing else.
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
		s.rename()
	}
	return Result{Plan: s.plan, Runs: s.runs, Minimal: !s.exhausted}, nil
}

// search is one Run in progress: a walk over plans that fail, each simpler than
// the one before.
type search struct {
	cfg    Config
	plan   *scenarios.Plan // the simplest so far
	at     digest          // of plan
	passed map[digest]bool // plans that do not fail as they should
	steps  int             // that the walk has taken
	runs   int

	exhausted bool // the budget
	pinned    bool // what a run decides has been written down
}

// digest stands for a plan in its text form.
type digest [sha256.Size]byte

// batchSize is how many candidates are judged together. Those after the first that
// fails are judged in vain.
const batchSize = 8

// tryFirst goes to the first of n candidates that fails as it should and returns
// its number; there is none if it is negative. A nil candidate is none.
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
		if k := s.runCandidates(&b); k >= 0 {
			s.plan, s.at = b.plans[k], b.digests[k]
			s.steps++
			return b.numbers[k]
		}
		b = candidates{}
	}
	return -1
}

// try goes to p if it fails as it should.
func (s *search) try(p *scenarios.Plan) bool {
	return s.tryFirst(1, func(int) *scenarios.Plan { return p }) == 0
}

// candidates is candidates that are judged together.
type candidates struct {
	numbers []int
	plans   []*scenarios.Plan
	digests []digest
}

func (b *candidates) add(number int, p *scenarios.Plan, d digest) {
	b.numbers, b.plans, b.digests = append(b.numbers, number), append(b.plans, p), append(b.digests, d)
}

// runCandidates returns the place of the first plan that fails as it should, or -1.
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

// acceptable reports whether p is a plan, and no stranger one than the last. What
// becomes of nodes that are not there any more goes with them.
func (s *search) acceptable(p *scenarios.Plan) bool {
	if len(p.Heal.Excluded) == 0 {
		p.Heal.Exclusion = scenarios.DownAtFirst
	}
	return p.Validate() == nil && (ordered(p) || !ordered(s.plan))
}

// ordered reports whether no operation is due before an earlier one of its
// client, which it would wait for anyway.
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
