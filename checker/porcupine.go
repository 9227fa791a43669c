package checker

import (
	"context"

	"github.com/anishathalye/porcupine"
)

// feasibility is Porcupine's verdict on a set of operations.
type feasibility uint8

const (
	unsure     feasibility = iota // time ran out, or there are too many operations
	possible                      // some order explains every operation
	impossible                    // no order does
)

// maxPorcupine is the maximum number of operations for Porcupine, whose memory
// grows with the square of their number.
const maxPorcupine = 4096

// search runs Porcupine, which implements Lowe, "Testing for Linearizability"
// (2017), after Wing and Gong. At worst it takes time exponential in the number
// of operations that overlap. It keeps every step it took; memory, in bytes,
// limits their number.
func (a *automaton) search(ctx context.Context, checked []checkedOp, memory int64) feasibility {
	if len(checked) > maxPorcupine {
		return unsure
	}
	return a.runPorcupine(ctx, checked, memory/int64(len(checked)/8+stepBytes))
}

// stepBytes is about the size of a step in Porcupine's memory, besides a bit
// for each operation.
const stepBytes = 256

func (a *automaton) runPorcupine(ctx context.Context, checked []checkedOp, steps int64) feasibility {
	stopped := false
	model := a.model(func() bool {
		stopped = stopped || steps < 0 || ctx.Err() != nil
		return stopped
	})
	step := model.Step
	model.Step = func(state, input, output any) (bool, any) {
		fits, next := step(state, input, output)
		if fits {
			steps--
		}
		return fits, next
	}
	switch {
	case porcupine.CheckOperations(model, a.intervals(checked)):
		return possible
	case stopped:
		return unsure
	default:
		return impossible
	}
}

// intervals translates operations for Porcupine. The historyEnd comes after the
// last return, and unknown operations end after that.
func (a *automaton) intervals(checked []checkedOp) []porcupine.Operation {
	a.orderUnknownSteps(checked)
	end, clients, open := int64(0), 0, false
	for i := range checked {
		c := &checked[i]
		end, clients = max(end, c.call), max(clients, c.op.Client+1)
		open = open || c.meaning == unknownStep
		if c.ret != forever {
			end = max(end, c.ret)
		}
	}
	ops := make([]porcupine.Operation, 0, len(checked)+1)
	for i := range checked {
		c := &checked[i]
		if c.meaning == noEffect {
			continue
		}
		op := porcupine.Operation{ClientId: c.op.Client, Input: c, Call: c.call, Return: c.ret}
		if c.meaning == unknownStep {
			op.Return = end + 2
		}
		ops = append(ops, op)
	}
	if open {
		ops = append(ops, porcupine.Operation{ClientId: clients, Input: &checkedOp{meaning: historyEnd}, Call: end + 1, Return: end + 1})
	}
	return ops
}
