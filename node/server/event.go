package server

import "github.com/lockstep-dst/lockstep/node"

// Event is one line of a watch: exactly one of its fields is set.
//
// The first event of a machine is the State that the watch begins from, or a Gap
// if that is not known any more. Then every chosen transition follows, in the
// order of versions and each once; where some are not known, a Gap says which.
type Event struct {
	State      *Machine  `json:"state,omitempty"`
	Transition *Step     `json:"transition,omitempty"`
	Gap        *Gap      `json:"gap,omitempty"`
	Heartbeat  *struct{} `json:"heartbeat,omitempty"` // the connection is alive
	End        *End      `json:"end,omitempty"`       // the last event
}

// Step is one transition of a machine, chosen for good.
type Step struct {
	Key       string `json:"key"`
	Version   uint64 `json:"version"` // that it led to
	From      string `json:"from"`
	To        string `json:"to"`
	Operation string `json:"operation"`
}

// Gap is transitions that happened and cannot be told.
type Gap struct {
	Key  string `json:"key"`
	From uint64 `json:"from"` // the first version
	To   uint64 `json:"to"`   // the last
}

// End says why a watch is over.
type End struct {
	Code string `json:"code"` // slow or stopping
	Text string `json:"text"`
}

// story turns the chosen values that a node learns into the events of one watch.
type story struct {
	from   uint64 // versions up to it are not told; good if resumes
	resume bool   // begin after version from, not at the present
	tell   func(Event)
}

// oldest is the first version whose state v shows.
func oldest(v *node.Value) uint64 {
	version := v.Version
	for i := range v.Recent {
		if v.Recent[i].Kind == node.Made {
			version--
		}
	}
	return version
}

// at is a machine as it was when it came to a version that v shows.
func at(key string, v *node.Value, version uint64) *Machine {
	m := &Machine{key, v.Before, oldest(v), v.Serial - uint64(len(v.Recent))}
	for i := range v.Recent {
		if m.Version == version {
			break
		}
		m.Serial++
		if e := &v.Recent[i]; e.Kind == node.Made {
			m.Version, m.State = m.Version+1, e.To
		}
	}
	return m
}

// begins tells of a machine that the node knows to be at v.
func (s *story) begins(key string, v *node.Value) {
	if s.resume {
		s.first(key, s.from, v)
		return
	}
	s.first(key, v.Version, v)
}

// goesOn tells of a machine that went from one value to a later one.
func (s *story) goesOn(key string, had, now *node.Value) {
	switch {
	case had != nil && (!s.resume || had.Version >= s.from):
		s.transitions(key, had.Version, now)
	case s.resume:
		s.first(key, s.from, now)
	default:
		s.first(key, oldest(now), now)
	}
}

// first tells the first of a machine: the state at version from, and what has
// happened since. It is for later if the node does not know of that version yet.
func (s *story) first(key string, from uint64, v *node.Value) {
	switch {
	case from > v.Version:
		return
	case from >= oldest(v):
		s.tell(Event{State: at(key, v, from)})
	}
	s.transitions(key, from, v)
}

// transitions tells of those after a version.
func (s *story) transitions(key string, after uint64, v *node.Value) {
	version, state := oldest(v), v.Before
	if after < version {
		s.tell(Event{Gap: &Gap{key, after + 1, version}})
	}
	for i := range v.Recent {
		e := &v.Recent[i]
		if e.Kind != node.Made {
			continue
		}
		if version++; version > after {
			s.tell(Event{Transition: &Step{key, version, state, e.To, string(e.ID)}})
		}
		state = e.To
	}
}
