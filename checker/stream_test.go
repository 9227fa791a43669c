package checker

import (
	"context"
	"slices"
	"testing"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// A stream gives the result of Check, whatever the order in which operations
// come and the horizon advances, and gives it no later than at the return that
// completes the contradiction.
func TestStreamAgrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := corrupted(t, anyHistory(t, rapid.IntRange(0, 24).Draw(t, "operations"), rapid.IntRange(1, 3).Draw(t, "machines")))
		s := NewStream(context.Background(), h, Options{Unversioned: !tellsVersions(h)})
		late := rapid.Int64Range(0, 60).Draw(t, "late")
		var r Result
		for now := int64(900); now < 1400; now++ {
			for i := range h.Operations {
				if op := &h.Operations[i]; max(op.Call, op.Return)+int64(i)%5 == now {
					require.NoError(t, s.Add(*op))
				}
			}
			if now%3 == 0 {
				r = s.Advance(now - 100 - late)
			}
		}
		r = s.Finish()
		want := Check(context.Background(), h, Options{})
		require.Equal(t, want.Status, r.Status)
		if r.Status == Violated && r.Culprit != nil && r.Machine == want.Machine {
			require.Equal(t, want.Culprit.Return, r.Culprit.Return, "of one instant, either may be the culprit")
		}
	})
}

func tellsVersions(h history.History) bool {
	return slices.ContainsFunc(h.Operations, func(op history.Operation) bool { return op.Version != history.NoVersion })
}

func TestStreamRefusesWhatComesTooLate(t *testing.T) {
	s := NewStream(t.Context(), largeHistory{operations: 1}.empty(), Options{})
	s.Advance(100)
	op := history.Operation{ID: "c1.1", Machine: "lifecycle/a", Kind: history.KindRead, Call: 99, Return: 120, Outcome: history.Committed, State: "Init", Version: 0}
	require.ErrorContains(t, s.Add(op), "c1.1 was called at 99ns: the history had been declared complete until 100ns")
	op.Call = 100
	require.NoError(t, s.Add(op))
	require.Equal(t, Linearizable, s.Finish().Status)
}

// A stream keeps only the end of a long history.
func TestStreamForgets(t *testing.T) {
	whole := largeHistory{operations: 20_000, clients: 20, unknown: 50, versions: true}.history(1)
	s := NewStream(t.Context(), whole, Options{})
	most := 0
	for i, op := range whole.Operations {
		require.NoError(t, s.Add(op))
		if i%50 == 49 {
			require.Equal(t, Linearizable, s.Advance(op.Call).Status)
		}
		m := s.machines["lifecycle/a"]
		most = max(most, len(m.calls)+len(m.returns)+len(m.monitor.log)+m.monitor.current.configurations.len())
	}
	require.Equal(t, Linearizable, s.Finish().Status)
	require.Less(t, most, 1000)
}

// A response that needs a value which is not there any more may still be explained by
// a write that has not been called yet.
func TestStreamAwaitsResets(t *testing.T) {
	op := func(id string, kind history.Kind, argument, response string, call, ret int64) history.Operation {
		return history.Operation{ID: id, Machine: "r", Kind: kind, Argument: argument, State: response, Call: call, Return: ret, Outcome: history.Committed, Version: history.NoVersion}
	}
	h := history.History{Model: history.ModelKV, Operations: []history.Operation{
		op("append", history.KindAppend, "b", "ab", 97, 103),
		op("write", history.KindWrite, "z", "", 99, 99),
		op("later", history.KindWrite, "a", "", 101, 108),
	}}
	require.Equal(t, Linearizable, streamed(h).Status)
	h.Operations = h.Operations[:2]
	require.Equal(t, Violated, streamed(h).Status)
}
