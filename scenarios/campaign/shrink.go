package campaign

import (
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
	"github.com/lockstep-dst/lockstep/scenarios/shrink"
	"github.com/lockstep-dst/lockstep/sim"
)

// Shrunk is a plan that was made small.
type Shrunk struct {
	shrink.Result
	Signature string // that of the plan before, and after
}

// Shrink makes a plan that fails as small as it can with a number of runs, on
// all workers (0: one per processor). The result is a function of plan and
// budget. When ctx ends, the search does; its result is then an error.
func Shrink(ctx context.Context, sys scenarios.System, p *scenarios.Plan, budget, workers int) (Shrunk, error) {
	r, err := Run(ctx, sys, p, Options{})
	switch {
	case err != nil:
		return Shrunk{}, err
	case r.Status == Passed:
		return Shrunk{}, fmt.Errorf("seed %d passes: there is nothing to shrink", p.Seed)
	case r.Status == Undecided:
		return Shrunk{}, fmt.Errorf("seed %d is undecided: whether a smaller plan is too depends on the machine", p.Seed)
	}
	j := &jury{ctx: ctx, sys: sys, wanted: kindOf(&r), workers: processors(workers)}
	result, err := shrink.Run(shrink.Config{
		Signature: j.wanted, RunAll: j.judge, Pin: func(p *scenarios.Plan) *scenarios.Plan { return pinned(sys, p) }, MaxRuns: budget,
	}, p)
	if ctx.Err() != nil {
		return Shrunk{}, ctx.Err()
	}
	if errors.Is(err, shrink.ErrPassed) {
		err = fmt.Errorf("%w when it runs again: %w", errDiffers, err)
	}
	return Shrunk{result, r.Signature()}, err
}

// errDiffers is the harness's own fault.
var errDiffers = errors.New("the same plan gave another verdict")

// jury judges plans for shrink, several at a time.
type jury struct {
	ctx     context.Context
	sys     scenarios.System
	wanted  string
	workers int
}

// judge gives the verdicts up to the first that is wanted. Plans after it may
// have run; nobody learns of it.
func (j *jury) judge(plans []*scenarios.Plan) []shrink.RunResult {
	verdicts := make([]shrink.RunResult, len(plans))
	var next, end atomic.Int64 // the plan to run next; no plan from there on is needed
	end.Store(int64(len(plans)))
	var pool sync.WaitGroup
	for range min(j.workers, len(plans)) {
		pool.Go(func() {
			for i := next.Add(1) - 1; i < end.Load(); i = next.Add(1) - 1 {
				verdicts[i] = j.one(plans[i])
				for old := end.Load(); verdicts[i].Signature == j.wanted && i+1 < old; old = end.Load() {
					end.CompareAndSwap(old, i+1)
				}
			}
		})
	}
	pool.Wait()
	return verdicts[:end.Load()]
}

// one is the verdict on one plan. What takes long to judge is not what is
// wanted.
func (j *jury) one(p *scenarios.Plan) shrink.RunResult {
	if j.ctx.Err() != nil {
		return shrink.RunResult{Events: 1 << 40} // the budget ends with this
	}
	r, err := Run(context.Background(), j.sys, p, Options{CheckTimeout: 10 * time.Second})
	if err != nil {
		return shrink.RunResult{}
	}
	return shrink.RunResult{Signature: kindOf(&r), Events: r.Stats.Events}
}

// kindOf is the signature of a result, and of a panic the place besides: all
// panics have one signature.
func kindOf(r *Result) string {
	if r.Status != Violated || r.Violation.Property != assertion {
		return r.Signature()
	}
	_, frames, _ := strings.Cut(r.Violation.Sentence, "\n")
	innermost, _, _ := strings.Cut(frames, "\n")
	return r.Signature() + innermost
}

// assertion is the property that a panic of the system breaks.
const assertion = "assertion"

// pinned is p with what a run decided written down: the fates of messages until
// the heal phase, when operations began, and which node was asked first. The
// network adds nothing, and weather has gone.
func pinned(sys scenarios.System, p *scenarios.Plan) *scenarios.Plan {
	q := *p
	q.Network, q.Overrides = p.Heal.Network(), nil
	q.Faults = slices.DeleteFunc(slices.Clone(p.Faults), func(f scenarios.Fault) bool { return f.Profile != nil })
	q.Operations = slices.Clone(p.Operations)
	_, err := Run(context.Background(), sys, p, Options{Trace: func(l sim.TraceLine) {
		pinOperation(&q, l)
		if f, ok := fateOf(l); ok && l.At < p.Heal.At && f.Override != (netmodel.Override{Delay: p.Heal.Delay}) {
			q.Overrides = append(q.Overrides, f)
		}
	}})
	if err != nil {
		return nil
	}
	prolong(&q)
	return &q
}

// prolong makes the storm of p last until its last operation begins. What went
// on until then ends as early as it did.
func prolong(p *scenarios.Plan) {
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

// fateOf is what became of a message that is sent, as a plan says it.
func fateOf(l sim.TraceLine) (f scenarios.MessageOverride, ok bool) {
	v := l.Verdict
	if v == nil || v.Cause == netmodel.CutOff { // cut off by a fault, which stays
		return f, false
	}
	f.Message = sim.Address{
		Link: netmodel.Link{From: l.ID, To: l.To}, Name: l.Message.FateName(), Occurrence: v.Occurrence,
	}
	switch {
	case v.Fate == netmodel.Drop:
		f.Override.Fate = netmodel.Drop
	case v.Duplicate:
		f.Override = netmodel.Override{Delay: v.At - l.At, Duplicate: true, Copy: v.CopyAt - l.At}
	default:
		f.Override.Delay = v.At - l.At
	}
	return f, f.Override.Validate() == nil
}

// pinOperation notes when an operation begins and the first node that its client
// asks.
func pinOperation(p *scenarios.Plan, l sim.TraceLine) {
	if l.Message == nil || l.ID <= 100 || l.From != 0 {
		return
	}
	words := strings.Fields(l.Message.FateName())
	for i := range p.Operations {
		o := &p.Operations[i]
		switch {
		case o.ID != words[len(words)-1] || scenarios.ClientID(o.Client) != l.ID:
		case l.Verdict == nil:
			o.At = l.At
		case o.Node == 0:
			o.Node = int(l.To)
		}
	}
}
