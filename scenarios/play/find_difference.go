package play

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// Difference is the first difference of two runs of one plan, which should be the
// same.
type Difference struct {
	Line   int      `json:"line,omitempty"` // of the traces, from 1; 0: they are the same
	Before []string `json:"before"`         // the last lines that are the same
	One    string   `json:"one"`            // empty: this run ended here
	Other  string   `json:"other"`
	Step   *Parting `json:"step,omitempty"`  // the step in which the runs part, which may be earlier; nil: unknown
	Cause  string   `json:"cause,omitempty"` // what it can come from
}

// Parting is a step that differs in two runs, after steps that are the same.
type Parting struct {
	At      scenarios.Duration `json:"at"`
	Process sim.ID             `json:"process"`
	Event   string             `json:"event"`  // that the process has taken
	Before  []string           `json:"before"` // effects before, the same in both runs
	One     string             `json:"one"`    // the first effect that differs; empty: no further one
	Other   string             `json:"other"`
	Alike   bool               `json:"alike,omitempty"` // both events are the same, and the effects differ
}

// DeterminismPage explains causes of nondeterminism, and how to remove them.
const DeterminismPage = "docs/DETERMINISM.md"

func (d *Difference) String() string {
	var b strings.Builder
	if d.Line > 0 {
		fmt.Fprintf(&b, "the runs part at line %d of their traces:\n", d.Line)
		writeSides(&b, d.Before, d.One, d.Other, "(this run ended)")
	} else {
		b.WriteString("the traces of the runs are the same:\n")
	}
	if s := d.Step; s != nil && s.Alike {
		fmt.Fprintf(&b, "process %d takes the same event in both, at %v, and its effects differ: %s\n", s.Process, s.At, s.Event)
		writeSides(&b, s.Before, s.One, s.Other, "(no further effect)")
	}
	if d.Cause != "" {
		fmt.Fprintf(&b, "%s; see %s\n", d.Cause, DeterminismPage)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// writeSides writes what is the same, and the two lines that differ.
func writeSides(b *strings.Builder, before []string, one, other, none string) {
	for _, line := range before {
		fmt.Fprintf(b, "    %s\n", line)
	}
	for _, side := range []struct{ sign, line string }{{"-", one}, {"+", other}} {
		if side.line == "" {
			side.line = none
		}
		fmt.Fprintf(b, "  %s %s\n", side.sign, side.line)
	}
}

// Limits of FindDifference.
const (
	maxPairs     = 20
	contextLines = 3
)

// FindDifference looks for the first difference between runs of a plan that has
// proved nondeterministic. It runs the plan in pairs, side by side, with traces. It
// returns nil if the runs of all of twenty pairs were the same, which can happen if
// a difference is rare.
func FindDifference(ctx context.Context, sys scenarios.System, p *scenarios.Plan) (*Difference, error) {
	for range maxPairs {
		var runs [2]recordedRun
		var errs [2]error
		var both sync.WaitGroup
		for i := range runs {
			both.Go(func() { errs[i] = runs[i].record(ctx, sys, p) })
		}
		both.Wait()
		for _, err := range errs {
			if err != nil {
				return nil, err
			}
		}
		if d := runs[0].differenceFrom(&runs[1]); d != nil {
			return d, nil
		}
	}
	return nil, nil
}

// recordedRun is a run with its trace and its steps.
type recordedRun struct {
	lines   []string
	steps   []recordedStep
	verdict string
}

// recordedStep is a step of a run.
type recordedStep struct {
	at      scenarios.Duration
	process sim.ID
	events  string
	effects []sim.Effect
}

// record runs a plan.
func (r *recordedRun) record(ctx context.Context, sys scenarios.System, p *scenarios.Plan) error {
	result, err := Run(ctx, sys, p, Options{
		Trace: func(l sim.TraceLine) { r.lines = append(r.lines, l.String()) },
		onStep: func(at scenarios.Duration, id sim.ID, evs []sim.Event, out *sim.Effects) {
			words := make([]string, len(evs))
			for i := range evs {
				words[i] = evs[i].String()
			}
			r.steps = append(r.steps, recordedStep{at, id, strings.Join(words, "; "), out.List()})
		},
	})
	r.verdict = result.Signature()
	return err
}

// differenceFrom is the first difference of two runs, or nil.
func (r *recordedRun) differenceFrom(other *recordedRun) *Difference {
	d := firstDifference(r.lines, other.lines)
	step := r.partingFrom(other)
	switch {
	case d == nil && step == nil && r.verdict == other.verdict:
		return nil
	case d == nil && step == nil:
		return &Difference{One: r.verdict, Other: other.verdict,
			Cause: fmt.Sprintf("all events and effects are the same, and the verdicts %q and %q differ: the oracle, or the check's time, decides by something else", r.verdict, other.verdict)}
	case d == nil:
		d = &Difference{}
	}
	d.Step, d.Cause = step, r.causeOf(other)
	return d
}

// partingFrom is the first step that differs, or nil.
func (r *recordedRun) partingFrom(other *recordedRun) *Parting {
	i := r.sameSteps(other)
	if i == len(r.steps) || i == len(other.steps) {
		return nil
	}
	a, b := &r.steps[i], &other.steps[i]
	p := &Parting{At: a.at, Process: a.process, Event: a.events, Alike: a.sameEvents(b)}
	n := sameEffects(a.effects, b.effects)
	for _, e := range a.effects[max(0, n-contextLines):n] {
		p.Before = append(p.Before, e.Text)
	}
	p.One, p.Other = textAt(a.effects, n), textAt(b.effects, n)
	return p
}

// sameSteps counts the steps that are the same in both runs, from the first on.
func (r *recordedRun) sameSteps(other *recordedRun) (n int) {
	for n < min(len(r.steps), len(other.steps)) {
		a, b := &r.steps[n], &other.steps[n]
		if !a.sameEvents(b) || len(a.effects) != len(b.effects) || sameEffects(a.effects, b.effects) < len(a.effects) {
			break
		}
		n++
	}
	return n
}

func (s *recordedStep) sameEvents(o *recordedStep) bool {
	return s.at == o.at && s.process == o.process && s.events == o.events
}

// sameEffects counts the effects that are the same in both lists, from the first on.
func sameEffects(a, b []sim.Effect) (n int) {
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

func textAt(list []sim.Effect, i int) string {
	if i == len(list) {
		return ""
	}
	return list[i].Text
}

// firstDifference is the first difference of two traces, or nil.
func firstDifference(one, other []string) *Difference {
	for i := range max(len(one), len(other)) {
		d := Difference{Line: i + 1}
		if i < len(one) {
			d.One = one[i]
		}
		if i < len(other) {
			d.Other = other[i]
		}
		if d.One != d.Other {
			d.Before = one[max(0, i-contextLines):min(i, len(one))]
			return &d
		}
	}
	return nil
}
