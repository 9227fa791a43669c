package checker

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// Machines that are judged at once get the results of machines that are judged in turn.
func TestAgreesAtOnce(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	rapid.Check(t, func(t *rapid.T) {
		h := ofParts(drawParts(t))
		j, err := newJudge(&h, nil)
		require.NoError(t, err)
		all, err := j.machines(h.Operations)
		require.NoError(t, err)
		o := Options{Explain: true, Memory: DefaultMemory}
		want, of := worstOf(len(all), func(i int) Result { return j.check(t.Context(), all[i], o) })
		got, at := j.checkAtOnce(t.Context(), all, o)
		if want.Status == Linearizable {
			of, at = 0, 0
		}
		require.Equal(t, want, got)
		require.Equal(t, of, at)
	})
}

// drawParts draws histories of one register each, some of them wrong.
func drawParts(t *rapid.T) (parts []history.History) {
	for range rapid.IntRange(2, 12).Draw(t, "machines") {
		s := shape{
			model: history.ModelCASRegister, operations: rapid.IntRange(1, 60).Draw(t, "operations"), clients: 4, values: 3,
			unknown: rapid.SampledFrom([]int{0, 100}).Draw(t, "unknown"), bad: rapid.IntRange(0, 9).Draw(t, "bad") == 0,
		}
		parts = append(parts, s.history(rapid.Uint64().Draw(t, "seed")))
	}
	return parts
}

// ofParts makes one history of several, each of which becomes a machine.
func ofParts(parts []history.History) history.History {
	h := history.History{Model: parts[0].Model}
	for i, part := range parts {
		for _, op := range part.Operations {
			op.Machine = fmt.Sprintf("key-%04d", i)
			op.ID = fmt.Sprintf("%d.%s", i, op.ID)
			h.Operations = append(h.Operations, op)
		}
	}
	return h
}

// fill adds histories of 128 operations each to parts until they are judged at once.
func fill(parts ...history.History) history.History {
	for len(parts) < dividedFrom/128+1 {
		parts = append(parts, shape{model: history.ModelCASRegister, operations: 128, clients: 2}.history(uint64(len(parts))))
	}
	return ofParts(parts)
}

// Once a machine is violated, later ones are given up, and earlier ones are not.
func TestPanel(t *testing.T) {
	p := newPanel(5)
	var judging []context.Context
	for i := range 4 {
		ctx, next, more := p.next(t.Context())
		require.True(t, more)
		require.Equal(t, i, next)
		judging = append(judging, ctx)
	}
	p.end(2, Result{Status: Violated})
	_, _, more := p.next(t.Context())
	require.False(t, more, "the fifth need not be judged")
	require.NoError(t, judging[0].Err())
	require.NoError(t, judging[1].Err())
	require.Error(t, judging[3].Err())
	p.end(3, Result{Status: Violated})
	require.Equal(t, 2, p.violated)
	p.end(0, Result{Status: Undecided})
	require.Equal(t, 2, p.violated)
	require.NoError(t, judging[1].Err())
	p.end(1, Result{Status: Violated})
	require.Equal(t, 1, p.violated)
}

// The first machine by name is told, although one after it is found to be wrong sooner.
func TestFirstViolationIsTold(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	h := fill()
	requireDivided(t, h)
	for _, key := range []string{"key-0003", "key-0005", "key-0100"} {
		i := slices.IndexFunc(h.Operations, func(op history.Operation) bool {
			return op.Machine == key && op.Kind == history.KindRead && op.Outcome == history.Committed
		})
		h.Operations[i].State = "a lie"
	}
	r := Check(t.Context(), h, Options{Explain: true})
	require.Equal(t, Violated, r.Status)
	require.Equal(t, "key-0003", r.Machine)
	require.Equal(t, "key-0003", r.Account.Machine)
	require.NotEmpty(t, r.Account.Rows)
}

// A machine that needs more memory than its share is judged with all of it.
func TestMoreThanAShare(t *testing.T) {
	hard := shape{model: history.ModelCASRegister, operations: 300, clients: 12, values: 2, unknown: 300}.history(1)
	need := int64(64)
	for Check(t.Context(), hard, Options{Memory: need}).Status != Linearizable {
		need *= 2
	}
	h := fill(hard)
	requireDivided(t, h)
	r := Check(t.Context(), h, Options{Memory: need * shares / 2})
	require.Equal(t, Linearizable, r.Status, r.Explanation)
	r = Check(t.Context(), h, Options{Memory: need / 2})
	require.Equal(t, Undecided, r.Status)
	require.Equal(t, "key-0000", r.Machine)
}

func requireDivided(t *testing.T, h history.History) {
	j, err := newJudge(&h, nil)
	require.NoError(t, err)
	all, err := j.machines(h.Operations)
	require.NoError(t, err)
	require.True(t, j.dividesWork(all), "the history is not large enough")
}
