package checker

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/node/fsm"
)

func TestAcceptsWhatHappened(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := anyHistory(t, rapid.IntRange(0, 40).Draw(t, "operations"), rapid.IntRange(1, 5).Draw(t, "machines"))
		require.Equal(t, Result{Status: Linearizable}, Check(context.Background(), h, Options{}))
	})
}

func TestResultDependsOnHistoryOnly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := corrupted(t, anyHistory(t, 30, 3))
		r := Check(context.Background(), h, Options{})
		require.Equal(t, r, Check(context.Background(), h, Options{Timeout: time.Hour}))
	})
}

func TestFirstViolatedMachineByName(t *testing.T) {
	read := func(machine string) history.Operation {
		return history.Operation{ID: machine, Machine: machine, Kind: history.KindRead, Call: 1, Return: 2, Outcome: history.Committed, State: "Running", Version: history.NoVersion}
	}
	h := history.History{
		Definitions: []fsm.Definition{fsm.Lifecycle()},
		Operations:  []history.Operation{read("lifecycle/b"), read("lifecycle/a"), read("lacking/x")},
	}
	require.Equal(t, "lifecycle/a", Check(t.Context(), h, Options{}).Machine, "what is violated goes before what cannot be judged")
}

func TestWhatCannotBeJudgedIsUndecided(t *testing.T) {
	good := history.Operation{ID: "c1.1", Machine: "lifecycle/a", Kind: history.KindRead, Call: 1, Return: 2, Outcome: history.Committed, State: "Init", Version: 0}
	for name, spoil := range map[string]func(*history.Operation){
		"definition": func(op *history.Operation) { op.Machine = "lacking/a" },
		"kind":       func(op *history.Operation) { op.Kind = "write" },
		"outcome":    func(op *history.Operation) { op.Outcome = "" },
		"return":     func(op *history.Operation) { op.Return = 0 },
		"version":    func(op *history.Operation) { op.Version = -2 },
	} {
		op := good
		spoil(&op)
		r := Check(t.Context(), history.History{Definitions: []fsm.Definition{fsm.Lifecycle()}, Operations: []history.Operation{op}}, Options{})
		require.Equal(t, Undecided, r.Status)
		require.Contains(t, r.Explanation, name)
	}
}

func TestRegisterOfNothingIsUndecided(t *testing.T) {
	for _, op := range []history.Operation{
		{ID: "c1.1", Kind: history.KindWrite, Outcome: history.Committed, Version: history.NoVersion},
		{ID: "c1.1", Kind: history.KindCAS, Argument: "1", Outcome: history.Committed, Version: history.NoVersion},
	} {
		require.Equal(t, Undecided, Check(t.Context(), history.History{Model: history.ModelKV, Operations: []history.Operation{op}}, Options{}).Status)
	}
}

func TestBadDefinitionIsUndecided(t *testing.T) {
	for _, d := range []fsm.Definition{
		{Name: "d", States: []string{"A"}, Initial: "B"},
		{Name: "d", States: []string{"A"}, Initial: "A", Transitions: []fsm.Transition{{From: "A", To: "B"}}},
		{Name: "d", States: make([]string, 256), Initial: "A"},
	} {
		h := history.History{Definitions: []fsm.Definition{d}, Operations: []history.Operation{{ID: "c1.1", Machine: "d/a", Kind: history.KindRead, Outcome: history.Unknown}}}
		require.Equal(t, Undecided, Check(t.Context(), h, Options{}).Status)
	}
}

// There are more unknown proposals than the search has bits for.
func TestManyUnknowns(t *testing.T) {
	h := history.History{Definitions: []fsm.Definition{fsm.Lifecycle()}}
	read := history.Operation{Client: 100, Machine: "lifecycle/a", Kind: history.KindRead, Outcome: history.Committed, State: "Stopped"}
	for i := range 70 {
		h.Operations = append(h.Operations, history.Operation{
			Client: i, ID: fmt.Sprint("c", i), Machine: "lifecycle/a", Kind: history.KindPropose, Argument: h.Definitions[0].States[(i+1)%3],
			Call: int64(i), Return: history.NoReturn, Outcome: history.Unknown, Version: history.NoVersion,
		})
	}
	for _, version := range []int64{2, 35, 68} {
		read.ID, read.Call, read.Return, read.Version = fmt.Sprint("r", version), 100+version, 101+version, version
		h.Operations = append(h.Operations, read)
	}
	require.Equal(t, Result{Status: Linearizable}, Check(t.Context(), h, Options{Timeout: time.Minute}))
}

func TestStatesThatDoNotExist(t *testing.T) {
	h := history.History{Definitions: []fsm.Definition{fsm.Lifecycle()}, Operations: []history.Operation{
		{ID: "c1.1", Machine: "lifecycle/a", Kind: history.KindRead, Call: 1, Return: 2, Outcome: history.Committed, State: "Rubbish", Version: 0},
	}}
	r := Check(t.Context(), h, Options{})
	require.Equal(t, ClassRead, r.Class)
	require.Equal(t, "lifecycle/a: c1.1 read Rubbish at version 0 between 1ns and 2ns, when the state can only have been Init", r.Explanation)

	h.Operations[0] = history.Operation{ID: "c1.1", Machine: "lifecycle/a", Kind: history.KindPropose, Argument: "Rubbish", Call: 1, Return: 2, Outcome: history.Committed, Version: history.NoVersion}
	require.Equal(t, ClassCommitted, Check(t.Context(), h, Options{}).Class)
	h.Operations[0].Outcome, h.Operations[0].Reason = history.Rejected, history.ReasonIllegal
	require.Equal(t, Linearizable, Check(t.Context(), h, Options{}).Status)
}

// hardHistory is a history that takes ages to check: many writes at once, and a
// read that none of their orders explains. The state that it tells was asked for, but never
// legal.
func hardHistory() history.History {
	d := fsm.Definition{Name: "hard", Initial: "S0"}
	for i := range 40 {
		d.States = append(d.States, fmt.Sprintf("S%d", i))
	}
	for _, from := range d.States {
		for _, to := range d.States[:30] {
			d.Transitions = append(d.Transitions, fsm.Transition{From: from, To: to})
		}
	}
	h := history.History{Definitions: []fsm.Definition{d}}
	for i := range 30 {
		h.Operations = append(h.Operations, history.Operation{
			Client: i, ID: fmt.Sprint("c", i), Machine: "hard/a", Kind: history.KindPropose, Argument: d.States[i],
			Call: 1, Return: 9, Outcome: history.Committed, Version: history.NoVersion,
		})
	}
	h.Operations = append(h.Operations, history.Operation{
		Client: 40, ID: "r", Machine: "hard/a", Kind: history.KindRead, Call: 10, Return: 11, Outcome: history.Committed, State: "S39", Version: history.NoVersion,
	}, history.Operation{
		Client: 41, ID: "u", Machine: "hard/a", Kind: history.KindPropose, Argument: "S39", Call: 1, Outcome: history.Unknown, Reason: "timeout", Version: history.NoVersion,
	})
	return h
}

func TestTimeoutIsUndecided(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	for _, r := range []Result{
		Check(t.Context(), hardHistory(), Options{Timeout: 20 * time.Millisecond}),
		Check(ctx, hardHistory(), Options{}),
	} {
		require.Equal(t, Result{
			Status: Undecided, Machine: "hard/a", Explanation: "hard/a: the check ran out of time",
		}, r)
	}
}

// Memory may exceed what an int of 32 bits counts.
func TestMemoryOfManyGigabytes(t *testing.T) {
	h := hardHistory()
	h.Operations = h.Operations[:5]
	o := Options{Memory: 64 << 30}
	require.Equal(t, Linearizable, Check(t.Context(), h, o).Status)

	s := NewStream(t.Context(), h, o)
	for _, op := range h.Operations {
		require.NoError(t, s.Add(op))
	}
	require.Equal(t, Linearizable, s.Finish().Status)
}

// A violation stands even if time or memory run out before its culprit, or the
// reason, is found.
func TestViolationOutlivesBudget(t *testing.T) {
	text, err := os.ReadFile("testdata/unknown-twice.jsonl")
	require.NoError(t, err)
	h, err := history.Read(bytes.NewReader(text))
	require.NoError(t, err)
	m := machines(h.Operations)[0]
	m.automaton, err = automatonOf(h, m)
	require.NoError(t, err)
	checked := m.checkedOps()
	for _, found := range []bool{false, true} {
		j := newMonitor(t.Context(), m.automaton, hasVersions(checked), 1<<20)
		source := newEvents(checked)
		e, _ := source.next()
		for j.add(e) {
			e, _ = source.next()
		}
		var v *refutation
		if found {
			v = j.refute(source.next)
		}
		j.proofBase().limit = 0
		if !found {
			v = j.refute(source.next)
		}
		r := m.violation(v, Options{})
		require.Equal(t, Violated, r.Status)
		require.Equal(t, found, r.Culprit != nil)
		require.Empty(t, r.Class)
		require.Contains(t, r.Explanation, map[bool]string{false: "before it found out which", true: "before it found out why"}[found])
	}
}

// The history is Undecided if Porcupine's verdict differs. No such history is
// known, so the test asks Porcupine about a wrong verdict.
func TestCrossCheck(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := corrupted(t, anyHistory(t, rapid.IntRange(1, 24).Draw(t, "operations"), 1))
		r := Check(context.Background(), h, Options{})
		require.Equal(t, r, Check(context.Background(), h, Options{CrossCheck: true}))
		m := machines(h.Operations)[0]
		a, err := automatonOf(h, m)
		require.NoError(t, err)
		m.automaton = a
		other := map[Status]Status{Linearizable: Violated, Violated: Linearizable}[r.Status]
		require.False(t, m.crossCheckDiffers(context.Background(), r.Status))
		require.True(t, m.crossCheckDiffers(context.Background(), other))
		require.False(t, m.crossCheckDiffers(context.Background(), Undecided))
	})
}

// Porcupine stops at its limit of steps.
func TestCrossCheckIsBounded(t *testing.T) {
	h := hardHistory()
	m := machines(h.Operations)[0]
	m.automaton, _ = automatonOf(h, m)
	require.False(t, m.crossCheckDiffers(t.Context(), Linearizable))
}
