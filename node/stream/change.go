package stream

import (
	"encoding/binary"
	"fmt"

	"github.com/lockstep-dst/lockstep/node/watch"
)

// Types of the events in a Changes.
const (
	eventState = 1 + iota
	eventTransition
	eventGap
	eventBehind
)

// appendEvent appends an event about a machine. It reports false for one that is none.
func appendEvent(dst []byte, e *watch.Event) ([]byte, bool) {
	switch {
	case e.State != nil:
		dst = appendState(appendName(append(dst, eventState), e.State.Key), e.State.State)
		return appendUints(dst, e.State.Version, e.State.Serial), true
	case e.Transition != nil:
		t := e.Transition
		dst = appendUints(appendName(append(dst, eventTransition), t.Key), t.Version)
		return appendName(appendState(appendState(dst, t.From), t.To), t.Operation), true
	case e.Gap != nil:
		return appendUints(appendName(append(dst, eventGap), e.Gap.Key), e.Gap.From, e.Gap.To), true
	case e.Behind != nil:
		return appendUints(appendName(append(dst, eventBehind), e.Behind.Key), e.Behind.Version, e.Behind.From), true
	}
	return dst, false
}

// appendName appends a name that a node keeps, and has therefore checked.
func appendName(dst []byte, s string) []byte { return appendString(dst, validText(s, MaxName)) }

func appendState(dst []byte, s string) []byte { return appendString(dst, validText(s, MaxState)) }

func appendUints(dst []byte, numbers ...uint64) []byte {
	for _, n := range numbers {
		dst = binary.AppendUvarint(dst, n)
	}
	return dst
}

// event reads an event about a machine.
func (r *fieldReader) event() (e watch.Event) {
	kind := r.byte("event", eventBehind)
	key := r.string("key", MaxName)
	switch kind {
	case eventState:
		e.State = &watch.Machine{Key: key, State: r.name("state", MaxState), Version: r.number("version"), Serial: r.number("serial")}
	case eventTransition:
		e.Transition = &watch.Transition{
			Key: key, Version: r.number("version"), From: r.name("from", MaxState), To: r.name("to", MaxState), Operation: r.string("operation", MaxName),
		}
	case eventGap:
		e.Gap = &watch.Gap{Key: key, From: r.number("from"), To: r.number("to")}
	case eventBehind:
		e.Behind = &watch.Behind{Key: key, Version: r.number("version"), From: r.number("from")}
	default:
		r.fail("event", fmt.Sprintf("type %d", kind))
	}
	return e
}

// changes reads the events of a Changes after its id.
func (r *fieldReader) changes(dst []watch.Event) ([]watch.Event, error) {
	if r.err == nil && len(r.rest) == 0 {
		r.fail("event", "missing")
	}
	for r.err == nil && len(r.rest) > 0 {
		dst = append(dst, r.event())
	}
	return dst, r.err
}
