package report

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/lockstep-dst/lockstep/sim"
)

// maxParts bounds the parts of a plan for which a nearest passing run is looked for.
const maxParts = 40

// maxSearched bounds the events of all runs in which the nearest one is looked for.
const maxSearched = 500_000

// lessPlan is a plan with one part less.
type lessPlan struct {
	kind, what string
	plan       *scenarios.Plan
}

// closeness orders the kinds of parts: a run without a part of the first kind is nearest.
var closeness = map[string]int{"override": 0, "fault": 1, "network": 2, "operation": 3}

// addNearest looks for a plan with one part less than p, the plan of the first run, that
// passes, and compares their runs.
func (d *Document) addNearest(ctx context.Context, sys scenarios.System, p *scenarios.Plan, o Options) error {
	if d.Runs[0].Violation == nil || len(p.Operations)+len(p.Faults)+len(p.Overrides) > maxParts {
		return nil
	}
	var plans []lessPlan
	scenarios.WithoutEachPart(p, func(kind, what string, less *scenarios.Plan) {
		plans = append(plans, lessPlan{kind, what, less})
	})
	slices.SortStableFunc(plans, func(a, b lessPlan) int { return cmp.Compare(closeness[a.kind], closeness[b.kind]) })
	searched := d.Runs[0].Count
	for _, less := range plans {
		if searched > maxSearched {
			return nil
		}
		if sys.Check(less.plan) != nil {
			continue // the part holds others
		}
		r, err := play.Run(ctx, sys, less.plan, play.Options{CheckTimeout: o.CheckTimeout})
		if err != nil {
			return err
		}
		searched += r.Stats.Events
		if r.Status == play.Passed {
			return d.compareWith(ctx, sys, less, o)
		}
	}
	return nil
}

// compareWith compares the first run with that of a plan that passes.
func (d *Document) compareWith(ctx context.Context, sys scenarios.System, less lessPlan, o Options) error {
	was := len(d.Cut)
	passing, err := d.addRun(ctx, sys, less.plan, o)
	if err != nil {
		return err
	}
	passing.Name = "passing"
	d.Nearest = nearest(&d.Runs[0], passing)
	d.Nearest.Kind, d.Nearest.What = less.kind, less.what
	if !o.Passing {
		d.Runs, d.Cut, d.Nearest.OnlyPassing = d.Runs[:len(d.Runs)-1], d.Cut[:was], nil
		return nil
	}
	d.Nearest.Run = new(len(d.Runs) - 1)
	return nil
}

// nearest compares a run that fails with one that passes, up to the violation. What
// happens to each process is compared by itself, since the processes take turns otherwise
// as soon as one message is late.
func nearest(failing, passing *Run) *Nearest {
	n := &Nearest{}
	f, g := newStory(failing, failing.Violation.Event, failing.Violation.At), newStory(passing, len(passing.Events)-1, failing.Violation.At)
	for n.Same < len(f.all) && n.Same < len(g.all) && f.all[n.Same] == g.all[n.Same] {
		n.Same++
	}
	for _, l := range failing.Lanes {
		onlyF, onlyG := f.minus(g, l.ID), g.minus(f, l.ID)
		n.OnlyFailing, n.OnlyPassing = append(n.OnlyFailing, onlyF...), append(n.OnlyPassing, onlyG...)
		if len(onlyF)+len(onlyG) > 0 {
			n.Parting = append(n.Parting, parting(f, g, l.ID))
		}
	}
	slices.Sort(n.OnlyFailing)
	slices.Sort(n.OnlyPassing)
	return n
}

// story tells the events of a run, up to one of them and to a time.
type story struct {
	all    []string            // in order
	places map[sim.ID][]int    // events by process
	texts  map[sim.ID][]string // their texts, likewise
	times  []Time
}

func newStory(r *Run, last int, until Time) *story {
	s := &story{places: map[sim.ID][]int{}, texts: map[sim.ID][]string{}}
	f := figure{run: r}
	for i := range r.Events[:last+1] {
		e := &r.Events[i]
		if e.At > until {
			break
		}
		text := e.Text
		for _, m := range f.marksOf(i) {
			text += "; " + m.Text
		}
		s.all = append(s.all, fmt.Sprintf("%d %d %s %s", e.At, e.Lane, e.Kind, text))
		s.places[e.Lane] = append(s.places[e.Lane], i)
		s.texts[e.Lane] = append(s.texts[e.Lane], strings.TrimSpace(text))
		s.times = append(s.times, e.At)
	}
	return s
}

// minus lists the events of a process in s that other lacks: texts are counted, whatever
// their order.
func (s *story) minus(other *story, id sim.ID) (list []int) {
	there := map[string]int{}
	for _, text := range other.texts[id] {
		there[text]++
	}
	for i, text := range s.texts[id] {
		if there[text]--; there[text] < 0 {
			list = append(list, s.places[id][i])
		}
	}
	return list
}

// parting finds where the lives of a process differ first.
func parting(f, g *story, id sim.ID) PartingOf {
	i := 0
	for i < len(f.texts[id]) && i < len(g.texts[id]) && f.texts[id][i] == g.texts[id][i] {
		i++
	}
	p := PartingOf{Lane: id}
	if i < len(f.texts[id]) {
		p.Event = new(f.places[id][i])
		p.Failing = f.at(id, i)
	}
	if i < len(g.texts[id]) {
		p.Passing = g.at(id, i)
	}
	return p
}

// at tells the i-th event of a process with its time.
func (s *story) at(id sim.ID, i int) string {
	return fmt.Sprintf("%v %s", sim.Duration(s.times[s.places[id][i]]), s.texts[id][i])
}
