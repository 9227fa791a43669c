package report

import (
	"fmt"
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
}

type valueMap = map[string]string

// compareFactor bounds the work on states: the bytes that are compared, as a multiple of
// the bytes that a document may have.
const compareFactor = 400

func newStateRecorder(r *recorder, nodes, room int) *stateRecorder {
	return &stateRecorder{
		recorder: r, nodes: nodes, states: &States{}, up: map[sim.ID]bool{}, values: map[sim.ID]valueMap{}, room: room, work: compareFactor * room,
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
	if s.room < 0 || s.work < 0 || s.failure != "" {
		s.states.Until = new(len(events) - 1)
	}
}

// compare notes what has changed in a node. A system that panics when it shows a state is
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
	s.states.Source = source
	before := s.values[id]
	for path, value := range now {
		s.work -= len(path) + len(value)
		if old, ok := before[path]; ok && old == value {
			continue
		}
		if c.Set == nil {
			c.Set = map[string]string{}
		}
		c.Set[path] = value
		s.room -= len(path) + len(value) + changeBytes
	}
	for path := range before {
		if _, ok := now[path]; !ok {
			c.Unset = append(c.Unset, path)
			s.room -= len(path) + changeBytes
		}
	}
	slices.Sort(c.Unset)
	s.values[id] = now
	if c.Up != nil || c.Set != nil || c.Unset != nil {
		s.states.Changes = append(s.states.Changes, c)
	}
}

// changeBytes is about the size that JSON adds to a changed value.
const changeBytes = 10

// valuesOf returns the state of a node by path, and where it is from.
func valuesOf(v play.View, id sim.ID) (values valueMap, source string) {
	if text, ok := v.Dump(id); ok {
		return flatten(text), "dump"
	}
	return fieldsOf(v.Process(id)), "values"
}

// cuts tells which states are left out.
func (s *stateRecorder) cuts() (list []string) {
	if s.failure != "" {
		return []string{s.failure}
	}
	if u := s.states.Until; u != nil {
		return []string{fmt.Sprintf("The states of nodes are shown up to event %d: there is no room for more", s.run.Events[*u].N)}
	}
	return nil
}
