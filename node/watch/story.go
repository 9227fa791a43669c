package watch

import "github.com/lockstep-dst/lockstep/node"

// News reports whether a value tells more than another, which may be nil, to those
// who watch. A node may learn of a value twice, or of an older one after it.
func News(had, now *node.Value) bool { return had == nil || now.Version > had.Version }

// Story turns the chosen values that a node learns into the events of one watch.
type Story struct {
	From   uint64      // versions up to it are not told; good if it resumes
	Resume bool        // begin after version From, not at the present
	Tell   func(Event) // what the event points to is good until Tell returns

	step Step // of the event under way
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

// Begins tells of a machine that the node knows to be at v.
func (s *Story) Begins(key string, v *node.Value) {
	if s.Resume {
		s.first(key, s.From, v)
		return
	}
	s.first(key, v.Version, v)
}

// GoesOn tells of a machine that went from one value to a later one.
func (s *Story) GoesOn(key string, had, now *node.Value) {
	switch {
	case had != nil && (!s.Resume || had.Version >= s.From):
		s.transitions(key, had.Version, now)
	case s.Resume && had != nil && now.Version < s.From: // which was said of had
	case s.Resume:
		s.first(key, s.From, now)
	default:
		s.first(key, oldest(now), now)
	}
}

// first tells the first of a machine: the state at version from, and what has
// happened since. It is for later if the node does not know of that version yet,
// which is said.
func (s *Story) first(key string, from uint64, v *node.Value) {
	switch {
	case from > v.Version:
		s.Tell(Event{Behind: &Behind{key, v.Version, from}})
		return
	case from >= oldest(v):
		s.Tell(Event{State: at(key, v, from)})
	}
	s.transitions(key, from, v)
}

// transitions tells of those after a version.
func (s *Story) transitions(key string, after uint64, v *node.Value) {
	version, state, rest := since(v, after)
	if after < version {
		s.Tell(Event{Gap: &Gap{key, after + 1, version}})
	}
	for i := range rest {
		e := &rest[i]
		if e.Kind != node.Made {
			continue
		}
		version++
		s.step = Step{key, version, state, e.To, string(e.ID)}
		s.Tell(Event{Transition: &s.step})
		state = e.To
	}
}

// since is what v shows of the time after a version: the machine's version and
// state then, or the oldest that are known, and the entries that followed.
func since(v *node.Value, after uint64) (version uint64, state string, rest []node.Entry) {
	i := len(v.Recent)
	for version = v.Version; version > after && i > 0; i-- {
		if v.Recent[i-1].Kind == node.Made {
			version--
		}
	}
	if i == 0 {
		return version, v.Before, v.Recent
	}
	return version, v.Recent[i-1].To, v.Recent[i:]
}
