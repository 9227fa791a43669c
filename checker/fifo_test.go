package checker

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// Queues that go wrong, once among many operations.
func TestLargeQueues(t *testing.T) {
	shape := shape{model: history.ModelQueue, operations: 4000, clients: 20}
	dequeue := func(from int, ops []history.Operation) *history.Operation {
		for i := from; ; i++ {
			if ops[i].Kind == history.KindDequeue && ops[i].Outcome == history.Committed {
				return &ops[i]
			}
		}
	}
	for _, c := range []struct {
		name    string
		unknown int
		spoil   func(ops []history.Operation) []history.Operation
		status  Status
		most    int // operations in the contradiction
	}{
		{"an item is taken out of order", 0, func(ops []history.Operation) []history.Operation {
			a, b := dequeue(1500, ops), dequeue(1700, ops)
			a.State, b.State = b.State, a.State
			return ops
		}, Violated, 3},
		{"an item is never taken", 0, func(ops []history.Operation) []history.Operation {
			gone := dequeue(2000, ops)
			return slices.DeleteFunc(ops, func(op history.Operation) bool { return op.ID == gone.ID })
		}, Violated, 80},
		{"an item is never taken, unless by an operation of unknown outcome", 50, func(ops []history.Operation) []history.Operation {
			gone := dequeue(2000, ops)
			return slices.DeleteFunc(ops, func(op history.Operation) bool { return op.ID == gone.ID })
		}, Linearizable, 0},
		{"the queue is empty too soon", 0, func(ops []history.Operation) []history.Operation {
			early := *dequeue(2000, ops)
			early.Client, early.ID, early.State = 1000, "early", ""
			early.Outcome, early.Reason = history.Rejected, history.ReasonIllegal
			early.Return = early.Call
			return append(ops, early)
		}, Violated, 30},
	} {
		t.Run(c.name, func(t *testing.T) {
			shape.unknown = c.unknown
			h := shape.history(3)
			h.Operations = c.spoil(h.Operations)
			r := Check(t.Context(), h, Options{Explain: true})
			require.Equal(t, c.status, r.Status, r.Explanation)
			require.LessOrEqual(t, len(r.Contradiction), c.most)
			if c.status == Violated {
				require.NotEmpty(t, r.Contradiction)
			}
		})
	}
}
