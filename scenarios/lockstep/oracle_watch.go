package lockstep

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/watch"
	"github.com/lockstep-dst/lockstep/scenarios"
)

// valuesShown is the observation that a node has learnt chosen values.
type valuesShown struct{ values []node.ChosenValue }

// Digest implements sim.Observation. The values follow from the messages that arrived,
// so their number and the first serial are enough.
func (s *valuesShown) Digest() uint64 {
	return keyed.Mix(uint64(len(s.values)), s.values[0].Value.Serial)
}

func (s *valuesShown) String() string {
	var all []string
	for _, c := range s.values {
		all = append(all, fmt.Sprintf("%s %v", c.Key, c.Value))
	}
	return "shows " + strings.Join(all, ", ")
}

// watched is the observation that a client of the node has received an event of its
// watch. It is a copy: the event's pointers do not outlive its emission.
type watched struct {
	client     *watchClient
	state      watch.Machine
	transition watch.Transition
	gap        watch.Gap
	behind     watch.Behind
}

func newWatched(w *watchClient, e *watch.Event) watched {
	o := watched{client: w}
	switch {
	case e.State != nil:
		o.state = *e.State
	case e.Transition != nil:
		o.transition = *e.Transition
	case e.Gap != nil:
		o.gap = *e.Gap
	case e.Behind != nil:
		o.behind = *e.Behind
	}
	return o
}

// Digest implements sim.Observation.
func (w *watched) Digest() uint64 {
	h := keyed.Mix(w.state.Version, w.transition.Version)
	h = keyed.Mix(h, w.gap.From^w.gap.To<<1)
	return keyed.Mix(h, w.behind.From^w.behind.Version<<1)
}

func (w *watched) String() string {
	switch {
	case w.state.Key != "":
		return fmt.Sprintf("a watch begins: %+v", w.state)
	case w.transition.Key != "":
		return fmt.Sprintf("a watch shows %+v", w.transition)
	case w.gap.Key != "":
		return fmt.Sprintf("a watch has a gap: %+v", w.gap)
	}
	return fmt.Sprintf("a watch is behind: %+v", w.behind)
}

// checkShown: a value that a node reports as chosen is chosen.
func (o *oracle) checkShown(s *valuesShown) *scenarios.Violation {
	for i := range s.values {
		c := &s.values[i]
		t := o.machine(c.Key)
		if v := t.ballot(c.Ballot); !o.isChosen(c.Ballot, v) || !v.value.Equal(c.Value) {
			return o.violation("watch", "unchosen", c.Key, "shows %v at %v of %s, which was not chosen", c.Value, c.Ballot, c.Key)
		}
		t.shown[o.id] = max(t.shown[o.id], c.Value.Version+1)
		if isCounted(c.Key) {
			o.keep(t)
		}
	}
	return nil
}

// checkKeptUp: a watch that awaits an update has received all that the node has shown.
// If it had before the step, only the machines that were shown in the step can have
// changed that.
func (o *oracle) checkKeptUp(s *valuesShown, watches []*watchClient) *scenarios.Violation {
	for _, w := range watches {
		was := w.keptUp
		w.keptUp = w.pulled && w.ticket != 0 && w.node == o.id
		if !w.keptUp {
			continue
		}
		if was {
			for i := range s.values {
				if v := o.checkReceived(w, s.values[i].Key); v != nil {
					return v
				}
			}
			continue
		}
		for _, key := range o.keys {
			if v := o.checkReceived(w, key); v != nil {
				return v
			}
		}
	}
	return nil
}

// checkReceived: a watch has received the version of a machine that the node has shown.
func (o *oracle) checkReceived(w *watchClient, key string) *scenarios.Violation {
	wants := strings.HasPrefix(key, w.first.Prefix) && (!w.first.Single || key == w.first.Prefix)
	shown := o.machine(key).shown[o.id]
	if !wants || shown == 0 || w.first.Resume && shown-1 < w.first.From {
		return nil
	}
	if seen, ok := w.received[key]; !ok || seen < shown-1 {
		return o.violation("watch", "missed-change", key, "has shown version %d of %s, but its watcher has received only version %d", shown-1, key, seen)
	}
	return nil
}

// forgetShown notes that the current node has restarted.
func (o *oracle) forgetShown() {
	for _, key := range o.keys {
		t := o.machine(key)
		t.shown[o.id], t.known[o.id], t.proposed[o.id] = 0, 0, t.proposed[o.id][:0]
	}
}

// checkWatched: a client that watches receives every transition once, unchanged and in
// order, or a gap, also over restarts. The first event of a machine is its state: at
// the version that the client has asked for, if it has.
func (o *oracle) checkWatched(e *watched) *scenarios.Violation {
	w := e.client
	key := e.state.Key + e.transition.Key + e.gap.Key + e.behind.Key // one of them is set
	t := o.machine(key)
	seen, known := w.received[key]
	if !known && w.first.Resume {
		seen = w.first.From
	}
	wrong := func(format string, args ...any) *scenarios.Violation {
		return o.violation("watch", "wrong-change", key, "sends the watcher of %s, which has received version %d, "+format, append([]any{key, seen}, args...)...)
	}
	switch {
	case e.state.Key != "":
		s := &e.state
		if known || w.first.Resume && s.Version != w.first.From || s.Version > 0 && !t.hasTransition(s.Version, s.State, "") {
			return wrong("the state %s at version %d", s.State, s.Version)
		}
		if s.Serial > uint64(len(t.versions)) || s.Serial > 0 && t.versions[s.Serial-1] != s.Version || s.Serial == 0 && s.Version > 0 {
			return wrong("the state %s at version %d as entry %d", s.State, s.Version, s.Serial)
		}
		w.received[key] = s.Version
	case e.transition.Key != "":
		s := &e.transition
		if s.Version != seen+1 || !t.hasTransition(s.Version, s.To, s.Operation) || seen > 0 && !t.hasTransition(seen, s.From, "") {
			return wrong("%s, %s to %s, as version %d", s.Operation, s.From, s.To, s.Version)
		}
		w.received[key] = s.Version
	case e.gap.Key != "":
		if e.gap.From != seen+1 || e.gap.To < e.gap.From {
			return wrong("a gap from %d to %d", e.gap.From, e.gap.To)
		}
		w.received[key] = e.gap.To
	default:
		if b := &e.behind; b.From != seen || b.Version >= seen {
			return wrong("that the node is behind, at version %d and not %d", b.Version, b.From)
		}
	}
	return nil
}

// hasTransition reports whether the transition to a version led to a state and, unless
// operation is empty, was of that operation.
func (t *machineTruth) hasTransition(version uint64, state, operation string) bool {
	i := len(t.versions) - 1 // most often the last
	if i < 0 || t.versions[i] != version || i > 0 && t.versions[i-1] == version {
		i, _ = slices.BinarySearch(t.versions, version) // the first entry at that version
	}
	return i < len(t.entries) && t.entries[i].To == state && (operation == "" || string(t.entries[i].ID) == operation)
}
