package report

import (
	"fmt"
	"maps"
	"slices"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/lockstep-dst/lockstep/sim"
)

// stateRecorder follows the states of the nodes.
type stateRecorder struct {
	*recorder
	nodes   int
	states  *States
	failure string              // why no more states can be shown; empty: they can
	seen    int                 // events with known changes
	up      map[sim.ID]bool     // by node, as far as it is known
	values  map[sim.ID]valueMap // by node
	room    int                 // bytes of changes that may still be added
	work    int                 // bytes of states that may still be compared
	base    []Change            // by node: the sum of the changes that there is no room for
}

type valueMap = map[string]string

// clock is the name of a value that is left out: it changes with every event of its node, and
// would hide that nothing else does.
const clock = "clock"

// compareFactor bounds the work on states: the bytes that are compared, as a multiple of
// the bytes that a document may have.
const compareFactor = 1000

func newStateRecorder(r *recorder, nodes, room, work int) *stateRecorder {
	return &stateRecorder{
		recorder: r, nodes: nodes, states: &States{}, up: map[sim.ID]bool{}, values: map[sim.ID]valueMap{}, room: room, work: work,
		base: make([]Change, nodes+1),
	}
}

// afterEvent implements the AfterEvent of play.Options. A node changes in its own events,
// and in events of the world.
func (s *stateRecorder) afterEvent(v play.View) {
	events := s.run.Events
	if len(events) == s.seen || s.states.Until != nil {
		return
	}
	all := s.seen == 0
	for _, e := range events[s.seen:] {
		all = all || e.Lane == 0
	}
	for n := 1; n <= s.nodes; n++ {
		id := scenarios.NodeID(n)
		if all || slices.ContainsFunc(events[s.seen:], func(e Event) bool { return e.Lane == id }) {
			s.compare(v, id)
		}
	}
	s.seen = len(events)
	for s.room < 0 && len(s.states.Changes) > s.nodes {
		s.foldFirst()
	}
	if s.work < 0 || s.failure != "" {
		s.states.Until = new(len(events) - 1)
	}
}

// compare notes the changes of a node. A system that panics when it shows a state is
// not asked again: that is no fault of the run.
func (s *stateRecorder) compare(v play.View, id sim.ID) {
	defer func() {
		if cause := recover(); cause != nil {
			s.failure = fmt.Sprintf("The states of nodes end: node %d cannot be shown after event %d: panic: %v", id, v.Event(), cause)
		}
	}()
	c := Change{Event: len(s.run.Events) - 1, Lane: id}
	was, known := s.up[id]
	if up := v.Up(id); !known || up != was {
		s.up[id], c.Up = up, new(up)
	}
	now, source := valuesOf(v, id)
	delete(now, clock)
	for path, value := range now {
		now[path] = s.clip(value)
	}
	s.states.Source = source
	c.Set, c.Unset = differences(s.values[id], now)
	for path, value := range now {
		s.work -= len(path) + len(value)
	}
	s.values[id] = now
	if c.Up != nil || c.Set != nil || c.Unset != nil {
		s.states.Changes = append(s.states.Changes, c)
		s.room -= c.size()
	}
}

// differences lists the values that are new or other in now, and the ones that are gone.
func differences(before, now valueMap) (set valueMap, unset []string) {
	for path, value := range now {
		if old, ok := before[path]; !ok || old != value {
			if set == nil {
				set = valueMap{}
			}
			set[path] = value
		}
	}
	for path := range before {
		if _, ok := now[path]; !ok {
			unset = append(unset, path)
		}
	}
	slices.Sort(unset)
	return set, unset
}

// size is about the size of the JSON of a change.
func (c *Change) size() int {
	n := 40
	for path, value := range c.Set {
		n += len(path) + len(value) + 6
	}
	for _, path := range c.Unset {
		n += len(path) + 3
	}
	return n
}

// foldFirst makes room: the first change becomes part of the base, the state before all
// changes that are left.
func (s *stateRecorder) foldFirst() {
	c := s.states.Changes[0]
	s.states.Changes = s.states.Changes[1:]
	b := &s.base[c.Lane]
	s.room += c.size() + b.size()
	b.Event, b.Lane = c.Event, c.Lane
	if c.Up != nil {
		b.Up = c.Up
	}
	if b.Set == nil {
		b.Set = valueMap{}
	}
	maps.Copy(b.Set, c.Set)
	for _, path := range c.Unset {
		delete(b.Set, path)
	}
	s.room -= b.size()
}

// finishStates puts the base before the changes that are left.
func (s *stateRecorder) finishStates() {
	var base []Change
	from := 0
	for _, b := range s.base {
		if b.Lane != 0 {
			base, from = append(base, b), max(from, b.Event)
		}
	}
	if base == nil {
		return
	}
	for i := range base {
		base[i].Event = from
	}
	s.states.From = new(from)
	s.states.Changes = append(base, s.states.Changes...)
}

// valuesOf returns the state of a node by path, and where it is from.
func valuesOf(v play.View, id sim.ID) (values valueMap, source string) {
	if text, ok := v.Dump(id); ok {
		return flatten(text), "dump"
	}
	return fieldsOf(v.Process(id)), "values"
}

// cuts tells why states end before the run.
func (s *stateRecorder) cuts() (list []string) {
	switch u := s.states.Until; {
	case s.failure != "":
		list = append(list, s.failure)
	case u != nil:
		list = append(list, fmt.Sprintf("The states of nodes are shown up to event %d: they are too large for more", s.run.Events[*u].N))
	}
	return list
}
