package play

import (
	"testing"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/stretchr/testify/require"
)

// Each kind and outcome of a run has its own in a history, under the same name; no
// other text has one.
func TestKindsAndOutcomesInHistories(t *testing.T) {
	for _, k := range []scenarios.Kind{scenarios.Propose, scenarios.Read} {
		require.Equal(t, history.Kind(k), kindInHistory(k))
	}
	for _, o := range []scenarios.Outcome{scenarios.Committed, scenarios.Rejected, scenarios.Unknown} {
		require.Equal(t, history.Outcome(o), outcomeInHistory(o))
	}
	require.Panics(t, func() { kindInHistory("write") })
	require.Panics(t, func() { outcomeInHistory("") })
}

// An operation that another client asks for again is one operation. It begins with
// the first invocation in time, and ends with the first certain response.
func TestAnOperationThatIsHandedOverIsOne(t *testing.T) {
	p := &scenarios.Plan{Operations: []scenarios.Operation{
		{ID: "c1.1", Client: 1, Key: "lifecycle/a", Kind: scenarios.Propose, Argument: "Running", IDScheme: scenarios.OwnID},
		{ID: "c2.1", Client: 2, Key: "lifecycle/a", Kind: scenarios.Propose, Argument: "Running", IDScheme: scenarios.OwnID, IDOf: "c1.1"},
		{ID: "c2.2", Client: 2, Key: "lifecycle/a", Kind: scenarios.Read},
	}}
	respond := func(i int, o scenarios.Outcome, version int64) *scenarios.Response {
		return &scenarios.Response{Operation: &p.Operations[i], Outcome: o, State: "Running", Version: version}
	}
	for _, c := range []struct {
		name          string
		first, second *scenarios.Response
		want          history.Outcome
		until         int64
	}{
		{"lost, and then found", respond(0, scenarios.Unknown, -1), respond(1, scenarios.Committed, 1), history.Committed, 40},
		{"found, and then expired", respond(0, scenarios.Committed, 1), respond(1, scenarios.Unknown, -1), history.Committed, 30},
		{"found twice", respond(1, scenarios.Committed, 1), respond(0, scenarios.Committed, 1), history.Committed, 30},
		{"rejected", respond(0, scenarios.Unknown, -1), respond(1, scenarios.Rejected, 2), history.Rejected, 40},
		{"rejected, and carried out: the judge must see it", respond(0, scenarios.Rejected, 2), respond(1, scenarios.Committed, 3), history.Rejected, 30},
		{"never known", respond(1, scenarios.Unknown, -1), respond(0, scenarios.Unknown, -1), history.Unknown, history.NoReturn},
	} {
		r := newHistoryRecorder(p, nil, 0)
		r.invoke(&p.Operations[0], 20)
		r.invoke(&p.Operations[1], 10)
		require.True(t, r.respond(30, c.first), c.name)
		require.False(t, r.respond(31, c.first), "%s: one invocation has one response", c.name)
		require.True(t, r.respond(40, c.second), c.name)
		r.invoke(&p.Operations[2], 50)
		require.Len(t, r.operations, 2, c.name)
		o := r.operations[0]
		require.Equal(t, []any{c.want, int64(10), c.until}, []any{o.Outcome, o.Call, o.Return}, c.name)
		require.NotContains(t, []int{1, 2}, o.Client, c.name)
		require.Equal(t, 2, r.operations[1].Client, c.name)
	}
}
