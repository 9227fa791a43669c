package report

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/checker"
	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/checker/model"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// HistorySource is the material of a document about a recorded history.
type HistorySource struct {
	Name       string          // of the history, as that of its file
	History    history.History // its annotations become spans
	Result     checker.Result  // of checker.Check, with Options.Explain
	Model      *model.Model    // as in checker.Options
	Repeat     string          // the command line that judges it again
	Operations int             // shown at most, up to the violation and a few after it; 0: 100,000
}

// DefaultOperations is the default of HistorySource.Operations.
const DefaultOperations = 100_000

// kindHistory is the Kind of a document about a history.
const kindHistory = "history"

// MakeHistory explains the verdict on a history: its operations become events, the call and
// the return of each, and its annotations spans. A violated or undecided one is shown by
// the operations on the object that the verdict is about.
func MakeHistory(ctx context.Context, src HistorySource) *Document {
	about := string(cmp.Or(src.History.Model, history.ModelMachine))
	d := &Document{
		Format: Format, Version: Version, Kind: kindHistory, System: src.Name, About: "model " + about,
		Repeat: src.Repeat, Status: string(src.Result.Status), Sentence: src.Result.Explanation,
	}
	if src.Result.Status == checker.Linearizable {
		d.Status = "passed"
		d.Sentence = fmt.Sprintf("All %d operations are explained by an order: the history is linearizable", len(src.History.Operations))
	}
	if src.Result.Class != "" {
		d.Signature = "linearizability/" + src.Result.Class
	}
	h := newHistoryRun(&src, d)
	h.addSpans(src.History.Annotations)
	h.addEvents()
	h.addVerdict(&src.Result)
	h.addOrder(ctx, &src)
	d.Runs = []Run{*h.run}
	return d
}

// historyRun makes a run of a history.
type historyRun struct {
	run        *Run
	operations []history.Operation // that are shown, in order of call
	notes      []moment            // of annotations
}

func newHistoryRun(src *HistorySource, d *Document) *historyRun {
	ops := operationsShown(src, d)
	slices.SortStableFunc(ops, func(x, y history.Operation) int { return cmp.Compare(x.Call, y.Call) })
	return &historyRun{operations: ops, run: &Run{
		Name: kindHistory, Status: d.Status, Signature: d.Signature, Sentence: d.Sentence, Evidence: src.Result.Evidence(),
	}}
}

// operationsShown returns the operations on the object of the verdict, or all of them if it is
// about none; of very many the last ones up to the violation, and a few after it.
func operationsShown(src *HistorySource, d *Document) []history.Operation {
	most := src.Operations
	if most <= 0 {
		most = DefaultOperations
	}
	all := src.History.Operations
	ops := slices.Clone(all)
	if src.Result.Status != checker.Linearizable {
		others := func(op history.Operation) bool { return op.Machine != src.Result.Machine }
		if ofObject := slices.DeleteFunc(slices.Clone(all), others); len(ofObject) > 0 {
			ops = ofObject
		}
		if n := len(all) - len(ops); n > 0 {
			d.Cut = append(d.Cut, fmt.Sprintf("The history has %d operations on other objects: what happens to one object tells nothing about another", n))
		}
	}
	if len(ops) <= most {
		return ops
	}
	slices.SortStableFunc(ops, func(x, y history.Operation) int { return cmp.Compare(x.Call, y.Call) })
	last := len(ops)
	if c := src.Result.Culprit; c != nil {
		until, _ := slices.BinarySearchFunc(ops, c.Return, func(op history.Operation, at int64) int { return cmp.Compare(op.Call, at) })
		last = max(most, min(len(ops), until+most/10))
	}
	d.Cut = append(d.Cut, fmt.Sprintf("Of %d operations, %d to %d in order of call are shown", len(ops), last-most+1, last))
	return ops[last-most : last]
}

// moment is the call or the return of an operation, or the begin or end of an annotation.
type moment struct {
	at        int64
	operation int
	turn      int    // 0: the call, 1: the return
	note      string // of an annotation; empty: of an operation
}

// addEvents adds the lanes, the operations, and the events at their ends, in order of time.
// Of one instant the calls come first: an operation that returns when another is called
// counts as concurrent with it.
func (h *historyRun) addEvents() {
	objects := map[string]bool{}
	var moments []moment
	for i := range h.operations {
		op := &h.operations[i]
		moments = append(moments, moment{at: op.Call, operation: i})
		if op.Return >= op.Call {
			moments = append(moments, moment{at: op.Return, operation: i, turn: 1})
		}
		if !objects[op.Machine] {
			objects[op.Machine] = true
			h.run.Plan.Objects = append(h.run.Plan.Objects, op.Machine)
		}
	}
	moments = append(moments, h.notes...)
	slices.SortStableFunc(moments, func(x, y moment) int {
		return cmp.Or(cmp.Compare(x.at, y.at), cmp.Compare(x.turn, y.turn))
	})
	slices.Sort(h.run.Plan.Objects)
	laneOf := h.addLanes()
	for i := range h.operations {
		h.run.Operations = append(h.run.Operations, newOperation(&h.operations[i], laneOf[h.operations[i].Client]))
	}
	for n, m := range moments {
		if m.note != "" {
			h.run.Events = append(h.run.Events, Event{N: uint64(n + 1), At: Time(m.at), Kind: "action", Text: m.note})
			continue
		}
		o := &h.run.Operations[m.operation]
		e := Event{N: uint64(n + 1), At: Time(m.at), Lane: o.Lane, Kind: "invoke", Text: strings.TrimSpace(o.Key + " " + o.ID + " " + o.Request)}
		if m.turn == 1 {
			e.Kind, e.Text = "response", strings.TrimSpace(o.Key+" "+o.ID+" "+responseOf(o))
			o.ReturnEvent = new(n)
		} else {
			o.CallEvent = new(n)
		}
		h.run.Events = append(h.run.Events, e)
	}
	h.run.Count = uint64(len(moments))
}

// newOperation describes an operation of a history.
func newOperation(h *history.Operation, lane sim.ID) Operation {
	o := Operation{
		ID: h.ID, Lane: lane, Key: h.Machine, Request: requestOf(h),
		Call: Time(h.Call), Outcome: string(h.Outcome), Reason: h.Reason, Result: h.State,
	}
	if h.Version != history.NoVersion {
		o.Version = new(h.Version)
	}
	if h.Return != history.NoReturn {
		o.Return = new(Time(h.Return))
	}
	return o
}

// requestOf is the request of an operation in words, as in "cas 1 → 2".
func requestOf(h *history.Operation) string {
	if h.Expected != "" {
		return fmt.Sprintf("%s %s → %s", h.Kind, h.Expected, h.Argument)
	}
	return strings.TrimSpace(string(h.Kind) + " " + h.Argument)
}

// responseOf is the response to an operation in words, as in "committed, 2".
func responseOf(o *Operation) string {
	text := o.Outcome
	for _, part := range []string{o.Result, o.Reason} {
		if part != "" {
			text += ", " + part
		}
	}
	if o.Version != nil {
		text += fmt.Sprintf(" at version %d", *o.Version)
	}
	return o.Request + ": " + text
}

// addSpans adds the annotations that meet the operations that are shown, and remembers their
// begins and ends, which become events of the world.
func (h *historyRun) addSpans(annotations []history.Annotation) {
	if len(h.operations) == 0 {
		return
	}
	begin, end := h.operations[0].Call, int64(0)
	for i := range h.operations {
		end = max(end, h.operations[i].Call, h.operations[i].Return)
	}
	h.run.End = Time(end)
	for _, a := range annotations {
		from, to := a.Start, max(a.Start, a.End)
		if from > end || to < begin {
			continue
		}
		h.run.Spans = append(h.run.Spans, Span{Kind: "annotation", Text: a.Text, From: Time(from), To: Time(min(to, end))})
		if from >= begin {
			h.notes = append(h.notes, moment{at: from, note: "begin: " + a.Text})
		}
		if to > from && to <= end {
			h.notes = append(h.notes, moment{at: to, turn: 1, note: "end: " + a.Text})
		}
	}
	slices.SortStableFunc(h.run.Spans, func(x, y Span) int { return cmp.Compare(x.From, y.From) })
}

// addVerdict adds the contradiction, or the hardest window.
func (h *historyRun) addVerdict(r *checker.Result) {
	if r.Status == checker.Violated {
		v := &Violation{Property: "linearizability", Class: r.Class, Sentence: r.Explanation, Object: r.Machine}
		if r.Culprit != nil {
			v.At = Time(r.Culprit.Return)
		}
		if r.Account != nil {
			v.account(r.Account)
		}
		h.run.contradict(v)
		h.run.Violation = v
		h.run.explain(new(scenarios.System).Expectation(v.Property + "/" + v.Class))
	}
	if r.Account == nil || r.Account.Hardest == nil {
		return
	}
	w := r.Account.Hardest
	h.run.Hardest = &Hardest{Time(w.From), Time(w.To), w.Overlapping, w.Operations, w.Unknown, w.Help}
	if w.Overlapping > 0 {
		h.run.Spans = append(h.run.Spans, Span{Kind: "hardest", Text: "the hardest window", From: Time(w.From), To: Time(w.To)})
		slices.SortStableFunc(h.run.Spans, func(x, y Span) int { return cmp.Compare(x.From, y.From) })
	}
}

// addOrder adds an order that explains all operations, or else the longest one that is found
// for the last of them.
func (h *historyRun) addOrder(ctx context.Context, src *HistorySource) {
	if src.Result.Status == checker.Linearizable {
		h.run.Order, _ = checker.Linearization(ctx, src.History, src.Model)
	}
	if len(h.run.Order) > 0 || len(h.run.Plan.Objects) != 1 {
		return
	}
	r := src.Result
	r.Machine = h.run.Plan.Objects[0]
	found, err := checker.LastOrder(ctx, src.History, r, src.Model)
	if err != nil || len(found.Steps) == 0 {
		return // the page goes without an order
	}
	h.run.Found = &Found{From: found.From, Of: found.Of, Before: found.Before, Complete: found.Complete, Doubt: found.Doubt}
	for _, s := range found.Steps {
		h.run.Found.Steps = append(h.run.Found.Steps, FoundStep{s.ID, s.State})
	}
}
