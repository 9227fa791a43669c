package lockstep

import (
	"fmt"
	"strings"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// stepReport is all that a node observes in one step, as one observation. There are
// a dozen in a transition, and each would have to pass through every observer
// by itself. Its pointers are valid until the node's next step.
type stepReport struct {
	arrivals     []requestArrived
	observations []nodeObservation
	refusals     []requestRefused
	shown        valuesShown
	watched      []watched
	listed       []listed
	sent         []messageSent
	breaches     []breach

	memberObservations []memberObservation
	introductions      []receivedIntroduction // for checkDisputed and checkTestimonies; in neither Each nor Digest
}

func (r *stepReport) reset() {
	r.arrivals, r.observations, r.shown.values, r.sent = r.arrivals[:0], r.observations[:0], r.shown.values[:0], r.sent[:0]
	r.refusals, r.watched, r.listed = r.refusals[:0], r.watched[:0], r.listed[:0]
	r.breaches = r.breaches[:0]
	r.memberObservations, r.introductions = r.memberObservations[:0], r.introductions[:0]
}

func (r *stepReport) empty() bool {
	return len(r.arrivals) == 0 && len(r.observations) == 0 && len(r.shown.values) == 0 && len(r.sent) == 0 && len(r.memberObservations) == 0 && len(r.introductions) == 0 &&
		len(r.refusals) == 0 && len(r.watched) == 0 && len(r.listed) == 0 && len(r.breaches) == 0
}

// Each implements sim.MultiObservation.
func (r *stepReport) Each(yield func(sim.Observation)) {
	for i := range r.arrivals {
		yield(&r.arrivals[i])
	}
	for i := range r.observations {
		yield(&r.observations[i])
	}
	for i := range r.refusals {
		yield(&r.refusals[i])
	}
	if len(r.shown.values) > 0 {
		yield(&r.shown)
	}
	for i := range r.watched {
		yield(&r.watched[i])
	}
	for i := range r.listed {
		yield(&r.listed[i])
	}
	for i := range r.memberObservations {
		yield(&r.memberObservations[i])
	}
	for _, s := range r.sent {
		yield(s)
	}
	for i := range r.breaches {
		yield(&r.breaches[i])
	}
}

// Digest implements sim.Observation.
func (r *stepReport) Digest() uint64 {
	h := uint64(len(r.sent))
	r.Each(func(f sim.Observation) { h = keyed.Mix(h, f.Digest()) })
	return h
}

func (r *stepReport) String() string {
	var all []string
	r.Each(func(f sim.Observation) { all = append(all, fmt.Sprint(f)) })
	return strings.Join(all, "; ")
}

// observeStep passes the observations of a step to the oracle, up to the first violation.
func (r *run) observeStep(at scenarios.Duration, id sim.ID, step *stepReport) *scenarios.Violation {
	o := r.oracle.forNode(at, id)
	if !r.noOracle {
		o.noteChosenShown(step.shown.values)
		for i := range step.arrivals { // before the node handles any event of the step
			if v := o.noteArrival(&step.arrivals[i]); v != nil {
				return v
			}
		}
	}
	for i := range step.observations {
		if v := r.observeNode(o, &step.observations[i].Observation); v != nil {
			return v
		}
	}
	for i := range step.memberObservations {
		if v := r.observeMember(o, &step.memberObservations[i].Observation); v != nil {
			return v
		}
	}
	for i := range step.introductions {
		if r.lostPromises[id] {
			if v := r.checkDisputed(o, &step.introductions[i]); v != nil {
				return v
			}
		}
	}
	if r.noOracle {
		return nil
	}
	for i := range step.refusals {
		if v := o.checkRefused(&step.refusals[i]); v != nil {
			return v
		}
	}
	if v := o.checkBreaches(step.breaches); v != nil || r.lostPromises[id] {
		return v
	}
	if len(step.shown.values) > 0 {
		r.marks.noteShown(step.shown.values)
		if v := o.checkShown(&step.shown); v != nil {
			return v
		}
	}
	if v := o.checkObservers(step, r.observers[id]); v != nil {
		return v
	}
	for _, s := range step.sent {
		if v := o.checkSent(s.message.Message, s.to); v != nil {
			return v
		}
	}
	return r.checkUse(o, step)
}

// observeNode passes an observation of the current node to the oracle. Of a node that
// has lost promises only its answers to clients are judged.
func (r *run) observeNode(o *oracle, f *node.Observation) *scenarios.Violation {
	if f.Kind == node.Durable || f.Kind == node.Started {
		r.onDurable(o.id, f)
	}
	if r.lostPromises[o.id] && f.Kind != node.Answered {
		return nil
	}
	if c := r.members[o.id].Configuration(); f.Kind == node.EpochBegun && c.Epoch == f.Ballot.Epoch {
		if v := r.checkAdopted(o, c); v != nil { // before anything that the node does in that epoch
			return v
		}
		if v := r.checkLevels(o, c); v != nil {
			return v
		}
	}
	if f.Kind == node.BootReady {
		r.marks.lastReady[o.id] = r.lives[o.id]
	}
	switch {
	case r.noOracle:
		return nil
	case f.Kind == node.BootReady:
		return o.checkBooted(r.nodes[o.id])
	}
	return o.observe(f)
}

// checkObservers checks what the clients that watch and list have received in a step.
func (o *oracle) checkObservers(step *stepReport, at *nodeObservers) *scenarios.Violation {
	for i := range step.watched {
		if v := o.checkWatched(&step.watched[i]); v != nil {
			return v
		}
	}
	for i := range step.listed {
		if v := o.checkListed(&step.listed[i]); v != nil {
			return v
		}
	}
	if at == nil || len(step.shown.values)+len(step.watched) == 0 {
		return nil
	}
	return o.checkKeptUp(&step.shown, at.here)
}
