package campaign

import (
	"context"
	"fmt"
	"time"

	"github.com/lockstep-dst/lockstep/checker"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// Options of one run. The zero value is the campaign's.
type Options struct {
	Trace func(sim.TraceLine) // told everything in words, if not nil
	// CheckTimeout bounds the judging of the history, in wall time; 0 is a
	// minute. A history that takes longer is undecided.
	CheckTimeout time.Duration
	CrossCheck   bool         // have Porcupine judge the history too, see checker.Options
	Explain      bool         // say what contradicts each other where the history is violated, see Result.Evidence
	Memory       *sim.Buffers // for runs one after another; nil: new for each
	// SafetyOnly ends the run with its storm: nothing is asked of the healed
	// cluster. It is for finding out what the heal phase is worth.
	SafetyOnly bool
	// Watch, if not nil, is told the hash after every event, counted from 1.
	Watch func(event, hash uint64)
}

// Status of a run.
type Status string

// The statuses.
const (
	Passed    Status = "passed"
	Violated  Status = "violated"
	Undecided Status = "undecided" // the checker gave up
)

// Result is what one run showed. But for Undecided it is a pure function of
// the plan and the code.
type Result struct {
	Status    Status
	Violation *scenarios.Violation // if violated
	Evidence  string               // of a history that is violated, with Options.Explain: what contradicts each other, drawn in lines
	Undecided string               // if undecided: what the checker said
	Hash      uint64               // of all that happened
	Stats     sim.Stats
	Disks     Disks
	Hits      scenarios.FamilyHits // by family
	Families  []scenarios.Family   // that the plan has
	Simulated scenarios.Duration
	Outcomes  Outcomes
	Marks     []uint64 // how often each of the system's marks was come by; nil if it counts none
	History   checker.History
}

// Disks counts what came of the faults of disks.
type Disks struct {
	Hits     sim.DiskHits // by fault
	Stops    uint64       // nodes that an error stopped, and that were started again
	Refusals uint64       // nodes that refused to start from a damaged disk
}

// Add adds up.
func (d *Disks) Add(o Disks) {
	d.Hits.Add(o.Hits)
	d.Stops += o.Stops
	d.Refusals += o.Refusals
}

// Outcomes counts operations by what their clients learnt.
type Outcomes struct {
	Committed   int `json:"committed"`
	Transitions int `json:"transitions"` // of those committed; the others are reads
	Rejected    int `json:"rejected"`
	Unknown     int `json:"unknown"`
}

// Add adds up.
func (o *Outcomes) Add(p Outcomes) {
	o.Committed += p.Committed
	o.Transitions += p.Transitions
	o.Rejected += p.Rejected
	o.Unknown += p.Unknown
}

// Total counts all operations.
func (o Outcomes) Total() int { return o.Committed + o.Rejected + o.Unknown }

// maxEvents is how many events a plan's run may take before it counts as one
// that does not end: a livelock, since nothing in a plan takes that many.
func maxEvents(p *scenarios.Plan) uint64 {
	return 2_000_000 + 5_000*uint64(len(p.Operations))
}

// Run runs a plan, which must be valid, on a system. The error is about the
// plan, never about what the run showed.
func Run(ctx context.Context, sys scenarios.System, p *scenarios.Plan, o Options) (Result, error) {
	if p.System != sys.Name {
		return Result{}, errSystem(sys, p)
	}
	s, err := newStage(sys, p, o)
	if err != nil {
		return Result{}, err
	}
	if o.Watch != nil {
		s.world.AfterEvent(func() { o.Watch(s.world.Stats().Events, s.world.Hash()) })
	}
	s.playSafely()
	s.disks.Hits = s.world.DiskHits()
	r := Result{
		Hash:      s.world.Hash(),
		Stats:     s.world.Stats(),
		Disks:     s.disks,
		Hits:      s.allHits(),
		Families:  scenarios.Families(p),
		Simulated: s.world.Now(),
		History:   checker.History{Definitions: p.Definitions, Operations: s.record.until(s.world.Now())},
		Outcomes:  s.record.outcomes(),
	}
	if m, ok := s.run.(scenarios.MarkCounter); ok {
		r.Marks = m.Marks()
	}
	r.judge(ctx, s, o)
	s.world.Release()
	return r, nil
}

func errSystem(sys scenarios.System, p *scenarios.Plan) error {
	return fmt.Errorf("%w: system: the plan is for %q, not for %q", scenarios.ErrPlan, p.System, sys.Name)
}

// linearizability is the property of histories.
const linearizability = "linearizability"

// judge sets the verdict: what an invariant said during the run comes first,
// then what the clients saw, then whether the healed cluster works and agrees.
func (r *Result) judge(ctx context.Context, s *stage, o Options) {
	r.Status = Violated
	if r.Violation = s.violation; r.Violation != nil {
		return
	}
	timeout := o.CheckTimeout
	if timeout == 0 {
		timeout = time.Minute
	}
	switch c := checker.Check(ctx, r.History, checker.Options{Timeout: timeout, Explain: o.Explain, CrossCheck: o.CrossCheck}); c.Status {
	case checker.Violated:
		r.Violation = &scenarios.Violation{
			Property: linearizability, Class: c.Class, At: r.Simulated, Machine: c.Machine, Sentence: c.Explanation,
		}
		if c.Culprit != nil {
			r.Violation.At = scenarios.Duration(c.Culprit.Return)
		}
		r.Evidence = c.Evidence()
		return
	case checker.Undecided:
		r.Status, r.Undecided = Undecided, c.Explanation
		return
	}
	if !o.SafetyOnly {
		if r.Violation = s.liveness(); r.Violation == nil {
			r.Violation = s.run.Agree(s.world.Now())
		}
	}
	if r.Violation == nil {
		r.Status = Passed
	}
}

// Signature groups results that are alike; it is empty for one that passed.
func (r *Result) Signature() string {
	switch r.Status {
	case Violated:
		return r.Violation.Signature()
	case Undecided:
		return "undecided"
	}
	return ""
}

// Sentence is the verdict for a person.
func (r *Result) Sentence() string {
	switch r.Status {
	case Violated:
		return r.Violation.Sentence
	case Undecided:
		return "Undecided: " + r.Undecided
	}
	if r.Outcomes.Total() == 0 {
		return "Nothing was asked of the system, so nothing was shown: the plan has no operations."
	}
	return fmt.Sprintf("No property was violated: %d committed, %d rejected, %d unknown.",
		r.Outcomes.Committed, r.Outcomes.Rejected, r.Outcomes.Unknown)
}
