package model

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/node/fsm"
)

// versioned is the state of a machine or a register: a value, and the number of
// changes that led to it.
type versioned struct {
	value   string
	version int64
}

func describeVersioned(state any) string {
	v := state.(versioned)
	return fmt.Sprintf("%s at version %d", v.value, v.version)
}

// then returns the state after op, if its response fits: v itself if op is
// refused or reads, or else with the value that op makes.
func (v versioned) then(op *history.Operation, legal, changes bool, value string) (any, bool) {
	if legal == (op.Outcome == history.Rejected) {
		return v, false
	}
	if legal && changes {
		v = versioned{value, v.version + 1}
	}
	fits := (op.State == "" || op.State == v.value) && (op.Version == history.NoVersion || op.Version == v.version)
	return v, fits
}

// Machine returns the model of state machines of these definitions.
func Machine(definitions []fsm.Definition) *Model {
	definition := func(name string) *fsm.Definition {
		i := slices.IndexFunc(definitions, func(d fsm.Definition) bool { return d.Name == name })
		if i < 0 {
			return nil
		}
		return &definitions[i]
	}
	return ready(history.ModelMachine, Model{
		Init: func(object string) any {
			name, _, _ := strings.Cut(object, "/")
			d := definition(name)
			if d == nil {
				return versioned{}
			}
			return versioned{value: d.Initial}
		},
		Step: func(state any, op *history.Operation) (any, bool) {
			v := state.(versioned)
			if op.Kind == history.KindRead {
				return v.then(op, op.Outcome != history.Rejected, false, "")
			}
			name, _, _ := strings.Cut(op.Machine, "/")
			d := definition(name)
			return v.then(op, d != nil && d.Has(op.Argument) && d.Legal(v.value, op.Argument), true, op.Argument)
		},
		Describe:  describeVersioned,
		Anonymous: true,
	})
}

// Register returns the model of one register: write and read.
func Register() *Model { return registers(history.ModelRegister) }

// CASRegister returns the model of one register with compare and set.
func CASRegister() *Model { return registers(history.ModelCASRegister) }

// KV returns the model of a register for each key, with append and delete.
func KV() *Model { return registers(history.ModelKV) }

// Unversioned returns m, the model of registers, for a history in which no response
// has a version: states that differ in their versions only are one.
func Unversioned(m *Model) *Model {
	u := *m
	u.Step = func(state any, op *history.Operation) (any, bool) {
		next, possible := m.Step(state, op)
		return versioned{value: next.(versioned).value}, possible
	}
	u.Describe = func(state any) string { return state.(versioned).value }
	return &u
}

func registers(name history.Model) *Model {
	return ready(name, Model{
		Init:      func(string) any { return versioned{value: history.NoValue} },
		Step:      func(state any, op *history.Operation) (any, bool) { return stepRegister(state.(versioned), op) },
		Describe:  describeVersioned,
		TooLate:   tooLateForRegister,
		Resets:    func(op *history.Operation) bool { return op.Kind != history.KindAppend },
		Anonymous: true,
	})
}

// tooLateForRegister reports whether op tells a value that appends cannot lead to.
func tooLateForRegister(state any, op *history.Operation) bool {
	v := state.(versioned)
	if op.Outcome != history.Committed || op.State == "" || v.value == history.NoValue || op.Kind != history.KindRead && op.Kind != history.KindAppend {
		return false
	}
	return !strings.HasPrefix(op.State, v.value) && !strings.HasPrefix(op.State, strings.TrimSuffix(v.value, `"`))
}

func stepRegister(v versioned, op *history.Operation) (any, bool) {
	switch op.Kind {
	case history.KindRead:
		return v.then(op, true, false, "")
	case history.KindWrite:
		return v.then(op, true, true, op.Argument)
	case history.KindCAS:
		return v.then(op, v.value == op.Expected, true, op.Argument)
	case history.KindDelete:
		return v.then(op, true, true, history.NoValue)
	case history.KindAppend:
		if v.value == history.NoValue {
			return v.then(op, true, true, op.Argument)
		}
		return v.then(op, true, true, joined(v.value, op.Argument))
	}
	return v, false
}
