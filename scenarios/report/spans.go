package report

import (
	"cmp"
	"slices"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// goesDown begins the time in which a process is down.
func (r *recorder) goesDown(l sim.TraceLine, here int) {
	if _, down := r.down[l.ID]; down {
		return
	}
	r.down[l.ID] = len(r.run.Spans)
	r.run.Spans = append(r.run.Spans, Span{Kind: "down", Text: "down after a " + l.Text, From: Time(l.At), Lanes: []sim.ID{l.ID}, Begin: new(here)})
}

// comesUp ends it.
func (r *recorder) comesUp(l sim.TraceLine, here int) {
	i, down := r.down[l.ID]
	if !down {
		return
	}
	delete(r.down, l.ID)
	r.run.Spans[i].To, r.run.Spans[i].Finish = Time(l.At), new(here)
}

// endSpans ends the spans that last until the end of the run, and adds the spans of the faults.
func (r *recorder) endSpans(p *scenarios.Plan) {
	for _, i := range r.down {
		r.run.Spans[i].To = r.run.End
	}
	for i := range p.Faults {
		r.addFault(p, i)
	}
	slices.SortStableFunc(r.run.Spans, func(a, b Span) int { return cmp.Compare(a.From, b.From) })
}

// maxFlaps bounds the spans of one fault that is on and off in turn.
const maxFlaps = 100

// addFault adds the times in which the i-th fault lasts, up to the end of the run.
func (r *recorder) addFault(p *scenarios.Plan, i int) {
	f := &p.Faults[i]
	end := min(Time(f.At+f.For), Time(p.Heal.At), r.run.End)
	on, off := Time(f.For), Time(0)
	if f.Every > 0 && f.For/(2*f.Every) < maxFlaps {
		on, off = Time(f.Every), Time(f.Every)
	}
	for at := Time(f.At); at <= end; at += on + off {
		s := spanOf(f)
		s.From, s.To, s.Fault = at, min(at+on, end), new(i)
		if r.run.Spans = append(r.run.Spans, s); on+off == 0 {
			return
		}
		if at+on >= end {
			return
		}
	}
}

// spanOf describes a fault and its processes.
func spanOf(f *scenarios.Fault) Span {
	s := Span{Kind: string(f.Kind), Text: f.String(), Lanes: slices.Clone(f.Nodes)}
	switch f.Kind {
	case scenarios.Partition:
		s.Sides = f.Groups
		s.Lanes = slices.Concat(f.Groups...)
	case scenarios.OneWay:
		s.Sides = [][]sim.ID{f.Sources, f.Targets}
		s.Lanes = slices.Concat(s.Sides...)
		s.Links = linksOf(f.Cuts())
	default:
		s.Links = linksOf(f.Links)
	}
	slices.Sort(s.Lanes)
	s.Lanes = slices.Compact(s.Lanes)
	return s
}

func linksOf(links []netmodel.Link) (list []Link) {
	for _, l := range links {
		list = append(list, Link{l.From, l.To})
	}
	return list
}
