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

// A watcher follows every machine at every node, as clients of the server do, and
// resumes when the node restarts.

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

// watcher watches one machine at one node.
type watcher struct {
	last      *node.Value // last value learnt in this life of the node
	version   uint64      // last version that the watcher has received
	stream    watch.Stream
	violation *scenarios.Violation
}

// checkShown: a value that a node reports as chosen is chosen. Its watchers receive
// every transition once, unchanged and in order, or a gap.
func (o *oracle) checkShown(s *valuesShown) *scenarios.Violation {
	for i := range s.values {
		c := &s.values[i]
		if v := o.machine(c.Key).ballot(c.Ballot); !o.isChosen(v) || !v.value.Equal(c.Value) {
			return o.violation("watch", "unchosen", c.Key, "shows %v at %v of %s, which was not chosen", c.Value, c.Ballot, c.Key)
		}
		w := o.watcher(c.Key)
		if !watch.IsNewer(w.last, c.Value) {
			continue
		}
		w.stream.Advance(c.Key, w.last, c.Value)
		w.last = c.Value
		if w.violation == nil && w.version < c.Value.Version {
			w.violation = o.violation("watch", "missed-change", c.Key, "shows %v of %s, and who watches is told up to version %d", c.Value, c.Key, w.version)
		}
		if w.violation != nil {
			return w.violation
		}
	}
	return nil
}

// watcher returns the watcher of a machine at the current node; it makes one if there
// is none.
func (o *oracle) watcher(key string) *watcher {
	t := o.machine(key)
	w := t.watchers[o.id]
	if w == nil {
		w = &watcher{stream: watch.Stream{Resume: true}}
		w.stream.Emit = func(e watch.Event) {
			if w.violation == nil {
				w.violation = o.checkWatchEvent(t, w, e)
			}
		}
		t.watchers[o.id] = w
	}
	return w
}

// resumeWatchers resumes the watchers of a restarted node after their last version.
func (o *oracle) resumeWatchers() {
	for _, key := range o.keys {
		if w := o.machine(key).watchers[o.id]; w != nil {
			w.last, w.stream.From = nil, w.version
		}
	}
}

// checkWatchEvent checks one event of a watch against the chosen history.
func (o *oracle) checkWatchEvent(t *machineTruth, w *watcher, e watch.Event) *scenarios.Violation {
	wrong := func(format string, args ...any) *scenarios.Violation {
		return o.violation("watch", "wrong-change", t.key, "tells who watches %s, and has been told up to version %d, "+format, append([]any{t.key, w.version}, args...)...)
	}
	switch {
	case e.State != nil:
		if s := e.State; s.Version != w.version || s.Version > 0 && !t.hasTransition(s.Version, s.State, "") {
			return wrong("that it is %s at version %d", s.State, s.Version)
		}
	case e.Transition != nil:
		s := e.Transition
		if s.Version != w.version+1 || !t.hasTransition(s.Version, s.To, s.Operation) || w.version > 0 && !t.hasTransition(w.version, s.From, "") {
			return wrong("of %s, %s to %s, as version %d", s.Operation, s.From, s.To, s.Version)
		}
		w.version++
	case e.Gap != nil:
		if e.Gap.From != w.version+1 || e.Gap.To < e.Gap.From {
			return wrong("of a gap from %d to %d", e.Gap.From, e.Gap.To)
		}
		w.version = e.Gap.To
	case e.Behind != nil:
		if e.Behind.From != w.version || e.Behind.Version >= w.version {
			return wrong("that it is behind, at version %d and not %d", e.Behind.Version, e.Behind.From)
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
