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

// Verdict is what a run of a plan showed.
type Verdict struct {
	Signature string // empty if it passed
	Events    uint64
}

// Config says what to keep and how to find out.
type Config struct {
	Signature string // of the failure
	// Judge runs plans, which are valid, and gives their verdicts, up to the
	// first with the Signature that is wanted: fewer than plans if there is
	// one. It must be a function of the plans.
	Judge func(plans []*scenarios.Plan) []Verdict
	// Pin, if not nil, gives a plan like p, of which the same comes, but in
	// which the fates of all messages are written down and the network adds
	// nothing to them, and so is when and where each operation begins.
	Pin func(p *scenarios.Plan) *scenarios.Plan
	// Budget bounds the runs. A run of many events counts as several: one for
	// every EventsPerRun begun.
	Budget int
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
	s := &search{cfg: cfg, plan: clone(p), passes: map[digest]bool{}}
	if !s.try(p) {
		return Result{}, fmt.Errorf("%w: %s", ErrPassed, cfg.Signature)
	}
	for steps := -1; steps != s.steps && !s.spent; {
		steps = s.steps
		s.lists()
		s.mergeMachines()
		s.mergeClients()
		s.calm()
		s.dropNodes()
		s.leaves()
		s.rename()
	}
	return Result{Plan: s.plan, Runs: s.runs, Minimal: !s.spent}, nil
}

// search is one Run in progress: a walk over plans that fail, each simpler than
// the one before.
type search struct {
	cfg    Config
	plan   *scenarios.Plan // the simplest so far
	at     digest          // of plan
	passes map[digest]bool // plans that do not fail as they should
	steps  int             // that the walk has taken
	runs   int

	spent  bool // the budget
	pinned bool // what a run decides has been written down
}

// digest stands for a plan in its text form.
type digest [sha256.Size]byte

// batch is how many candidates are judged together. Those after the first that
// fails are judged in vain.
const batch = 8

// first goes to the first of n candidates that fails as it should and returns
// its number; there is none if it is negative. A nil candidate is none.
func (s *search) first(n int, candidate func(i int) *scenarios.Plan) int {
	var b round
	for i := 0; i < n && !s.spent; i++ {
		if p := candidate(i); p != nil && s.sensible(p) {
			if d := digestOf(p); !s.passes[d] && d != s.at {
				b.add(i, p, d)
			}
		}
		if len(b.plans) < batch && i < n-1 {
			continue
		}
		if k := s.judge(&b); k >= 0 {
			s.plan, s.at = b.plans[k], b.digests[k]
			s.steps++
			return b.numbers[k]
		}
		b = round{}
	}
	return -1
}

// try goes to p if it fails as it should.
func (s *search) try(p *scenarios.Plan) bool {
	return s.first(1, func(int) *scenarios.Plan { return p }) == 0
}

// round is candidates that are judged together.
type round struct {
	numbers []int
	plans   []*scenarios.Plan
	digests []digest
}

func (b *round) add(number int, p *scenarios.Plan, d digest) {
	b.numbers, b.plans, b.digests = append(b.numbers, number), append(b.plans, p), append(b.digests, d)
}

// judge returns the place of the first plan that fails as it should, or -1.
func (s *search) judge(b *round) int {
	if len(b.plans) == 0 {
		return -1
	}
	for i, v := range s.cfg.Judge(b.plans) {
		if s.spent = s.runs >= s.cfg.Budget; s.spent {
			return -1
		}
		s.runs += 1 + int(v.Events/EventsPerRun)
		if v.Signature == s.cfg.Signature {
			return i
		}
		s.passes[b.digests[i]] = true
	}
	return -1
}

// sensible reports whether p is a plan, and no stranger one than the last. What
// becomes of nodes that are not there any more goes with them.
func (s *search) sensible(p *scenarios.Plan) bool {
	if len(p.Heal.Without) == 0 {
		p.Heal.Outside = scenarios.Later
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
