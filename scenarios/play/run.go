package play

import (
	"context"
	"fmt"
	"time"

	"github.com/lockstep-dst/lockstep/checker"
	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/checker/model"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/disk"
)

// Options are the options of one run.
type Options struct {
	Trace func(sim.TraceLine) // receives every trace line, if not nil
	// CheckTimeout bounds the check of the history, in wall time; 0 is a minute, as for
	// one run that somebody waits for. (Campaigns have a shorter default.) A history that
	// takes longer is undecided.
	CheckTimeout time.Duration
	CrossCheck   bool         // check the history with Porcupine too, see checker.Options
	Explain      bool         // explain a violation, see Result.Evidence; some take a second run
	Buffers      *sim.Buffers // for runs one after another; nil: new for each
	// SafetyOnly ends the run with its fault phase: the healed network is not
	// tested. It serves to measure the worth of the heal phase.
	SafetyOnly bool
	// SampleChecks has one message in sixteen checked against changes after it was
	// sent. Otherwise all are, see sim.CheckMessages. Campaigns set it for their first
	// runs of seeds, for speed.
	SampleChecks bool
	// OnEvent, if not nil, receives the hash after every event, counted from 1.
	OnEvent func(event, hash uint64)
	// AfterEvent, if not nil, is called after every step, which is one event or several. It must change nothing.
	AfterEvent func(View)
	// Reseed, if not nil, has the choices that the plan leaves open made from another seed,
	// from an instant of the run on.
	Reseed *Reseeding

	// onStep, if not nil, receives each step, before its effects happen.
	onStep func(at scenarios.Duration, id sim.ID, evs []sim.Event, out *sim.Effects)

	instants  *instantList // collects the instants of the run; nil: none are wanted
	watch     *watcher     // watches the run, to tell about it; nil: it is not told
	everyStep bool         // check all recent messages after every step, see sim.CheckSteps
}

// Reseeding gives a run another seed once so many events have happened. Choices of
// processes, such as those of its clients, stay with the plan's seed.
type Reseeding struct {
	After uint64
	Seed  uint64
}

// Status is the verdict on a run.
type Status string

// The statuses.
const (
	Passed    Status = "passed"
	Violated  Status = "violated"
	Undecided Status = "undecided" // the checker gave up
)

// Result is the result of one run. Except for Undecided it is a pure function of
// the plan and the code.
type Result struct {
	Status    Status
	Violation *scenarios.Violation // if violated
	// Evidence explains a violation, with Options.Explain: the operations of a history
	// that contradict each other, as a diagram; or the processes at the end of a run
	// without progress, if the system is no scenarios.ActivityReporter.
	Evidence string
	// Account tells, with Options.Explain, why the history is not linearizable, or why
	// that was not decided; else nil.
	Account   *checker.Account
	Undecided string // if undecided: the checker's reason
	Hash      uint64 // of all events
	Stats     sim.Stats
	Disks     DiskCounts
	Hits      scenarios.FamilyHits // by family
	Families  []scenarios.Family   // of the plan
	Simulated scenarios.Duration
	Outcomes  Outcomes
	Marks     []uint64 // counts of the system's coverage marks; nil if it has none
	History   history.History
}

// DiskCounts counts the effects of disk faults.
type DiskCounts struct {
	Hits     disk.Hits // by fault
	Stops    uint64    // nodes that an error stopped, and that were started again
	Refusals uint64    // nodes that refused to start from a damaged disk
}

// Add adds o to d.
func (d *DiskCounts) Add(o DiskCounts) {
	d.Hits.Add(o.Hits)
	d.Stops += o.Stops
	d.Refusals += o.Refusals
}

// Outcomes counts operations by the outcomes that their clients learnt.
type Outcomes struct {
	Committed   int `json:"committed"`
	Transitions int `json:"transitions"` // of those committed; the others are reads
	Rejected    int `json:"rejected"`
	Unknown     int `json:"unknown"`
}

// Add adds p to o.
func (o *Outcomes) Add(p Outcomes) {
	o.Committed += p.Committed
	o.Transitions += p.Transitions
	o.Rejected += p.Rejected
	o.Unknown += p.Unknown
}

// Total counts all operations.
func (o Outcomes) Total() int { return o.Committed + o.Rejected + o.Unknown }

// maxEvents bounds the events of a plan's run. More of them count as a livelock,
// since nothing in a plan takes that many.
func maxEvents(sys scenarios.System, p *scenarios.Plan) uint64 {
	if sys.Times.Events > 0 {
		return sys.Times.Events
	}
	return 2_000_000 + 5_000*uint64(len(p.Operations))
}

// Run runs a plan, which must be valid, on a system. The error is about the plan,
// never about the result of the run.
func Run(ctx context.Context, sys scenarios.System, p *scenarios.Plan, o Options) (Result, error) {
	s, err := newRunner(sys, p, o)
	if err != nil {
		return Result{}, err
	}
	s.callAfterEvents(&o)
	s.runRecovered()
	s.disks.Hits = s.world.DiskHits()
	r := Result{
		Hash:      s.world.Hash(),
		Stats:     s.world.Stats(),
		Disks:     s.disks,
		Hits:      s.allHits(),
		Families:  scenarios.Families(p),
		Simulated: s.world.Now(),
		History:   history.History{Model: history.Model(p.Workload), Definitions: historyDefinitions(p, s.run), Operations: s.history.upTo(s.world.Now())},
		Outcomes:  s.history.outcomes(),
	}
	if m, ok := s.run.(scenarios.MarkCounter); ok {
		r.Marks = m.AppendMarks(nil)
		if len(r.Marks) != len(sys.Marks) {
			return Result{}, fmt.Errorf("%w %s: AppendMarks: it appends %d counts, and Marks has %d names", scenarios.ErrSystem, sys.Name, len(r.Marks), len(sys.Marks))
		}
	}
	r.setStatus(ctx, s, o)
	s.world.Release()
	if o.Explain {
		r.explain(sys, p, o)
	}
	return r, nil
}

// callAfterEvents has the functions of the options called that follow the run.
func (s *runner) callAfterEvents(o *Options) {
	if o.OnEvent == nil && o.AfterEvent == nil {
		return
	}
	s.world.AfterEvent(func() {
		if o.OnEvent != nil {
			o.OnEvent(s.world.Stats().Events, s.world.Hash())
		}
		if o.AfterEvent != nil {
			o.AfterEvent(View{s})
		}
	})
}

// Linearizability is the property of histories, as a Violation has it.
const Linearizability = "linearizability"

// setStatus sets the verdict. A violation during the run comes first, then the
// clients' history, then progress and agreement on the healed network.
func (r *Result) setStatus(ctx context.Context, s *runner, o Options) {
	r.Status = Violated
	if r.Violation = s.violation; r.Violation != nil {
		return
	}
	timeout := o.CheckTimeout
	if timeout == 0 {
		timeout = time.Minute
	}
	switch c := checker.Check(ctx, r.History, checker.Options{Timeout: timeout, Explain: o.Explain, CrossCheck: o.CrossCheck, Model: OwnModel(s.objects)}); c.Status {
	case checker.Violated:
		r.Violation = &scenarios.Violation{
			Property: Linearizability, Class: c.Class, At: r.Simulated, Machine: c.Machine, Sentence: c.Explanation,
		}
		if c.Culprit != nil {
			r.Violation.At = scenarios.Duration(c.Culprit.Return)
		}
		r.Evidence, r.Account = c.Evidence(), c.Account
		return
	case checker.Undecided:
		r.Status, r.Undecided, r.Account = Undecided, c.Explanation, c.Account
		return
	}
	if !o.SafetyOnly {
		if r.Violation = s.checkLiveness(); r.Violation == nil {
			r.Violation = s.run.Agree(s.world.Now())
		}
	}
	if r.Violation == nil {
		r.Status = Passed
	}
}

// UndecidedSignature is the signature of a result that the checker did not decide in
// time.
const UndecidedSignature = "undecided"

// Signature groups results that are alike; it is empty for one that passed.
func (r *Result) Signature() string {
	switch r.Status {
	case Violated:
		return r.Violation.Signature()
	case Undecided:
		return UndecidedSignature
	}
	return ""
}

// Sentence describes the verdict for a person.
func (r *Result) Sentence() string {
	switch r.Status {
	case Violated:
		return r.Violation.Sentence
	case Undecided:
		return "Undecided: " + r.Undecided
	}
	if r.Outcomes.Total() == 0 {
		return "No operation was invoked, so nothing was shown: the plan has none."
	}
	return fmt.Sprintf("No property was violated: %d committed, %d rejected, %d unknown.",
		r.Outcomes.Committed, r.Outcomes.Rejected, r.Outcomes.Unknown)
}

// Text is the verdict with everything that was derived from the seed. It is a pure
// function of the plan.
func (r *Result) Text(p *scenarios.Plan) string {
	verdict := string(r.Status)
	if r.Status == Violated {
		verdict = fmt.Sprintf("violated %s at %v", r.Signature(), r.Violation.At)
	}
	return fmt.Sprintf("%s, seed %d: %s\n%s\n%shash %016x\n\n%s", p.System, p.Seed, verdict, r.Sentence(), r.Evidence, r.Hash, p.Summary())
}

// OwnModel returns the model by which a history is judged; nil if its name says enough.
func OwnModel(w scenarios.Workload) *model.Model {
	if named, ok := w.(interface{ Named() bool }); ok && named.Named() {
		return nil
	}
	return w.Model()
}
