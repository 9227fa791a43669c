package model

import (
	"github.com/anishathalye/porcupine"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// Convert returns the input and the output that an operation has in the terms of
// a model of Porcupine. The output of an operation of unknown outcome must be one
// that fits any state in which the input can take effect.
type Convert func(op *history.Operation) (input, output any)

// FromPorcupine returns a model of Porcupine's, of operations of any form. A nil
// convert makes the operation itself, a *history.Operation, both input and
// output. A model without Partition is of one object; a Partition must keep the
// Metadata of operations. StepContext is not used.
func FromPorcupine(name history.Model, m porcupine.Model, convert Convert) *Model {
	if convert == nil {
		convert = func(op *history.Operation) (any, any) { return op, op }
	}
	result := &Model{
		Grammar:   history.Grammar{Name: name, Versions: true},
		Equal:     m.Equal,
		Describe:  m.DescribeState,
		Partition: Whole,
	}
	if m.Init != nil {
		result.Init = func(string) any { return m.Init() }
	}
	if m.Step != nil {
		result.Step = func(state any, op *history.Operation) (any, bool) {
			input, output := convert(op)
			possible, next := m.Step(state, input, output)
			return next, possible
		}
	}
	if m.Partition != nil {
		result.Partition = func(ops []*history.Operation) [][]*history.Operation { return partition(m, convert, ops) }
	}
	return result
}

// partition divides operations as m does. Metadata tells which is which.
func partition(m porcupine.Model, convert Convert, ops []*history.Operation) (parts [][]*history.Operation) {
	converted := make([]porcupine.Operation, len(ops))
	for i, op := range ops {
		input, output := convert(op)
		converted[i] = porcupine.Operation{ClientId: op.Client, Input: input, Output: output, Call: op.Call, Return: op.Return, Metadata: op}
	}
	for _, part := range m.Partition(converted) {
		var back []*history.Operation
		for _, op := range part {
			if op, ours := op.Metadata.(*history.Operation); ours { // or else the judge misses it and says so
				back = append(back, op)
			}
		}
		parts = append(parts, back)
	}
	return parts
}
