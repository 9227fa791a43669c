package checker

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/checker/model"
)

// overlapping has operations on one object that are all in flight at once, and that lead to
// as many states as they have orders.
func overlapping(m history.Model, kind history.Kind, arguments ...string) history.History {
	h := history.History{Model: m}
	for i, argument := range arguments {
		op := done(fmt.Sprint("o", i), kind, argument, "", 0, int64(100+i))
		op.Client = i
		h.Operations = append(h.Operations, op)
	}
	return h
}

func repeated(n int, text func(i int) string) (all []string) {
	for i := range n {
		all = append(all, text(i))
	}
	return all
}

// The states of an object count for the memory that a walk may take.
func TestMemoryOfStates(t *testing.T) {
	const memory = 8 << 20
	appends := overlapping(history.ModelKV, history.KindAppend, repeated(12, func(i int) string { return strings.Repeat(fmt.Sprint(i), 4<<10) })...)
	appends.Operations = append(appends.Operations, done("r", history.KindRead, "", "another", 200, 210))
	r := Check(t.Context(), appends, Options{Memory: memory})
	require.Equal(t, Undecided, r.Status)
	require.Contains(t, r.Explanation, "the check ran out of memory at o")

	m := machines(appends.Operations)[0]
	m.automaton = newObjectAutomaton(model.Unversioned(model.KV()), m.name)
	p := newPilot(t.Context(), m, m.checkedOps(), memory)
	p.run()
	require.True(t, p.current.stopped)
	size := 0
	for _, state := range m.object.states {
		size += len(fmt.Sprint(state))
	}
	require.InDelta(t, memory, size, memory/4)
}

// A walk looks at the time by the work that it does: the steps of large states are slow.
func TestTimeOfLargeStates(t *testing.T) {
	var parts []string
	for i := range 2000 {
		parts = append(parts, fmt.Sprintf("[w k%d 0]", i))
	}
	h := overlapping(history.ModelMultiRegister, history.KindTxn, append(repeated(12, func(i int) string { return fmt.Sprintf("[[w x %d] [r y]]", i) }), "["+strings.Join(parts, " ")+"]")...)
	h.Operations = append(h.Operations, done("r", history.KindTxn, "[[r x]]", "[[r x 99]]", 200, 210))
	ctx, cancel := context.WithCancel(t.Context())
	m := model.MultiRegister()
	step, late := m.Step, 0
	m.Step = func(state any, op *history.Operation) (any, bool) {
		if ctx.Err() != nil {
			late++
		} else if strings.Contains(m.Describe(state), "k1999 0") {
			cancel()
		}
		return step(state, op)
	}
	r := Check(ctx, h, Options{Model: m})
	require.Equal(t, "x: the check ran out of time", r.Explanation)
	require.Less(t, late, 20)
}

// States that are of no use any more are dropped before they take all memory.
func TestMemoryOfManyStates(t *testing.T) {
	h := history.History{Model: history.ModelKV}
	for i := range 400 {
		h.Operations = append(h.Operations, done(fmt.Sprint("w", i), history.KindWrite, `"`+strings.Repeat("x", 100<<10)+`"`, "", int64(100*i), int64(100*i+10)),
			done(fmt.Sprint("a", i), history.KindAppend, fmt.Sprintf(`"%d"`, i), "", int64(100*i+20), int64(100*i+30)))
	}
	require.Equal(t, Linearizable, Check(t.Context(), h, Options{Memory: 16 << 20}).Status)
}

// A budget changes no verdict, wherever it is used up.
func TestAgreesWithLittleMemory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := anyObject(t, rapid.IntRange(1, 12).Draw(t, "operations"))
		want := Check(t.Context(), h, Options{}).Status
		memory := rapid.Int64Range(1, 30_000).Draw(t, "memory")
		r := Check(t.Context(), h, Options{Memory: memory, Explain: true})
		if r.Status != Undecided {
			require.Equal(t, want, r.Status)
		}
		s := NewStream(t.Context(), h, Options{Memory: memory})
		for _, op := range h.Operations {
			require.NoError(t, s.Add(op))
		}
		if r := s.Finish(); r.Status != Undecided {
			require.Equal(t, want, r.Status)
		}
	})
}
