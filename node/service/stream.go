package service

import (
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/watch"
)

// IsNewer reports whether now has transitions that had, which may be nil, has not. A
// node may learn a value twice, or an older one after it.
func IsNewer(had, now *node.Value) bool { return had == nil || now.Version > had.Version }

// Stream turns the chosen values that a node learns into the events of one watch. It
// is not safe for concurrent use.
type Stream struct {
	From   uint64            // versions up to it are not sent; only with Resume
	Resume bool              // begin after version From, not at the present
	Emit   func(watch.Event) // receives the events; an event's pointers are valid until it returns

	transition watch.Transition // of the current event
}

// oldestVersion is the first version with a state that v still shows.
func oldestVersion(v *node.Value) uint64 {
	version := v.Version
	for i := range v.Window {
		if v.Window[i].Kind == node.EntryTransition {
			version--
		}
	}
	return version
}

// machineAt is the machine as it was when it came to a version that v shows.
func machineAt(key string, v *node.Value, version uint64) *watch.Machine {
	m := &watch.Machine{Key: key, State: v.StateBefore, Version: oldestVersion(v), Serial: v.Serial - uint64(len(v.Window))}
	for i := range v.Window {
		if m.Version == version {
			break
		}
		m.Serial++
		if e := &v.Window[i]; e.Kind == node.EntryTransition {
			m.Version, m.State = m.Version+1, e.To
		}
	}
	return m
}

// Begin emits the first events of a machine that the node knows to be at v.
func (s *Stream) Begin(key string, v *node.Value) {
	if s.Resume {
		s.emitFirst(key, s.From, v)
		return
	}
	s.emitFirst(key, v.Version, v)
}

// Advance emits the events of a machine that went from had to now. had is nil if
// the node knew no value.
func (s *Stream) Advance(key string, had, now *node.Value) {
	switch {
	case had != nil && (!s.Resume || had.Version >= s.From):
		s.emitTransitions(key, had.Version, now)
	case s.Resume && had != nil && now.Version < s.From: // Behind was emitted for had
	case s.Resume:
		s.emitFirst(key, s.From, now)
	default:
		s.emitFirst(key, oldestVersion(now), now)
	}
}

// emitFirst emits the first events of a machine: the state at version from, and
// the transitions since. If the node does not know of that version yet, it emits
// a Behind, and the rest is for later.
func (s *Stream) emitFirst(key string, from uint64, v *node.Value) {
	switch {
	case from > v.Version:
		s.Emit(watch.Event{Behind: &watch.Behind{Key: key, Version: v.Version, From: from}})
		return
	case from >= oldestVersion(v):
		s.Emit(watch.Event{State: machineAt(key, v, from)})
	}
	s.emitTransitions(key, from, v)
}

// emitTransitions emits the transitions after a version.
func (s *Stream) emitTransitions(key string, after uint64, v *node.Value) {
	version, state, rest := entriesAfter(v, after)
	if after < version {
		s.Emit(watch.Event{Gap: &watch.Gap{Key: key, From: after + 1, To: version}})
	}
	for i := range rest {
		e := &rest[i]
		if e.Kind != node.EntryTransition {
			continue
		}
		version++
		s.transition = watch.Transition{Key: key, Version: version, From: state, To: e.To, Operation: string(e.ID)}
		s.Emit(watch.Event{Transition: &s.transition})
		state = e.To
	}
}

// entriesAfter returns the entries of v after a version, and the version and state
// before them. If v does not go back so far, it starts at the oldest.
func entriesAfter(v *node.Value, after uint64) (version uint64, state string, rest []node.Entry) {
	i := len(v.Window)
	for version = v.Version; version > after && i > 0; i-- {
		if v.Window[i-1].Kind == node.EntryTransition {
			version--
		}
	}
	if i == 0 {
		return version, v.StateBefore, v.Window
	}
	return version, v.Window[i-1].To, v.Window[i:]
}
