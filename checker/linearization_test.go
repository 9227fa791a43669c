package checker

import (
	"context"
	"slices"
	"testing"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/stretchr/testify/require"
)

func TestAnOrderThatExplainsAHistory(t *testing.T) {
	op := func(id, key string, kind history.Kind, argument, state string, call, ret int64) history.Operation {
		return history.Operation{Client: len(id), ID: id, Machine: key, Kind: kind, Argument: argument, State: state, Call: call, Return: ret, Outcome: history.Committed, Version: history.NoVersion}
	}
	h := history.History{Model: history.ModelRegister, Operations: []history.Operation{
		op("read", "x", history.KindRead, "", "a", 10, 20),
		op("writes", "x", history.KindWrite, "a", "", 0, 30), // before the read, though it returns later
		op("reader", "y", history.KindRead, "", "nil", 12, 40),
		op("writers", "y", history.KindWrite, "b", "", 11, 15), // after the read, though it returns earlier
	}}
	order, ok := Linearization(context.Background(), h, nil)
	require.True(t, ok)
	require.Equal(t, []string{"writes", "read", "reader", "writers"}, order)

	h.Operations[0].State = "c" // nobody wrote that
	_, ok = Linearization(context.Background(), h, nil)
	require.False(t, ok)
}

// Histories of every model that the checker accepts have an order, which is accepted again
// when it is replayed without any overlap; the others have none.
func TestAnOrderIsAHistoryOfItsOwn(t *testing.T) {
	for _, g := range history.Grammars() {
		m := g.Name
		found, refused := 0, 0
		for seed := range uint64(60) {
			h := randomHistory(m, seed)
			order, ok := Linearization(t.Context(), h, nil)
			require.Equal(t, Check(t.Context(), h, Options{}).Status == Linearizable, ok, "%s, seed %d", m, seed)
			if !ok {
				refused++
				continue
			}
			found++
			h.Operations = inOrder(t, h.Operations, order)
			require.Equal(t, Linearizable, Check(t.Context(), h, Options{}).Status, "%s, seed %d", m, seed)
		}
		require.Positive(t, found, m)
		require.Positive(t, refused, m)
	}
}

// inOrder lists the operations of an order with times of their own, one after the other.
func inOrder(t *testing.T, all []history.Operation, order []string) (list []history.Operation) {
	t.Helper()
	for i, id := range order {
		at := slices.IndexFunc(all, func(o history.Operation) bool { return o.ID == id })
		require.GreaterOrEqual(t, at, 0)
		o := all[at]
		o.Call = int64(10 * i)
		if o.Outcome != history.Unknown {
			o.Return = o.Call + 5
		}
		list = append(list, o)
	}
	return list
}
