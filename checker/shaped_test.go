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

// shapedGenerator makes histories of one kind of object.
type shapedGenerator struct {
	name     history.Model
	initial  []string
	argument func(t *rapid.T, i int) string
	kinds    []history.Kind // nil: all
}

// shapedObjects are the objects that are judged by their shape.
var shapedObjects = []shapedGenerator{
	{history.ModelQueue, []string{"", "", "[i1]", "[i1 i2 i3]"}, func(_ *rapid.T, i int) string { return fmt.Sprint("e", i) }, nil},
	{history.ModelSet, []string{"", "[b]", "[a c]"}, func(t *rapid.T, _ int) string {
		return rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "element")
	}, []history.Kind{history.KindAdd, history.KindAdd, history.KindContains, history.KindRead}},
	{history.ModelCounter, []string{"", "2"}, func(t *rapid.T, _ int) string {
		return rapid.SampledFrom([]string{"1", "1", "1", "1", "1", "1", "0", "-0"}).Draw(t, "number")
	}, nil},
	{history.ModelCounter, []string{"", "-1"}, func(*rapid.T, int) string { return "-2" }, nil},
	{history.ModelLock, []string{""}, nil, nil},
	{history.ModelLock, []string{""}, nil, []history.Kind{history.KindAcquire, history.KindAcquire, history.KindRelease}},
}

// elements is a set whose operations each name an element.
var elements = shapedGenerator{history.ModelSet, []string{"", "[a]"}, func(t *rapid.T, _ int) string {
	return rapid.SampledFrom([]string{"a", "a", "a", "b"}).Draw(t, "element")
}, []history.Kind{history.KindAdd, history.KindRemove, history.KindContains}}

// shapedHistory is a history of one such object: of a correct one, with up to two
// wrong operations.
func shapedHistory(t *rapid.T, operations int) history.History {
	return historyOfShape(t, rapid.SampledFrom(shapedObjects).Draw(t, "object"), operations)
}

func historyOfShape(t *rapid.T, o shapedGenerator, operations int) history.History {
	h := history.History{Model: o.name, Initial: rapid.SampledFrom(o.initial).Draw(t, "initial")}
	m, _ := model.Of(&h)
	spread := rapid.SampledFrom([]int64{2, 4, 12, 40}).Draw(t, "spread")
	unknown := rapid.SampledFrom([]int{0, 1, 4}).Draw(t, "unknown")
	clients := rapid.SampledFrom([]int{1, 2, 3, 100}).Draw(t, "clients")
	state, free := m.Init("x"), map[int]int64{}
	for i := range operations {
		instant := int64(1000 + 3*i)
		client := rapid.IntRange(0, clients-1).Draw(t, "client")
		op := history.Operation{
			Client: client, ID: fmt.Sprint("o", i), Machine: "x", Version: history.NoVersion,
			Call: max(instant-rapid.Int64Range(0, spread).Draw(t, "sooner"), min(free[client], instant)),
		}
		op.Return = max(instant, op.Call) + rapid.Int64Range(0, spread).Draw(t, "later")
		free[client] = op.Return + rapid.Int64Range(0, 1).Draw(t, "pause")
		form := rapid.SampledFrom(m.Kinds).Draw(t, "kind")
		if o.kinds != nil {
			form = *m.Form(rapid.SampledFrom(o.kinds).Draw(t, "kind of these"))
		}
		op.Kind = form.Kind
		if form.Argument.Shape != history.Nothing {
			op.Argument = o.argument(t, i)
		}
		op, next := answered(t, m, state, op)
		switch fate := rapid.IntRange(0, 19).Draw(t, "fate"); {
		case fate < 2*unknown && !form.ReadOnly:
			op.Outcome, op.Reason, op.State = history.Unknown, "timeout", ""
			if rapid.Bool().Draw(t, "carried out") {
				state = next
			}
		case fate == 19:
			op.Outcome, op.Reason, op.State = history.Rejected, "overloaded", ""
		default:
			state = next
		}
		h.Operations = append(h.Operations, op)
	}
	for range rapid.IntRange(0, 2).Draw(t, "lies") {
		spoilAny(t, m, h.Operations)
	}
	return h
}

// answered returns op with a right response, and the state after it.
func answered(t *rapid.T, m *model.Model, state any, op history.Operation) (history.Operation, any) {
	after, _ := m.Step(state, withoutResponse(&op))
	held, _ := history.Items(m.Describe(state))
	texts := append([]string{"true", "false", m.Describe(state), m.Describe(after)}, held...)
	right := slices.DeleteFunc(responses(m, op, m.Form(op.Kind), texts), func(answer history.Operation) bool {
		_, possible := m.Step(state, &answer)
		return !possible
	})
	op = rapid.SampledFrom(right).Draw(t, "right")
	next, _ := m.Step(state, &op)
	return op, next
}

// spoilAny makes an operation wrong.
func spoilAny(t *rapid.T, m *model.Model, ops []history.Operation) {
	op := &ops[rapid.IntRange(0, len(ops)-1).Draw(t, "operation")]
	other := rapid.SampledFrom(ops).Draw(t, "other")
	switch rapid.IntRange(0, 3).Draw(t, "lie") {
	case 0:
		if op.State != "" && other.State != "" && op.Kind == other.Kind {
			op.State = other.State
		}
	case 1:
		op.Call += 20
		op.Return += 20
	case 2:
		if op.Outcome == history.Committed {
			op.Outcome, op.Reason, op.State = history.Rejected, "conflict", ""
		}
	case 3:
		if wrong := responses(m, *op, m.Form(op.Kind), []string{"true", "false", "2", "[a]", "[c d]", other.State, other.Argument}); len(wrong) > 0 {
			*op = rapid.SampledFrom(wrong).Draw(t, "wrong")
		}
	}
}

// shapedObject returns the shape of a history's object; nil if it has none.
func shapedObject(h *history.History) (shaped, machine) {
	m := machines(h.Operations)[0]
	object, _ := model.Of(h)
	m.automaton = newObjectAutomaton(object, m.name)
	m.object.standard = true
	s, fits := m.shapedOf()
	if !fits {
		return nil, m
	}
	return s, m
}

// Shapes agree with Porcupine.
func TestAgreesOnShaped(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := shapedHistory(t, rapid.IntRange(1, 12).Draw(t, "operations"))
		s, m := shapedObject(&h)
		if s == nil {
			return
		}
		b := newObject(m.object.model, m)
		last := len(b.returns) - 1
		if last < 0 {
			return
		}
		truth := b.search(context.Background(), 50_000).run(b.prefix(last))
		_, verdict := s.conflict(excerpt{last: int32(last)})
		if truth != unsure && verdict != unsure {
			require.Equal(t, truth, verdict, "%s", Timeline(h.Operations))
		}
	})
}

// The naive checker confirms culprit and contradiction of shapes.
func TestAgreesOnCulpritsOfShaped(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := shapedHistory(t, rapid.IntRange(1, 6).Draw(t, "operations"))
		s, m := shapedObject(&h)
		if s == nil || len(s.excerpt().returns) == 0 {
			return
		}
		c := s.excerpt()
		evidence, verdict := s.conflict(excerpt{last: int32(len(c.returns) - 1)})
		w := newBruteForce(h)
		if verdict == unsure {
			return
		}
		require.Equal(t, w.linearizable(), verdict == possible)
		if verdict == possible {
			return
		}
		last, ok := c.culprit(context.Background(), evidence, s.conflict)
		if !ok {
			return
		}
		culprit := &c.ops[c.returns[last]]
		require.Equal(t, w.culprit(), culprit.op.ID)
		contradiction, known := shapedContradiction(s, last)
		if !known { // rare: it takes more to prove it than the two holds
			require.Equal(t, history.ModelLock, h.Model)
			return
		}
		// A lock may know that some client held it, and not that none of these can have.
		requireContradicts(t, w, Result{Status: Violated, Culprit: culprit.op, Contradiction: contradiction}, h.Model != history.ModelLock)
		require.NotEmpty(t, m.explainShaped(culprit.op, contradiction))
		require.Equal(t, Check(context.Background(), h, Options{}).Class, m.classOf(s, last))
	})
}

// Elements one by one agree with Porcupine on all of them, and with the naive
// checker on culprit and contradiction.
func TestAgreesOnElements(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := historyOfShape(t, elements, rapid.IntRange(1, 10).Draw(t, "operations"))
		_, m := shapedObject(&h)
		r := m.judgeElements(context.Background(), m.object.states[m.initial].([]string), Options{Explain: true})
		b, truth := newObject(m.object.model, m), possible
		if last := len(b.returns) - 1; last >= 0 {
			truth = b.search(context.Background(), 50_000).run(b.prefix(last))
		}
		if truth != unsure {
			require.Equal(t, map[feasibility]Status{possible: Linearizable, impossible: Violated}[truth], r.Status)
		}
		if w := newBruteForce(h); r.Status == Violated && len(h.Operations) <= 6 {
			require.Equal(t, w.culprit(), r.Culprit.ID)
			requireContradiction(t, w, r)
		}
	})
}

// growingCounters are counters to which several numbers of one sign are added.
var growingCounters = []shapedGenerator{
	{history.ModelCounter, []string{"", "2"}, func(t *rapid.T, _ int) string {
		return rapid.SampledFrom([]string{"1", "2", "3", "0"}).Draw(t, "number")
	}, nil},
	{history.ModelCounter, []string{"", "-1"}, func(t *rapid.T, _ int) string {
		return rapid.SampledFrom([]string{"-1", "-2", "-5"}).Draw(t, "number")
	}, nil},
}

// Counters that only grow are walked without their model. The naive checker confirms verdict,
// culprit and contradiction, and the walk with the model agrees.
func TestAgreesOnGrowingCounters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := historyOfShape(t, rapid.SampledFrom(growingCounters).Draw(t, "object"), rapid.IntRange(1, 6).Draw(t, "operations"))
		w := newBruteForce(h)
		r := Check(context.Background(), h, Options{Explain: true})
		require.Equal(t, w.linearizable(), r.Status == Linearizable, "%s", Timeline(h.Operations))
		_, m := shapedObject(&h)
		require.NotNil(t, newGrowing(m))
		p := newPilot(context.Background(), m, m.checkedOps(), DefaultMemory)
		p.run()
		require.Equal(t, r.Status == Violated, p.impossible())
		if r.Status == Violated {
			require.Equal(t, w.culprit(), r.Culprit.ID)
			requireContradiction(t, w, r)
		}
	})
}

// A counter grows only if no number leads back, and no sum is beyond 32 bits.
func TestGrowingCounters(t *testing.T) {
	for _, c := range []struct {
		initial string
		added   []string
		grows   bool
	}{
		{"", nil, true},
		{"5", []string{"0", "3", "0", "7"}, true},
		{"-5", []string{"-3", "0", "-7"}, true},
		{"", []string{"3", "0", "-1"}, false},
		{"", []string{"1073741824"}, true},
		{"", []string{"1073741824", "1"}, false},
		{"", []string{"-9223372036854775808"}, false},
		{"9223372036854775807", []string{"1"}, false},
	} {
		h := history.History{Model: history.ModelCounter, Initial: c.initial}
		h.Operations = append(h.Operations, done("r", history.KindRead, "", "0", 0, 1))
		for i, n := range c.added {
			h.Operations = append(h.Operations, done(fmt.Sprint("a", i), history.KindAdd, n, "", 0, 1))
		}
		_, m := shapedObject(&h)
		require.Equal(t, c.grows, newGrowing(m) != nil, "%v", c)
	}
}

// A set that only grows, with reads of all of it, that goes wrong once.
func TestLargeGrowingSets(t *testing.T) {
	for _, c := range []struct {
		name   string
		spoil  func(elements []string) []string
		status Status
	}{
		{"right", func(elements []string) []string { return elements }, Linearizable},
		{"an element is lost", func(elements []string) []string { return slices.Delete(slices.Clone(elements), 1000, 1001) }, Violated},
		{"an element is twice", func(elements []string) []string { return append(slices.Clone(elements), elements[0]) }, Violated},
		{"an element was never added", func(elements []string) []string { return append(slices.Clone(elements), "ghost") }, Violated},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := history.History{Model: history.ModelSet}
			var elements []string
			for i := range 4000 {
				op := done(fmt.Sprint("a", i), history.KindAdd, fmt.Sprint(i), "", int64(10*i), int64(10*i+100))
				if i%20 == 7 {
					op.Outcome, op.Reason = history.Unknown, "timeout"
				}
				if i%40 != 7 {
					elements = append(elements, op.Argument)
				}
				h.Operations = append(h.Operations, op)
			}
			slices.Reverse(elements)
			for i, all := range [][]string{elements, c.spoil(elements)} {
				h.Operations = append(h.Operations, done(fmt.Sprint("r", i), history.KindRead, "", history.ListOf(all), int64(50_000+100*i), int64(50_050+100*i)))
			}
			r := Check(t.Context(), h, Options{Explain: true})
			require.Equal(t, c.status, r.Status, r.Explanation)
			require.LessOrEqual(t, len(r.Contradiction), 2)
			require.Less(t, len(r.Explanation), 600)
			if c.status == Violated {
				require.Equal(t, "r1", r.Culprit.ID)
			}
		})
	}
}
