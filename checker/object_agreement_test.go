package checker

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/checker/model"
)

// objects has the models that Porcupine judges, with few texts, so that wrong
// claims are often right by luck.
var objects = []struct {
	model   func() *model.Model
	texts   []string // arguments and expectations
	results []string // of all kinds
}{
	{model.Lock, nil, nil},
	{model.Counter, []string{"1", "-1"}, []string{"-1", "0", "1", "2"}},
	{model.Queue, []string{"a", "b"}, []string{"a", "b"}},
	{model.Set, []string{"a", "b"}, []string{"true", "false", "[]", "[a]", "[b]", "[b a]"}},
	{model.AppendList, []string{"a", "b"}, []string{"[]", "[a]", "[b]", "[a b]", "[b a]", "[a a]"}},
	{model.KV, []string{"a", "b", history.NoValue}, []string{history.NoValue, "a", "b", "ab", "aa"}},
	{model.MultiRegister, []string{"[[w x 1]]", "[[r x] [w y 1]]", "[[r x] [r y]]"}, []string{
		"[[w x 1]]", "[[r x nil] [w y 1]]", "[[r x 1] [w y 1]]", "[[r x nil] [r y nil]]", "[[r x 1] [r y nil]]", "[[r x] [r y 1]]",
	}},
	{model.Bank, []string{"[a b 1]", "[b a 1]", "[b a 2]"}, []string{"{a 1 b 1}", "{a 0 b 2}", "{a 2 b 0}"}},
}

// initialStates are states in which objects may begin.
var initialStates = map[history.Model][]string{
	history.ModelCounter: {"", "1"}, history.ModelQueue: {"", "[a]"}, history.ModelSet: {"", "[a]"}, history.ModelAppendList: {"", "[a]"},
	history.ModelKV: {"", "a"}, history.ModelMultiRegister: {"", "{x 1}"}, history.ModelBank: {"{a 1 b 1}"}, history.ModelLock: {""},
}

// anyObject is a history of one object: of a correct one, with up to three wrong
// operations.
func anyObject(t *rapid.T, operations int) history.History {
	o := objects[rapid.IntRange(0, len(objects)-1).Draw(t, "object")]
	h := history.History{Model: o.model().Name}
	h.Initial = rapid.SampledFrom(initialStates[h.Model]).Draw(t, "initial")
	m, _ := model.Of(&h)
	spread := rapid.SampledFrom([]int64{4, 12, 30}).Draw(t, "spread")
	unknown := rapid.SampledFrom([]int{0, 1, 3}).Draw(t, "unknown")
	state := m.Init("x")
	for i := range operations {
		instant := int64(1000 + 3*i)
		op := history.Operation{
			Client: rapid.IntRange(0, 2).Draw(t, "client"), ID: fmt.Sprint("o", i), Machine: "x", Version: history.NoVersion,
			Call:   instant - rapid.Int64Range(0, spread).Draw(t, "sooner"),
			Return: instant + rapid.Int64Range(0, spread).Draw(t, "later"),
		}
		form := rapid.SampledFrom(m.Kinds).Draw(t, "kind")
		op.Kind = form.Kind
		if form.Argument.Shape != history.Nothing {
			op.Argument = rapid.SampledFrom(o.texts).Draw(t, "argument")
		}
		if form.Expected.Shape != history.Nothing {
			op.Expected = rapid.SampledFrom(o.texts).Draw(t, "expected")
		}
		answers := responses(m, op, &form, o.results)
		right := slices.DeleteFunc(slices.Clone(answers), func(answer history.Operation) bool {
			_, possible := m.Step(state, &answer)
			return !possible
		})
		switch {
		case rapid.IntRange(0, 9).Draw(t, "lie") == 0 || len(right) == 0:
			op = rapid.SampledFrom(answers).Draw(t, "wrong")
		default:
			op = rapid.SampledFrom(right).Draw(t, "right")
			if rapid.IntRange(0, 9).Draw(t, "lost") > 0 {
				state, _ = m.Step(state, &op)
			} else {
				op.Outcome, op.Reason, op.State = history.Rejected, "overloaded", ""
			}
		}
		if rapid.IntRange(0, 9).Draw(t, "unknown") < unknown {
			op.Outcome, op.Reason, op.State = history.Unknown, "timeout", ""
			op.Return = rapid.SampledFrom([]int64{history.NoReturn, op.Return}).Draw(t, "gave up")
		}
		h.Operations = append(h.Operations, op)
	}
	return h
}

// responses returns op with each response that its form allows.
func responses(m *model.Model, op history.Operation, form *history.KindForm, results []string) (all []history.Operation) {
	op.Outcome = history.Committed
	for _, state := range append([]string{""}, results...) {
		op.State = state
		if op.Judgeable(&m.Grammar) == nil {
			all = append(all, op)
		}
	}
	if form.Illegal != "" {
		op.Outcome, op.Reason, op.State = history.Rejected, history.ReasonIllegal, ""
		all = append(all, op)
	}
	return all
}

// The walk agrees with a naive checker, on the verdict and on the culprit.
func TestAgreesOnObjects(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := anyObject(t, rapid.IntRange(0, 6).Draw(t, "operations"))
		w := newBruteForce(h)
		r := Check(context.Background(), h, Options{Explain: true})
		if w.linearizable() {
			require.Equal(t, Result{Status: Linearizable}, r)
			return
		}
		require.Equal(t, Violated, r.Status)
		require.Equal(t, w.culprit(), r.Culprit.ID)
		require.NotEmpty(t, r.Class)
		require.NotEmpty(t, r.Explanation)
		requireContradiction(t, w, r)
	})
}

// Of more operations, it agrees with Porcupine.
func TestAgreesOnLargerObjects(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := anyObject(t, rapid.IntRange(1, 14).Draw(t, "operations"))
		m, _ := model.Of(&h)
		b := newObject(m, machines(h.Operations)[0])
		truth := possible
		if last := len(b.returns) - 1; last >= 0 {
			truth = b.search(context.Background(), 200_000).run(b.prefix(last))
		}
		if truth == unsure {
			return
		}
		want := map[feasibility]Status{possible: Linearizable, impossible: Violated}[truth]
		require.Equal(t, want, Check(context.Background(), h, Options{}).Status)
	})
}

// requireContradiction confirms, with the naive checker, that the operations of a
// contradiction contradict each other, and that it needs each.
func requireContradiction(t *rapid.T, w bruteForce, r Result) { requireContradicts(t, w, r, true) }

// requireContradicts confirms it without the second, unless that is needed.
func requireContradicts(t *rapid.T, w bruteForce, r Result, needed bool) {
	kept := map[string]bool{}
	for _, op := range r.Contradiction {
		kept[op.ID] = true
	}
	require.False(t, w.doubting(kept, r.Culprit.Return), "%s", Timeline(r.Contradiction))
	if needed {
		requireNeeded(t, w, r, kept)
	}
}

// requireNeeded confirms that a contradiction needs each of its operations.
func requireNeeded(t *rapid.T, w bruteForce, r Result, kept map[string]bool) {
	if w.Name == history.ModelKV && !machines(w.ops)[0].appends() {
		return // an automaton's contradiction holds whatever the value before was
	}
	for _, op := range w.ops {
		if op.Return == r.Culprit.Return && op.ID != r.Culprit.ID {
			return // of one instant: the judge knows less of it than the naive checker
		}
	}
	for _, op := range r.Contradiction {
		delete(kept, op.ID)
		require.True(t, w.doubting(kept, r.Culprit.Return), "%s is not needed: %s", op.ID, Timeline(r.Contradiction))
		kept[op.ID] = true
	}
}

// Machines and registers are judged alike by automata and by models.
func TestAutomataAgreeWithModels(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := corrupted(t, anyHistory(t, rapid.IntRange(0, 12).Draw(t, "operations"), 2))
		m, _ := model.Of(&h)
		fast := Check(context.Background(), h, Options{})
		h.Initial = "" // m begins there
		slow := Check(context.Background(), h, Options{Model: m})
		require.Equal(t, fast.Status, slow.Status)
		if fast.Status == Violated {
			require.Equal(t, fast.Machine, slow.Machine)
			require.Equal(t, fast.Culprit, slow.Culprit)
			require.Equal(t, fast.Class, slow.Class)
		}
	})
}
