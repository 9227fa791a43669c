package report

import (
	"cmp"
	"slices"

	"github.com/lockstep-dst/lockstep/scenarios"
)

// firstWrong is the first wrong step: where a violation shows, unless it shows long after. It is
// never the call of a client: a client may call what it likes.
func (r *Run) firstWrong(e scenarios.Expectation) int {
	v := r.Violation
	switch {
	case v.Property == "convergence":
		return min(v.Event, r.partedForGood(e))
	case v.Property == "liveness":
		return min(v.Event, r.neverEnded())
	case e.Changed:
		return r.lastChange(e)
	}
	return v.Event
}

// lastChange is the event in which the main value changed last at the node that broke the
// property.
func (r *Run) lastChange(e scenarios.Expectation) int {
	e.State = e.State[:1]
	last, owners := -1, r.owners(r.subjects())
	for key, changes := range r.historyOf(e) {
		if slices.Contains(owners, key.lane) {
			last = max(last, changes[len(changes)-1].event)
		}
	}
	if last < 0 {
		return r.Violation.Event
	}
	return last
}

// partedForGood is the event from which on the nodes never held the same again, in the first
// of the values that the property is about.
func (r *Run) partedForGood(e scenarios.Expectation) int {
	if len(e.State) > 1 {
		e.State = e.State[:1]
	}
	type step struct {
		at     int
		key    value
		change valueChange
	}
	var steps []step
	for key, changes := range r.historyOf(e) { // sorted below
		for _, c := range changes {
			steps = append(steps, step{c.event, key, c})
		}
	}
	slices.SortFunc(steps, func(a, b step) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.key.lane, b.key.lane), cmp.Compare(a.key.path, b.key.path))
	})
	about := r.subjects()
	now := map[value]string{}
	parted, same := r.Violation.Event, true
	for i, s := range steps {
		now[s.key] = s.change.now
		if i+1 < len(steps) && steps[i+1].at == s.at {
			continue // the event is not over
		}
		agree := true
		for _, id := range about {
			agree = agree && now[value{id, s.key.path}] == now[value{about[0], s.key.path}]
		}
		if same && !agree {
			parted = s.at
		}
		same = agree
	}
	if same {
		return r.Violation.Event
	}
	return parted
}

// neverEnded is where the operation that the violation of a liveness property is about came to
// nothing: one that its sentence names, or the first fresh one that did not end for certain.
func (r *Run) neverEnded() int {
	for i := range r.Operations {
		o := &r.Operations[i]
		fresh := o.Lane == scenarios.ClientID(scenarios.HealClient) && o.Key == r.Violation.Object && (o.Return == nil || o.Outcome == string(scenarios.Unknown))
		if o.CallEvent != nil && (o.Contradicts || fresh) {
			return r.lastAtNodes(o.ID)
		}
	}
	return r.Violation.Event
}
