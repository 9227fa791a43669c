package report

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-dst/lockstep/checker"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/play"
)

// Source is the material of a document. Plans must be valid.
type Source struct {
	Shrunk    *scenarios.Plan // nil: the failure was not shrunk
	Full      *scenarios.Plan // the plan of the seed; nil: it is not known. With Shrunk its run is shown only if Options.Full is set
	Necessity *Necessity      // nil: it was not measured
	NoReturn  []*NoReturn     // of the runs that are shown, in their order; missing ones were not measured
	Repeat    string          // the command line that repeats the failure
	Build     Build
}

// Options bound a document.
type Options struct {
	Full         bool          // show the run of the full plan too
	Events       int           // events of a run, before and shortly after its violation; 0: 5,000
	StateBytes   int           // bytes of the changes of states in a run; 0: 200,000
	Passing      bool          // show the nearest run that passes, see Nearest
	CheckTimeout time.Duration // as in play.Options
}

// The defaults of Options.
const (
	DefaultEvents     = 5_000
	DefaultStateBytes = 200_000
)

// ErrNoPlan is returned for a Source without a plan.
var ErrNoPlan = errors.New("report: no plan: want a shrunk or a full one")

// ErrHash is returned when a run with a record differs from the same run without.
var ErrHash = errors.New("report: two runs of one plan differ")

// Make runs the plans of a source, and explains their runs.
func Make(ctx context.Context, sys scenarios.System, src Source, o Options) (*Document, error) {
	type named struct {
		name string
		plan *scenarios.Plan
	}
	var plans []named
	if src.Shrunk != nil {
		plans = append(plans, named{"shrunk", src.Shrunk})
	}
	switch {
	case src.Full == nil:
	case src.Shrunk == nil:
		plans = append(plans, named{"plan", src.Full})
	case o.Full:
		plans = append(plans, named{"full", src.Full})
	}
	if len(plans) == 0 {
		return nil, ErrNoPlan
	}
	d := &Document{
		Format: Format, Version: Version, System: sys.Name, About: sys.About, Seed: plans[0].plan.Seed,
		Repeat: src.Repeat, Build: src.Build, Necessity: src.Necessity,
	}
	if src.Shrunk != nil && src.Full != nil {
		d.Shrinking = &Shrinking{Before: sizeOf(src.Full), After: sizeOf(src.Shrunk)}
	}
	for i, p := range plans {
		r, err := d.addRun(ctx, sys, p.plan, o)
		if err != nil {
			return nil, err
		}
		if r.Name = p.name; i < len(src.NoReturn) {
			r.NoReturn = src.NoReturn[i]
		}
	}
	if err := d.addNearest(ctx, sys, plans[0].plan, o); err != nil {
		return nil, err
	}
	first := &d.Runs[0]
	d.Status, d.Signature, d.Sentence = first.Status, first.Signature, first.Sentence
	return d, nil
}

func sizeOf(p *scenarios.Plan) PlanSize {
	return PlanSize{Operations: len(p.Operations), Faults: len(p.Faults), Overrides: len(p.Overrides)}
}

// addRun runs a plan twice: to know the window to record, and to record it.
func (d *Document) addRun(ctx context.Context, sys scenarios.System, p *scenarios.Plan, o Options) (*Run, error) {
	if o.Events <= 0 {
		o.Events = DefaultEvents
	}
	if o.StateBytes <= 0 {
		o.StateBytes = DefaultStateBytes
	}
	var times []scenarios.Duration // of all events
	result, err := play.Run(ctx, sys, p, play.Options{Explain: true, CheckTimeout: o.CheckTimeout, AfterEvent: func(v play.View) {
		for uint64(len(times)) < v.Event() {
			times = append(times, v.Now())
		}
	}})
	if err != nil {
		return nil, err
	}
	for uint64(len(times)) < result.Stats.Events {
		times = append(times, result.Simulated) // of the step that panicked, and so did not end
	}
	sentence, more := splitSentence(result.Sentence())
	run := Run{
		Status: string(result.Status), Signature: result.Signature(), Sentence: sentence, Evidence: more + result.Evidence,
		Hash: fmt.Sprintf("%016x", result.Hash), Count: result.Stats.Events, End: Time(result.Simulated), Heal: Time(p.Heal.At),
		Plan: planOf(sys, p), Lanes: lanesOf(p),
	}
	run.First, run.Last = window(times, &result, o.Events)
	if run.First > 0 || run.Last < run.Count {
		d.Cut = append(d.Cut, fmt.Sprintf("Of the %d events of the run, %d to %d are shown", run.Count, max(1, run.First), run.Last))
	}
	if err := d.record(ctx, sys, p, &run, &result, o.StateBytes); err != nil {
		return nil, err
	}
	run.explain(sys.Expectation(run.Signature))
	d.Cut = append(d.Cut, run.fitStates(o.StateBytes)...)
	d.Runs = append(d.Runs, run)
	return &d.Runs[len(d.Runs)-1], nil
}

// splitSentence parts the sentence of a verdict from the lines that may follow it, such as
// the last rounds, or the stack of a panic.
func splitSentence(text string) (sentence, more string) {
	sentence, more, found := strings.Cut(text, "\n")
	if found {
		more += "\n"
		if begin, clause, ok := cutLast(sentence, "; the last "); ok {
			sentence, more = begin, "The last "+clause+":\n"+more
		}
	}
	return sentence, more
}

// cutLast cuts a text at the last place of a separator.
func cutLast(text, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(text, sep); i >= 0 {
		return text[:i], text[i+len(sep):], true
	}
	return text, "", false
}

// record runs the plan again and records it. A record must not change the run. If it does
// with the states of the nodes, which the system shows, they are left out.
func (d *Document) record(ctx context.Context, sys scenarios.System, p *scenarios.Plan, run *Run, result *play.Result, stateBytes int) error {
	for _, withStates := range []bool{true, false} {
		again := *run
		rec := newRecorder(&again, p, run.First, run.Last)
		states := newStateRecorder(rec, p.Nodes, roomFactor*stateBytes, compareFactor*stateBytes)
		o := play.Options{Trace: rec.line, CheckTimeout: time.Nanosecond}
		if withStates {
			o.AfterEvent = states.afterEvent
		}
		r, err := play.Run(ctx, sys, p, o)
		if err != nil {
			return err
		}
		if r.Hash != result.Hash {
			continue
		}
		rec.finish(p, result)
		again.Order, _ = checker.Linearization(ctx, result.History, play.OwnModel(sys.Objects()))
		if withStates {
			states.finishStates()
			again.States = states.states
			d.Cut = append(d.Cut, states.cuts()...)
		} else {
			d.Cut = append(d.Cut, "The states of nodes are left out: the run was another one while they were shown; the Dump of a system must change nothing")
		}
		d.Cut = append(d.Cut, rec.clipper.cuts()...)
		*run = again
		return nil
	}
	return fmt.Errorf("%w: seed %d has the hash %s, and another with a trace: see docs/DETERMINISM.md", ErrHash, p.Seed, run.Hash)
}

// window chooses the events to record: all, or many before the violation and a few after.
func window(times []scenarios.Duration, result *play.Result, most int) (first, last uint64) {
	count := uint64(len(times))
	if count <= uint64(most) {
		return 0, count
	}
	shown := count
	if v := result.Violation; v != nil {
		after, _ := slices.BinarySearch(times, v.At+1)
		shown = uint64(after)
	}
	last = min(count, shown+uint64(most)/10)
	return last - uint64(most) + 1, last
}

// lanesOf lists the world, the nodes and the clients.
func lanesOf(p *scenarios.Plan) []Lane {
	lanes := []Lane{{0, "world", "world"}}
	for n := 1; n <= p.Nodes; n++ {
		lanes = append(lanes, Lane{scenarios.NodeID(n), "node", fmt.Sprintf("node %d", n)})
	}
	for c := 1; c <= p.Clients; c++ {
		lanes = append(lanes, Lane{scenarios.ClientID(c), "client", fmt.Sprintf("client %d", c)})
	}
	return append(lanes, Lane{scenarios.ClientID(scenarios.HealClient), "fresh", "fresh operations"})
}
