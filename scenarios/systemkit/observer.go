package systemkit

import (
	"errors"
	"strings"
	"unicode"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/kit"
)

// Observer is an oracle as a function over facts (see kit.Observer). A scenarios.Run that
// embeds it has its method Observe.
//
// An error that is or wraps a *ViolationError is that violation. Any other is a violation
// of the property "invariant". Its class is the text of the innermost error, so the runs
// in which an oracle finds the same are grouped if it wraps one error of its own for each
// kind of finding:
//
//	var errForked = errors.New("two values in one place")
//
//	return fmt.Errorf("%w: node %d holds %s in place %d", errForked, ...)
//
// has the signature "invariant/two-values-in-one-place". Numbers in the text are left out.
//
// A nil Observer finds nothing: histories of clients are judged all the same.
type Observer kit.Observer

// Observe implements scenarios.Run.
func (o Observer) Observe(at sim.Duration, id sim.ID, f sim.Observation) *scenarios.Violation {
	if o == nil {
		return nil
	}
	err := o(at, id, kit.Body(f))
	if err == nil {
		return nil
	}
	var own *ViolationError
	if errors.As(err, &own) {
		v := own.Violation
		v.At = at
		return &v
	}
	return &scenarios.Violation{Property: "invariant", Class: classOf(err), At: at, Sentence: err.Error()}
}

// Agree implements scenarios.Run for a system whose nodes need not hold the same in the
// end. A Run with a method Agree of its own has that one.
func (o Observer) Agree(sim.Duration) *scenarios.Violation { return nil }

// ViolationError is a violation as an error, for an Observer that decides about property,
// class and machine. The time is that of the observation.
type ViolationError struct{ scenarios.Violation }

func (v *ViolationError) Error() string { return v.Sentence }

// classOf returns a name of the kind of an error: the words of the innermost one.
func classOf(err error) string {
	for in := err; in != nil; in = errors.Unwrap(in) {
		err = in
	}
	words := strings.FieldsFunc(strings.ToLower(err.Error()), func(r rune) bool { return !unicode.IsLetter(r) })
	if len(words) == 0 {
		return "broken"
	}
	return strings.Join(words, "-")
}
