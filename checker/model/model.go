package model

import (
	"errors"
	"fmt"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// Model is a sequential specification: the effect of operations on an object
// while no other is in flight. Its functions depend on their arguments alone and
// change none of them.
type Model struct {
	// Grammar has the model's name, and the form of its operations. Histories are
	// validated by it. Without kinds, any operation will do.
	history.Grammar

	// Init returns the state of an object before its first operation.
	Init func(object string) any

	// Step reports whether op may take effect in a state with the outcome and
	// response that it has, and returns the state after it. It is asked about
	// operations that are
	//
	//   - committed: the response must fit;
	//   - rejected for history.ReasonIllegal: possible if it was impossible, in
	//     that state, to commit; the state stays;
	//   - unknown: there is no response, so any fits; possible if any commit is.
	//     It takes effect at most once, after its call.
	//
	// It is not asked about other rejections, which had no effect.
	Step func(state any, op *history.Operation) (next any, possible bool)

	// Equal reports whether two states are equal; nil: ==, which slices and maps
	// do not have.
	Equal func(a, b any) bool

	// Key returns a text that a state shares with the equal ones only; nil: there
	// is none. With Equal alone the judge compares every two states, which takes
	// longer.
	Key func(state any) string

	// TooLate reports whether op, of which Step was asked with its response, is
	// impossible in a state and in all that can come later. It must be certain. It
	// spares the judge orders that lead nowhere; nil: nothing is known. What
	// operations that Resets names can still do is not its concern.
	TooLate func(state any, op *history.Operation) bool

	// Resets reports whether the state after op does not depend on the one before;
	// nil: it always does. It is asked about operations that change the state.
	Resets func(op *history.Operation) bool

	// Describe describes a state, as in "held by client 2"; nil: as fmt.Sprint.
	Describe func(state any) string

	// Partition divides the operations of a history into those of independent
	// objects, each operation in one part, and each part is judged alone; nil: by
	// Operation.Machine.
	Partition func(ops []*history.Operation) [][]*history.Operation

	// Anonymous promises that Step does not look at Operation.Client: to it,
	// operations of several clients are interchangeable. That spares the judge
	// many orders of operations of unknown outcome.
	Anonymous bool
}

// Whole is a Partition of operations that are all on one object: for models in
// which machines are not independent.
func Whole(ops []*history.Operation) [][]*history.Operation {
	return [][]*history.Operation{ops}
}

// ErrModel is wrapped by the errors about a model.
var ErrModel = errors.New("invalid model")

// Validate returns an error if m cannot be used.
func (m *Model) Validate() error {
	if err := m.Grammar.Validate(); err != nil {
		return fmt.Errorf("%w: %w", ErrModel, err)
	}
	if m.Init == nil || m.Step == nil {
		return fmt.Errorf("%w: model %s lacks Init or Step: give both", ErrModel, m.Name)
	}
	return nil
}

// Of returns the model that a history names, by itself and its definitions, if
// that is one of the models that are ready to use. Its objects begin in the
// history's initial state, if it has one that CheckInitial accepts.
func Of(h *history.History) (*Model, bool) {
	m, known := named(h)
	if known && h.Initial != "" && m.CheckInitial(h.Initial) == nil {
		initial := initialState(h.Model, h.Initial)
		m.Init = func(string) any { return initial }
		m.Grammar = m.Grammar.WithInitial(h.Initial)
	}
	return m, known
}

// named returns the model of a history as it begins by itself.
func named(h *history.History) (*Model, bool) {
	switch h.Model {
	case history.ModelMachine, "":
		return Machine(h.Definitions), true
	case history.ModelRegister:
		return Register(), true
	case history.ModelCASRegister:
		return CASRegister(), true
	case history.ModelKV:
		return KV(), true
	case history.ModelLock:
		return Lock(), true
	case history.ModelCounter:
		return Counter(), true
	case history.ModelQueue:
		return Queue(), true
	case history.ModelSet:
		return Set(), true
	case history.ModelAppendList:
		return AppendList(), true
	case history.ModelMultiRegister:
		return MultiRegister(), true
	case history.ModelBank:
		return Bank(), true
	}
	return nil, false
}

// ready returns a model that is ready to use, with the grammar of its name.
func ready(name history.Model, m Model) *Model {
	g, known := history.GrammarOf(name)
	if !known {
		panic(fmt.Sprintf("model: %s has no grammar", name))
	}
	m.Grammar = g
	return &m
}
