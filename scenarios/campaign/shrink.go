package campaign

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/internal/shrink"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/lockstep-dst/lockstep/sim"
)

// Shrunk is the result of Shrink.
type Shrunk struct {
	shrink.Result
	Signature string // of the plan before and after
}

// ShrinkOptions are the limits of Shrink. The zero value is a good start.
type ShrinkOptions struct {
	Runs         int           // runs at most, where one of many events counts as several; 0: DefaultShrinkRuns
	Workers      int           // runs at the same time; 0: one per processor
	CheckTimeout time.Duration // of the history of each run; 0: DefaultCheckTimeout
	// Undecided is the time to shrink a plan whose history is undecided, since each
	// candidate that counts takes CheckTimeout; 0: a minute.
	Undecided time.Duration
	// Progress, if not nil, receives the smallest plan so far and the runs, often.
	Progress func(smallest *scenarios.Plan, runs int)
}

// DefaultShrinkRuns is the default of ShrinkOptions.Runs.
const DefaultShrinkRuns = 20_000

// Shrink makes a failing plan as small as it can within limits. A plan with an undecided
// history fails, too: the result is a plan with fewer operations that the checker does
// not decide in the same time.
//
// The result is a function of plan and Runs, except for an undecided plan: then it
// depends on the speed of the machine. When ctx ends, the search ends with its error, and
// the result is the smallest plan so far, if the plan was seen to fail by then.
func Shrink(ctx context.Context, sys scenarios.System, p *scenarios.Plan, o ShrinkOptions) (Shrunk, error) {
	o.Runs, o.CheckTimeout, o.Undecided = cmp.Or(o.Runs, DefaultShrinkRuns), cmp.Or(o.CheckTimeout, DefaultCheckTimeout), cmp.Or(o.Undecided, time.Minute)
	r, err := play.Run(ctx, sys, p, play.Options{CheckTimeout: o.CheckTimeout, CrossCheck: true})
	switch {
	case err != nil:
		return Shrunk{}, err
	case r.Status == play.Undecided && ctx.Err() != nil: // by the end of ctx, perhaps
		return Shrunk{}, ctx.Err()
	case r.Status == play.Passed:
		return Shrunk{}, fmt.Errorf("seed %d passes: there is nothing to shrink", p.Seed)
	}
	j := &planRunner{ctx: ctx, sys: sys, signature: r.Signature(), workers: workerCount(o.Workers), checkTimeout: o.CheckTimeout}
	if r.Status == play.Undecided {
		limited, cancel := context.WithTimeout(ctx, o.Undecided)
		defer cancel()
		j.ctx, j.crossCheck = limited, true // two checkers that disagree leave it undecided, too
	}
	result, err := shrink.Run(shrink.Config{
		Signature: j.signature, RunAll: j.runAll, Pin: func(p *scenarios.Plan) *scenarios.Plan { return pinned(sys, p) }, MaxRuns: o.Runs,
		Progress: j.progress(o.Progress),
	}, p)
	if ctx.Err() != nil {
		result.Plan, result.Runs, result.Minimal = cmp.Or(result.Plan, p), int(j.ran.Load()), false
		return Shrunk{result, r.Signature()}, ctx.Err()
	}
	switch {
	case !errors.Is(err, shrink.ErrPassed):
	case r.Status == play.Undecided: // decided at the second attempt, or out of time before it
		result, err = shrink.Result{Plan: p}, nil
	default:
		err = fmt.Errorf("%w when it runs again: %w", errDiffers, err)
	}
	if j.ctx.Err() != nil { // the time for an undecided plan is over, and not the budget
		result.Runs = int(j.ran.Load())
	}
	return Shrunk{result, r.Signature()}, err
}

// errDiffers is a fault of the harness itself.
var errDiffers = errors.New("the same plan gave another verdict")

// planRunner runs plans for package shrink, several at a time.
type planRunner struct {
	ctx          context.Context
	sys          scenarios.System
	signature    string // the wanted one
	workers      int
	checkTimeout time.Duration
	crossCheck   bool
	ran          atomic.Int64 // plans that have run
}

// progress is report until the context ends: later runs do not count.
func (j *planRunner) progress(report func(*scenarios.Plan, int)) func(*scenarios.Plan, int) {
	if report == nil {
		return nil
	}
	return func(smallest *scenarios.Plan, runs int) {
		if j.ctx.Err() == nil {
			report(smallest, runs)
		}
	}
}

// runAll returns the results up to the first wanted one. Plans after it may have
// run; their results are dropped.
func (j *planRunner) runAll(plans []*scenarios.Plan) []shrink.RunResult {
	verdicts := make([]shrink.RunResult, len(plans))
	var next, end atomic.Int64 // the plan to run next; no plan from there on is needed
	end.Store(int64(len(plans)))
	var pool sync.WaitGroup
	for range min(j.workers, len(plans)) {
		pool.Go(func() {
			for i := next.Add(1) - 1; i < end.Load(); i = next.Add(1) - 1 {
				verdicts[i] = j.runOne(plans[i])
				for old := end.Load(); verdicts[i].Signature == j.signature && i+1 < old; old = end.Load() {
					end.CompareAndSwap(old, i+1)
				}
			}
		})
	}
	pool.Wait()
	return verdicts[:end.Load()]
}

// runOne runs one plan.
func (j *planRunner) runOne(p *scenarios.Plan) shrink.RunResult {
	if j.ctx.Err() != nil {
		return shrink.RunResult{Events: 1 << 40} // this uses up the budget
	}
	j.ran.Add(1)
	r, err := play.Run(context.Background(), j.sys, p, play.Options{CheckTimeout: j.checkTimeout, CrossCheck: j.crossCheck})
	if err != nil {
		return shrink.RunResult{}
	}
	return shrink.RunResult{Signature: r.Signature(), Events: r.Stats.Events}
}

// pinned is p with the choices of a run written down: the fates of messages until
// the heal phase, the begin of operations, and their first nodes. The network adds
// nothing, and profile overrides are removed.
func pinned(sys scenarios.System, p *scenarios.Plan) *scenarios.Plan {
	q := *p
	q.Network, q.Overrides = p.Heal.Network(), nil
	q.Faults = slices.DeleteFunc(slices.Clone(p.Faults), func(f scenarios.Fault) bool { return f.Profile != nil })
	q.Operations = slices.Clone(p.Operations)
	_, err := play.Run(context.Background(), sys, p, play.Options{Trace: func(l sim.TraceLine) {
		pinOperation(&q, l)
		if f, ok := overrideOf(l); ok && l.At < p.Heal.At && f.Override != (netmodel.Override{Delay: p.Heal.Delay}) {
			q.Overrides = append(q.Overrides, f)
		}
	}})
	if err != nil {
		return nil
	}
	extendFaultPhase(&q)
	return &q
}

// extendFaultPhase extends the fault phase of p to the begin of its last operation.
// The faults end at their old times.
func extendFaultPhase(p *scenarios.Plan) {
	last := p.Heal.At
	for i := range p.Operations {
		last = max(last, p.Operations[i].At)
	}
	if last == p.Heal.At || last > scenarios.MaxTime {
		return
	}
	for i := range p.Faults {
		f := &p.Faults[i]
		f.For = min(f.For, max(1, p.Heal.At-f.At))
	}
	p.Heal.At = last
}

// overrideOf is the fate of a sent message as an override of a plan.
func overrideOf(l sim.TraceLine) (f scenarios.MessageOverride, ok bool) {
	v := l.Verdict
	if v == nil || v.Cause == netmodel.CutOff { // cut off by a fault, which stays
		return f, false
	}
	f.Message = sim.Address{
		Link: netmodel.Link{From: l.ID, To: l.To}, Name: l.Message.FateName(), Occurrence: v.Occurrence,
	}
	switch {
	case v.EndsConnection():
		f.Override = netmodel.Override{Fate: netmodel.Drop, Delay: v.At - l.At, Break: true}
	case v.Fate == netmodel.Drop:
		f.Override.Fate = netmodel.Drop
	case v.Duplicate:
		f.Override = netmodel.Override{Delay: v.At - l.At, Duplicate: true, Copy: v.CopyAt - l.At}
	default:
		f.Override.Delay = v.At - l.At
	}
	f.Override.Break = f.Override.Break || v.Breaks
	return f, f.Override.Validate() == nil
}

// pinOperation records the begin of an operation and the first node that its client
// uses.
func pinOperation(p *scenarios.Plan, l sim.TraceLine) {
	if l.Message == nil || !scenarios.IsClient(l.ID) || l.From != 0 {
		return
	}
	_, invoked := l.Message.(*scenarios.Invocation)
	words := strings.Fields(l.Message.FateName())
	for i := range p.Operations {
		o := &p.Operations[i]
		switch {
		case o.ID != words[len(words)-1] || scenarios.ClientID(o.Client) != l.ID:
		case invoked:
			o.At = l.At
		case l.Verdict != nil && o.Node == 0:
			o.Node = int(l.To)
		}
	}
}
