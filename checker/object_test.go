package checker

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/checker/model"
)

// stack is a model of a user, of all objects of a history together: a pop takes
// from the object pushed to last.
func stack() *model.Model {
	type item struct{ object, text string }
	return &model.Model{
		Grammar: history.Grammar{Name: "stacks", Kinds: []history.KindForm{
			{Kind: "push", Argument: history.Field{Shape: history.Text, About: "the item"}},
			{Kind: "pop", Result: history.Field{Shape: history.Text, About: "the item"}, Answers: true, Illegal: "the last push was to another"},
		}},
		Init: func(string) any { return []item(nil) },
		Step: func(state any, op *history.Operation) (any, bool) {
			items := state.([]item)
			if op.Kind == "push" {
				return append(slices.Clip(items), item{op.Machine, op.Argument}), op.Outcome != history.Rejected
			}
			last := len(items) - 1
			if last < 0 || items[last].object != op.Machine {
				return items, op.Outcome == history.Rejected
			}
			return items[:last], op.Outcome == history.Unknown || op.Outcome == history.Committed && items[last].text == op.State
		},
		Equal:     func(a, b any) bool { return slices.Equal(a.([]item), b.([]item)) },
		Partition: model.Whole,
	}
}

// done is a committed operation of client 1 on object x.
func done(id string, kind history.Kind, argument, state string, call, ret int64) history.Operation {
	return history.Operation{
		Client: 1, ID: id, Machine: "x", Kind: kind, Argument: argument, Call: call, Return: ret,
		Outcome: history.Committed, State: state, Version: history.NoVersion,
	}
}

func TestModelOfAUser(t *testing.T) {
	h := history.History{Model: "stacks", Operations: []history.Operation{
		done("o1", "push", "a", "", 0, 10), done("o2", "push", "b", "", 20, 30), done("o3", "pop", "", "a", 40, 50),
	}}
	require.Equal(t, Linearizable, Check(t.Context(), history.History{Model: "stacks"}, Options{Model: stack()}).Status)
	r := Check(t.Context(), h, Options{Model: stack(), Explain: true})
	require.Equal(t, "x: o3 completed pop a between 40ns and 50ns, when it can only have been [{x a} {x b}]; o2 had completed push b by 30ns", r.Explanation)
	require.Equal(t, []string{"o2", "o3"}, ids(r.Contradiction))

	h.Operations[1].Machine = "y" // so o3 must be refused
	r = Check(t.Context(), h, Options{Model: stack()})
	require.Equal(t, Violated, r.Status)
	require.Equal(t, "stacks: o3", r.Explanation[:len("stacks: o3")], "of several objects")
	h.Operations[2].Outcome, h.Operations[2].Reason, h.Operations[2].State = history.Rejected, history.ReasonIllegal, ""
	require.Equal(t, Linearizable, Check(t.Context(), h, Options{Model: stack()}).Status)
}

// A model of Porcupine's judges the operations as they are, of unknown outcome
// too.
func TestModelOfPorcupine(t *testing.T) {
	p := porcupine.Model{
		Init: func() any { return "" },
		Step: func(state, input, output any) (bool, any) {
			op := input.(*history.Operation)
			if op.Kind == "set" {
				return true, op.Argument
			}
			return op.Outcome == history.Unknown || op.State == state, state
		},
		DescribeState: func(state any) string { return fmt.Sprintf("%q", state) },
	}
	h := history.History{Operations: []history.Operation{
		done("o1", "set", "1", "", 0, 10), done("o2", "set", "2", "", 20, 30), done("o3", "get", "", "1", 40, 50), done("o4", "get", "", "2", 60, 70),
	}}
	h.Operations[1].Outcome = history.Unknown
	require.Equal(t, Linearizable, Check(t.Context(), h, Options{Model: model.FromPorcupine("cell", p, nil)}).Status)
	h.Operations[3].State = "3"
	r := Check(t.Context(), h, Options{Model: model.FromPorcupine("cell", p, nil)})
	require.Equal(t, `x: o4 completed get 3 between 60ns and 70ns, when it can only have been "1" or "2"; o3 had completed get 1 by 50ns`, r.Explanation)
}

func TestModelsThatCannotJudge(t *testing.T) {
	h := history.History{Model: history.ModelQueue, Operations: []history.Operation{done("o1", history.KindEnqueue, "a", "", 0, 10), done("o2", history.KindDequeue, "", "a", 20, 30)}}
	partition := func(f func(ops []*history.Operation) [][]*history.Operation) *model.Model {
		m := model.Queue()
		m.Partition = f
		return m
	}
	for want, m := range map[string]*model.Model{
		"it is of model queue, and Options.Model is lock: give the model that the history has": model.Lock(),
		"invalid model: model queue lacks Init or Step: give both":                             {Grammar: model.Queue().Grammar},
		"model queue: Partition must put each operation into one part, and o2 is in 0":         partition(func(ops []*history.Operation) [][]*history.Operation { return [][]*history.Operation{ops[:1]} }),
		"model queue: Partition must put each operation into one part, and o1 is in 2":         partition(func(ops []*history.Operation) [][]*history.Operation { return [][]*history.Operation{ops, ops[:1]} }),
		"model queue: Partition must return the operations that it was given, and returns others": partition(func(ops []*history.Operation) [][]*history.Operation {
			return [][]*history.Operation{ops, {new(*ops[0])}}
		}),
	} {
		require.Equal(t, Result{Status: Undecided, Explanation: "the history cannot be judged: " + want, Unjudgeable: true}, Check(t.Context(), h, Options{Model: m}))
	}
	h.Initial = "[a]"
	require.Equal(t, "the history cannot be judged: it has an initial state, and Options.Model begins in its own: put it into Model.Init",
		Check(t.Context(), h, Options{Model: model.Queue()}).Explanation)
	h.Initial = "a"
	require.Equal(t, `the history cannot be judged: initial: "a": want the items before the first operation: items in brackets, as in [1 2 3]`,
		Check(t.Context(), h, Options{}).Explanation)
	h.Initial = ""
	m := model.Queue()
	m.Equal = nil
	require.Equal(t, "x: cannot be judged: model queue has states of type []string, for which there is no ==: give it Equal", Check(t.Context(), h, Options{Model: m}).Explanation)
	bank := history.History{Model: history.ModelBank, Initial: "{a 1}", Operations: []history.Operation{done("o1", history.KindTransfer, "[a b 1]", "", 0, 10)}}
	require.Equal(t, `x: cannot be judged: operation o1: argument: "[a b 1]": account b is not in the initial state: add it there, with its balance`,
		Check(t.Context(), bank, Options{}).Explanation)
	bank.Initial = "{a x b 1}"
	require.Contains(t, Check(t.Context(), bank, Options{}).Explanation, `the history cannot be judged: initial: "{a x b 1}": want the balance of each account`)
	counter := history.History{Model: history.ModelCounter, Initial: "x"}
	require.Contains(t, Check(t.Context(), counter, Options{}).Explanation, `the history cannot be judged: initial: "x": want the number`)
	h.Model = "stack"
	require.Equal(t, `the history cannot be judged: model "stack" is not known: give it in Options.Model`, Check(t.Context(), h, Options{}).Explanation)
	h.Model, h.Operations[1].State = history.ModelQueue, ""
	require.Equal(t, "x: cannot be judged: operation o2: state: missing: a dequeue needs it: the item, which is never the empty text", Check(t.Context(), h, Options{}).Explanation)
}

// Streams judge any object, but must be told of appends to registers, and of
// partitions.
func TestStreamsOfObjects(t *testing.T) {
	s := NewStream(t.Context(), history.History{Model: history.ModelQueue}, Options{})
	require.Equal(t, Linearizable, s.add(done("o1", history.KindEnqueue, "a", "", 0, 10)).Status)
	require.Equal(t, Linearizable, s.add(done("o2", history.KindDequeue, "", "a", 20, 30)).Status)
	require.Equal(t, Violated, s.add(done("o3", history.KindDequeue, "", "a", 40, 50)).Status)
	require.Equal(t, "x: o3 dequeued a between 40ns and 50ns, when it can only have been []; o2 had dequeued a by 30ns", s.Finish().Explanation)

	appends := history.History{Model: history.ModelKV}
	s = NewStream(t.Context(), appends, Options{})
	require.Equal(t, Linearizable, s.add(done("o1", history.KindDelete, "", "", 0, 10)).Status)
	r := s.add(done("o2", history.KindAppend, "a", "", 20, 30))
	require.True(t, r.Unjudgeable)
	require.Equal(t, "x: cannot be judged: operation o2 appends to a register: a stream must know of appends before the first operation: "+
		"give it model kv in Options.Model, or use Check", r.Explanation)
	require.Equal(t, Undecided, s.add(done("o3", history.KindRead, "", "b", 40, 50)).Status, "it may be right")
	require.Equal(t, Undecided, s.Finish().Status)

	s = NewStream(t.Context(), appends, Options{Model: model.KV()})
	require.Equal(t, Linearizable, s.add(done("o1", history.KindDelete, "", "", 0, 10)).Status)
	require.Equal(t, Linearizable, s.add(done("o2", history.KindAppend, "a", "", 20, 30)).Status)
	require.Equal(t, Violated, s.add(done("o3", history.KindRead, "", "b", 40, 50)).Status)

	whole := model.Queue()
	whole.Partition = model.Whole
	require.Contains(t, NewStream(t.Context(), history.History{}, Options{Model: whole}).add(done("o1", history.KindEnqueue, "a", "", 0, 10)).Explanation,
		"model queue has a Partition, which needs all operations: use Check")
	require.Contains(t, NewStream(t.Context(), history.History{Model: "stack"}, Options{}).add(done("o1", "pop", "", "a", 0, 10)).Explanation, `model "stack" is not known`)
}

// add adds an operation and returns the result until its return.
func (s *Stream) add(op history.Operation) Result {
	if err := s.Add(op); err != nil {
		return Result{Explanation: err.Error()}
	}
	return s.Advance(max(op.Call, op.Return) + 1)
}

// Interchangeable operations of unknown outcome take effect in order of call. A
// model that looks at clients has fewer of these.
func TestManyUnknownAdditions(t *testing.T) {
	h := history.History{Model: history.ModelCounter}
	for i := range 60 {
		op := done(fmt.Sprint("o", i), history.KindAdd, "1", "", int64(i), history.NoReturn)
		op.Client, op.Outcome = i, history.Unknown
		h.Operations = append(h.Operations, op)
	}
	h.Operations = append(h.Operations, done("r", history.KindRead, "", "60", 100, 110))
	require.Equal(t, Linearizable, Check(t.Context(), h, Options{}).Status)
	h.Operations[60].State = "61"
	r := Check(t.Context(), h, Options{Explain: true})
	require.Equal(t, Violated, r.Status)
	require.Equal(t, "r", r.Culprit.ID)
	require.Contains(t, r.Explanation, "or one not listed here")
	require.Equal(t, []string{"r"}, ids(r.Contradiction))
}

// A search that has too little time or memory decides nothing.
func TestObjectsThatTakeTooMuch(t *testing.T) {
	h := history.History{Model: history.ModelQueue}
	for i := range 24 {
		op := done(fmt.Sprint("e", i), history.KindEnqueue, fmt.Sprint(max(i, 1)), "", 0, 100) // one item twice
		op.Client = i
		h.Operations = append(h.Operations, op)
	}
	for i := range 24 {
		h.Operations = append(h.Operations, done(fmt.Sprint("d", i), history.KindDequeue, "", fmt.Sprint(max((7*i+3)%24, 1)), int64(200+10*i), int64(205+10*i)))
	}
	h.Operations[47].State = "x"
	r := Check(t.Context(), h, Options{Memory: 1 << 20})
	require.Equal(t, Result{Status: Undecided, Machine: "x", Explanation: "x: the check ran out of memory at e0, with too many orders possible"}, r)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r = Check(ctx, h, Options{})
	require.Equal(t, "x: the check ran out of time", r.Explanation)
}

// The order of an object ends before the culprit, with the states that it leads through.
func TestLastOrderOfObjects(t *testing.T) {
	h := history.History{Model: history.ModelQueue, Operations: []history.Operation{
		done("o1", history.KindEnqueue, "b", "", 0, 10), done("o2", history.KindDequeue, "", "a", 20, 30), done("o3", history.KindDequeue, "", "b", 40, 50),
	}}
	r := Check(t.Context(), h, Options{Explain: true})
	order, err := LastOrder(t.Context(), h, r, nil)
	require.NoError(t, err)
	require.Equal(t, &Order{From: "[]", Steps: []OrderStep{{"o1", "[b]"}}, Of: 2}, order)

	for i := range 600 {
		h.Operations = append(h.Operations, done(fmt.Sprint("e", i), history.KindEnqueue, "a", "", int64(60+10*i), int64(65+10*i)))
	}
	_, err = LastOrder(t.Context(), h, Result{Machine: "x"}, nil)
	require.ErrorContains(t, err, "x: 603 operations until then are too many for an order, which has at most 500")
}
