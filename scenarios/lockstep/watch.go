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

// Somebody watches every machine at every node, as the server's clients do, and
// resumes when the node comes back.

// shows is the fact that a node has learnt of chosen values.
type shows struct{ values []node.ChosenValue }

// Digest implements sim.Fact. What is shown follows from what has arrived.
func (s *shows) Digest() uint64 { return keyed.Mix(uint64(len(s.values)), s.values[0].Value.Serial) }

func (s *shows) String() string {
	var all []string
	for _, c := range s.values {
		all = append(all, fmt.Sprintf("%s %v", c.Key, c.Value))
	}
	return "shows " + strings.Join(all, ", ")
}

// watcher watches one machine at one node.
type watcher struct {
	had   *node.Value // what the node has shown last, in this life
	told  uint64      // the version up to which the watcher knows
	story watch.Stream
	wrong *scenarios.Violation
}

// shows: what a node shows as chosen is, and who watches is told of every
// transition once, in order, as it was, or of a gap.
func (o *oracle) shows(s *shows) *scenarios.Violation {
	for i := range s.values {
		c := &s.values[i]
		if v := o.machine(c.Key).vote(c.Ballot); !o.isChosen(v) || !v.value.Equal(c.Value) {
			return o.violation("watch", "unchosen", c.Key, "shows %v at %v of %s, which was not chosen", c.Value, c.Ballot, c.Key)
		}
		w := o.watcher(c.Key)
		if !watch.IsNewer(w.had, c.Value) {
			continue
		}
		w.story.Advance(c.Key, w.had, c.Value)
		w.had = c.Value
		if w.wrong == nil && w.told < c.Value.Version {
			w.wrong = o.violation("watch", "missed-change", c.Key, "shows %v of %s, and who watches is told up to version %d", c.Value, c.Key, w.told)
		}
		if w.wrong != nil {
			return w.wrong
		}
	}
	return nil
}

// watcher finds or makes who watches a machine at the node under way.
func (o *oracle) watcher(key string) *watcher {
	t := o.machine(key)
	w := t.watchers[o.id]
	if w == nil {
		w = &watcher{story: watch.Stream{Resume: true}}
		w.story.Emit = func(e watch.Event) {
			if w.wrong == nil {
				w.wrong = o.told(t, w, e)
			}
		}
		t.watchers[o.id] = w
	}
	return w
}

// resume has those who watch at a node that comes back begin where they were.
func (o *oracle) resume() {
	for _, key := range o.keys {
		if w := o.machine(key).watchers[o.id]; w != nil {
			w.had, w.story.From = nil, w.told
		}
	}
}

// told takes one event of a watch.
func (o *oracle) told(t *truth, w *watcher, e watch.Event) *scenarios.Violation {
	wrong := func(format string, args ...any) *scenarios.Violation {
		return o.violation("watch", "wrong-change", t.key, "tells who watches %s, and has been told up to version %d, "+format, append([]any{t.key, w.told}, args...)...)
	}
	switch {
	case e.State != nil:
		if s := e.State; s.Version != w.told || s.Version > 0 && !t.made(s.Version, s.State, "") {
			return wrong("that it is %s at version %d", s.State, s.Version)
		}
	case e.Transition != nil:
		s := e.Transition
		if s.Version != w.told+1 || !t.made(s.Version, s.To, s.Operation) || w.told > 0 && !t.made(w.told, s.From, "") {
			return wrong("of %s, %s to %s, as version %d", s.Operation, s.From, s.To, s.Version)
		}
		w.told++
	case e.Gap != nil:
		if e.Gap.From != w.told+1 || e.Gap.To < e.Gap.From {
			return wrong("of a gap from %d to %d", e.Gap.From, e.Gap.To)
		}
		w.told = e.Gap.To
	case e.Behind != nil:
		if e.Behind.From != w.told || e.Behind.Version >= w.told {
			return wrong("that it is behind, at version %d and not %d", e.Behind.Version, e.Behind.From)
		}
	}
	return nil
}

// made reports whether the transition to a version led to a state, and was of an
// operation if one is named.
func (t *truth) made(version uint64, state, operation string) bool {
	i := len(t.versions) - 1 // mostly it is the last
	if i < 0 || t.versions[i] != version || i > 0 && t.versions[i-1] == version {
		i, _ = slices.BinarySearch(t.versions, version) // the first entry after which it is at that version
	}
	return i < len(t.entries) && t.entries[i].To == state && (operation == "" || string(t.entries[i].ID) == operation)
}
