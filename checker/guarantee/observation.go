package guarantee

import (
	"errors"
	"fmt"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/node/fsm"
)

// ErrObservation is wrapped by every error about an observation that cannot be
// judged: its recorder has made a mistake, not the system.
var ErrObservation = errors.New("malformed observation")

// Kind is the kind of an observation.
type Kind string

// Kinds. The first five are of watches, with the stream as Source; the others
// of nodes.
const (
	State      Kind = "state"      // the stream reported a machine in State at Version: where it begins
	Transition Kind = "transition" // the stream reported the step that made Version
	Gap        Kind = "gap"        // the stream reported that it leaves out versions First to Version
	Resume     Kind = "resume"     // the stream broke off and was resumed after its last observation
	End        Kind = "end"        // the stream had a listener until then, and had reported nothing else of Machine

	Local Kind = "local" // a node answered a read of a machine without a quorum; Source is the node's life
	Entry Kind = "entry" // a node held in the end that Operation had made Version
	Final Kind = "final" // a node held a machine in State at Version in the end, when all had settled
)

// Observation is one thing that a source reported about a machine, or about its
// own stream.
type Observation struct {
	Kind      Kind
	Source    string // a watch's stream, a node, or one of its lives
	Time      int64  // nanoseconds since the start of the history, by its clock
	Machine   string // definition/name; empty for Resume, which is of all machines of the stream
	Version   int64  // 0 for Resume and End
	First     int64  // the first version of a Gap; Version is the last
	State     string // at Version; empty for Resume, End and Gap
	From      string // the state before a Transition; empty if not reported
	Operation string // that made Version: of an Entry, and of a Transition unless not reported
}

// Validate returns an error that names the first wrong field and the remedy, or
// nil.
func (o *Observation) Validate() error {
	is := func(kinds ...Kind) bool {
		for _, k := range kinds {
			if o.Kind == k {
				return true
			}
		}
		return false
	}
	var f error
	switch {
	case !is(State, Transition, Gap, Resume, End, Local, Entry, Final):
		return fieldErrorf("observe", "%q is none of state, transition, gap, resume, end, local, entry and final", o.Kind)
	case o.Source == "":
		f = fieldErrorf("source", "missing: name the stream or the node")
	case o.Time < 0 || o.Time > history.MaxTime:
		f = fieldErrorf("time", "%d is not within 0 to 2^62: give nanoseconds since the start of the history", o.Time)
	case is(Resume) && o.Machine != "":
		f = fieldErrorf("machine", "%q: a resume is of the whole stream: remove it", o.Machine)
	case !is(Resume) && o.Machine == "":
		f = fieldErrorf("machine", "missing: name it, definition/name")
	case is(Resume, End) && o.Version != 0:
		f = fieldErrorf("version", "%d: %s has none: remove it", o.Version, o.Kind)
	case o.Version < 0 || o.Version > history.MaxTime:
		f = fieldErrorf("version", "%d is not within 0 to 2^62", o.Version)
	case is(Transition, Gap, Entry) && o.Version == 0:
		f = fieldErrorf("version", "0: nothing makes version 0; give the version that was made")
	case !is(Gap) && o.First != 0:
		f = fieldErrorf("first", "%d: only a gap has one: remove it", o.First)
	case is(Gap) && (o.First < 1 || o.First > o.Version):
		f = fieldErrorf("first", "%d is not within 1 to version, %d: give the first version that is left out", o.First, o.Version)
	case is(Resume, End, Gap) && o.State != "":
		f = fieldErrorf("state", "%q: %s has none: remove it", o.State, o.Kind)
	case !is(Resume, End, Gap) && o.State == "":
		f = fieldErrorf("state", "missing: give the state at that version")
	case !is(Transition) && o.From != "":
		f = fieldErrorf("from", "%q: only a transition has one: remove it", o.From)
	case !is(Transition, Entry) && o.Operation != "":
		f = fieldErrorf("operation", "%q: only a transition or an entry has one: remove it", o.Operation)
	case is(Entry) && o.Operation == "":
		f = fieldErrorf("operation", "missing: name the operation that made the version")
	case o.Machine != "":
		if _, _, err := fsm.SplitKey(o.Machine); err != nil {
			f = fieldErrorf("machine", "%w", err)
		}
	}
	return f
}

// ofStream reports whether the observation is of one machine of a stream.
func (o *Observation) ofStream() bool {
	return o.Kind == State || o.Kind == Transition || o.Kind == Gap || o.Kind == End
}

func fieldErrorf(field, format string, args ...any) error {
	return fmt.Errorf("%w: %s: %w", ErrObservation, field, fmt.Errorf(format, args...))
}
