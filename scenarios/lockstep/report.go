package lockstep

import (
	"fmt"
	"strings"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// report is what a node does in one step, as one fact: there are a dozen of them
// to a transition, and each by itself would have to pass by everybody who looks
// at facts. What it points to is good until the node's next step.
type report struct {
	took  arrived // its request is nil if there was none
	facts []fact
	shown shows
	said  []said

	standing []standing
	told     *member.Introduction // which it has heard; nil: none
}

func (r *report) reset() {
	r.took, r.facts, r.shown, r.said, r.standing, r.told = arrived{}, r.facts[:0], shows{}, r.said[:0], r.standing[:0], nil
}

func (r *report) empty() bool {
	return r.took.request == nil && len(r.facts) == 0 && len(r.shown.values) == 0 && len(r.said) == 0 && len(r.standing) == 0 && r.told == nil
}

// Each implements sim.Several.
func (r *report) Each(tell func(sim.Observation)) {
	if r.took.request != nil {
		tell(&r.took)
	}
	for i := range r.facts {
		tell(&r.facts[i])
	}
	if len(r.shown.values) > 0 {
		tell(&r.shown)
	}
	for i := range r.standing {
		tell(&r.standing[i])
	}
	for _, s := range r.said {
		tell(s)
	}
}

// Digest implements sim.Fact.
func (r *report) Digest() uint64 {
	h := uint64(len(r.said))
	if r.took.request != nil {
		h = keyed.Mix(h, r.took.Digest())
	}
	for i := range r.facts {
		h = keyed.Mix(h, r.facts[i].Digest())
	}
	if len(r.shown.values) > 0 {
		h = keyed.Mix(h, r.shown.Digest())
	}
	for i := range r.standing {
		h = keyed.Mix(h, r.standing[i].Digest())
	}
	for _, s := range r.said {
		h = keyed.Mix(h, s.Digest())
	}
	return h
}

func (r *report) String() string {
	var all []string
	r.Each(func(f sim.Observation) { all = append(all, fmt.Sprint(f)) })
	return strings.Join(all, "; ")
}

// hear has the oracle see what a node has done, up to the first violation.
func (r *run) hear(at scenarios.Duration, id sim.ID, done *report) *scenarios.Violation {
	o := r.oracle.at(at, id)
	if done.took.request != nil && !r.unwatched {
		o.arrived(&done.took)
	}
	for i := range done.facts {
		if v := r.fact(o, &done.facts[i].Observation); v != nil {
			return v
		}
	}
	for i := range done.standing {
		if v := r.stands(o, &done.standing[i].Observation); v != nil {
			return v
		}
	}
	if done.told != nil && r.strange[id] {
		return r.told(o, done.told)
	}
	if r.unwatched || r.strange[id] {
		return nil
	}
	if len(done.shown.values) > 0 {
		if v := o.shows(&done.shown); v != nil {
			return v
		}
	}
	for _, s := range done.said {
		if v := o.said(s.message.Message); v != nil {
			return v
		}
	}
	return nil
}

// fact has the oracle see a fact of the node under way. Nobody but clients hears
// a stranger.
func (r *run) fact(o *oracle, f *node.Observation) *scenarios.Violation {
	if f.Kind == node.Durable || f.Kind == node.Started {
		r.remembers(o.id, f)
	}
	if r.strange[o.id] && f.Kind != node.Answered {
		return nil
	}
	if f.Kind == node.BootReady {
		r.marks.ready[o.id] = r.lives[o.id]
	}
	switch {
	case r.unwatched:
		return nil
	case f.Kind == node.BootReady:
		return o.booted(r.nodes[o.id])
	}
	return o.fact(f)
}
