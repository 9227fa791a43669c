package checker

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/checker/model"
)

// distinctElements is a history of one list to which no element is appended
// twice, with up to two wrong operations.
func distinctElements(t *rapid.T, operations int) history.History {
	h := history.History{Model: history.ModelAppendList}
	spread := rapid.SampledFrom([]int64{4, 12, 40}).Draw(t, "spread")
	unknown := rapid.SampledFrom([]int{0, 1, 4}).Draw(t, "unknown")
	var list []string
	told := func() string { return "[" + strings.Join(list, " ") + "]" }
	for i := range operations {
		instant := int64(1000 + 3*i)
		op := history.Operation{
			Client: i, ID: fmt.Sprint("o", i), Machine: "x", Kind: history.KindRead, Outcome: history.Committed, Version: history.NoVersion,
			Call:   instant - rapid.Int64Range(0, spread).Draw(t, "sooner"),
			Return: instant + rapid.Int64Range(0, spread).Draw(t, "later"),
		}
		if rapid.Bool().Draw(t, "append") {
			op.Kind, op.Argument = history.KindAppend, fmt.Sprint("e", i)
			switch {
			case rapid.IntRange(0, 9).Draw(t, "unknown") < unknown:
				op.Outcome, op.Reason = history.Unknown, "timeout"
				if rapid.Bool().Draw(t, "carried out") {
					list = append(list, op.Argument)
				}
			case rapid.IntRange(0, 9).Draw(t, "overloaded") == 0:
				op.Outcome, op.Reason = history.Rejected, "overloaded"
			default:
				list = append(list, op.Argument)
				if rapid.IntRange(0, 2).Draw(t, "told") == 0 {
					op.State = told()
				}
			}
		} else {
			op.State = told()
		}
		h.Operations = append(h.Operations, op)
	}
	for range rapid.IntRange(0, 2).Draw(t, "lies") {
		op := &h.Operations[rapid.IntRange(0, operations-1).Draw(t, "operation")]
		switch rapid.IntRange(0, 3).Draw(t, "lie") {
		case 0:
			if other := rapid.SampledFrom(h.Operations).Draw(t, "other"); op.State != "" && other.State != "" {
				op.State = other.State
			}
		case 1:
			op.Call += 20
			op.Return += 20
		case 2:
			if op.Kind == history.KindAppend && op.Outcome == history.Committed {
				op.Outcome, op.Reason, op.State = history.Rejected, "conflict", ""
			}
		case 3:
			if items, _ := history.Items(op.State); len(items) > 1 {
				slices.Reverse(items)
				op.State = history.ListOf(items)
			}
		}
	}
	return h
}

// Lists agree with Porcupine.
func TestAgreesOnLists(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := distinctElements(t, rapid.IntRange(1, 10).Draw(t, "operations"))
		l, m := listOf(t, h)
		b := newObject(m.object.model, m)
		truth, verdict := possible, possible
		if last := len(b.returns) - 1; last >= 0 {
			truth = b.search(context.Background(), 20_000).run(b.prefix(last))
			_, verdict = l.conflict(excerpt{last: int32(last)})
		}
		if truth != unsure { // Porcupine tries all orders of what nothing tells
			require.Equal(t, truth, verdict)
		}
	})
}

// The naive checker confirms culprit and contradiction.
func TestAgreesOnCulpritsOfLists(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := distinctElements(t, rapid.IntRange(1, 6).Draw(t, "operations"))
		l, m := listOf(t, h)
		if len(l.returns) == 0 {
			return
		}
		evidence, verdict := l.conflict(excerpt{last: int32(len(l.returns) - 1)})
		w := newBruteForce(h)
		require.Equal(t, w.linearizable(), verdict == possible)
		if verdict == possible {
			return
		}
		last, ok := l.culprit(context.Background(), evidence, l.conflict)
		require.True(t, ok)
		culprit := l.ops[l.returns[last]]
		require.Equal(t, w.culprit(), culprit.op.ID)
		r := Result{Status: Violated, Culprit: culprit.op, Contradiction: l.contradiction(last, l.conflict)}
		requireContradiction(t, w, r)
		class, _ := m.explainList(&culprit, r.Contradiction)
		require.Equal(t, Check(context.Background(), h, Options{}).Class, class)
	})
}

func listOf(t *rapid.T, h history.History) (*lists, machine) {
	m := machines(h.Operations)[0]
	m.automaton = newObjectAutomaton(model.AppendList(), m.name)
	l, fit := newLists(m.checkedOps())
	require.True(t, fit)
	return l, m
}

// A model of one's own is judged by its own step, whatever its name.
func TestModelNamedLikeAList(t *testing.T) {
	m := model.AppendList()
	m.TooLate = nil
	m.Step = func(state any, op *history.Operation) (any, bool) { // elements come first, not last
		items := state.([]string)
		if op.Kind == history.KindAppend {
			items = slices.Concat([]string{op.Argument}, items)
		}
		told, _ := history.Items(op.State)
		return items, op.State == "" || slices.Equal(items, told)
	}
	h := history.History{Model: history.ModelAppendList}
	var list []string
	for i := range 2 * maxWalkedList {
		op := history.Operation{ID: fmt.Sprint("o", i), Machine: "x", Kind: history.KindAppend, Argument: fmt.Sprint("e", i),
			Call: int64(10*i + 1), Return: int64(10*i + 5), Outcome: history.Committed, Version: history.NoVersion}
		list = slices.Concat([]string{op.Argument}, list)
		op.State = "[" + strings.Join(list, " ") + "]"
		h.Operations = append(h.Operations, op)
	}
	require.Equal(t, Linearizable, Check(t.Context(), h, Options{Model: m}).Status)
	require.Equal(t, Violated, Check(t.Context(), h, Options{}).Status, "as a list it is wrong")
}
