package checker

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/anishathalye/porcupine"
	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/checker/model"
)

// Visualize writes an HTML page about one machine. The page opens with its
// Account: the sentence, the contradiction as a table, and the facts. Below is a
// chart, made by Porcupine, of the last operations before the violation, or else
// before the end: the orders that explain most of them, with the states that they
// lead through. Earlier operations are in the states in which the chart may
// begin. The contradiction, if there is one, and annotations are marked.
//
// It fails if h has no such machine or the machine cannot be checked. If ctx
// ends early, the chart shows the orders found until then; otherwise the page
// depends on the arguments alone. User is Options.Model, and may be nil.
func Visualize(ctx context.Context, w io.Writer, h history.History, name string, annotations []history.Annotation, user *model.Model) error {
	return VisualizeResult(ctx, w, h, Result{Machine: name}, annotations, user)
}

// VisualizeResult is Visualize for the machine of a result of Check, which it
// does not repeat if the result has an Account.
func VisualizeResult(ctx context.Context, w io.Writer, h history.History, r Result, annotations []history.Annotation, user *model.Model) error {
	j, err := newJudge(&h, user)
	if err != nil {
		return err
	}
	all, err := j.machines(h.Operations)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(m machine) bool { return m.name == r.Machine })
	if i < 0 {
		return fmt.Errorf("the history holds no operation on machine %q", r.Machine)
	}
	if r.Account == nil {
		r = j.check(ctx, all[i], Options{Explain: true})
		r.Machine = all[i].name
		r.Account = newAccount(r, j, all[i].operations)
	}
	var chart bytes.Buffer
	err = j.visualize(ctx, &chart, all[i], annotations)
	if err != nil && len(r.Account.Rows) == 0 {
		return err
	}
	return writePage(w, r.Account, j.title(all[i]), chart.String(), err)
}

// title returns m's name for sentences, as those about m have it.
func (j *judge) title(m machine) string {
	if j.compiles {
		return m.title()
	}
	return newObject(j.model, m).title()
}

func (j *judge) visualize(ctx context.Context, w io.Writer, m machine, annotations []history.Annotation) error {
	if err := m.judgeable(&j.model.Grammar); err != nil {
		return fmt.Errorf("machine %s: %w", m.name, err)
	}
	if !j.compiles || m.appends() {
		return newObject(j.model, m).visualize(ctx, w, j.check(ctx, m, Options{Explain: true}), annotations)
	}
	if err := j.compile(&m); err != nil {
		return fmt.Errorf("machine %s: %w", m.name, err)
	}
	return m.visualize(ctx, w, annotations)
}

func (m machine) visualize(ctx context.Context, w io.Writer, annotations []history.Annotation) error {
	checked := m.checkedOps()
	v, violated := m.lastEvents(ctx, checked)
	s := newPage(m, v, checked, pageOperations)
	ops := s.intervals(s.ops)
	s.assignRows(ops)
	steps := 0
	_, info := porcupine.CheckOperationsVerbose(s.model(func() bool {
		steps++
		return steps > maxPageSteps || ctx.Err() != nil
	}), ops, 0)
	for _, orders := range info.PartialLinearizations() { // they come in any order
		slices.SortFunc(orders, slices.Compare)
	}
	if violated && !v.inconclusive {
		c := culprit{machine: m, refutation: v}
		_, sentence := explanation{m, c}.explain()
		_, operations := c.contradiction()
		info.AddAnnotations(s.contradictionMarks(operations, sentence))
	}
	info.AddAnnotations(s.faultMarks(annotations))
	info.AddAnnotations(s.omissionMarks(len(checked), steps > maxPageSteps || ctx.Err() != nil))
	return porcupine.Visualize(s.model(func() bool { return false }), info, w) // replays the orders found
}

// maxPageSteps is the number of steps tried for a page. People look at the
// longest order, and seldom at the hundredth.
const maxPageSteps = 200_000

// lastEvents returns the events until the operations become impossible, or else
// until the end or until time or memory run out.
func (m machine) lastEvents(ctx context.Context, checked []checkedOp) (v *refutation, violated bool) {
	p := newPilot(ctx, m, checked, DefaultMemory)
	p.run()
	if p.impossible() && !p.current.stopped {
		return p.refute(), true
	}
	return p.recent(2 * p.stride), false
}

// assignRows gives each client a line. Operations that may take effect at any
// time get lines of their own, below: they would hide the next ones of their
// client.
func (s *page) assignRows(ops []porcupine.Operation) {
	endless := func(i int) bool { return ops[i].Return > s.end }
	order := make([]int, len(ops))
	for i := range ops {
		order[i] = i
	}
	slices.SortStableFunc(order, func(x, y int) int {
		if endless(x) != endless(y) {
			return cmp.Compare(ops[x].Return, ops[y].Return)
		}
		return cmp.Compare(ops[x].ClientId, ops[y].ClientId)
	})
	line, client := -1, -1
	for _, i := range order {
		if ops[i].ClientId != client || endless(i) {
			line++
		}
		client, ops[i].ClientId = ops[i].ClientId, line
	}
}

// contradictionMarks marks the operations that contradict each other.
func (s *page) contradictionMarks(operations []history.Operation, sentence string) []porcupine.Annotation {
	var marks []porcupine.Annotation
	for i := range operations {
		op := &operations[i]
		end := op.Return
		if op.Outcome == history.Unknown {
			end = s.end
		}
		marks = append(marks, porcupine.Annotation{
			Start: op.Call, End: end, Description: op.ID + " " + describeOperation(op), Details: sentence, BackgroundColor: "#f4a6a0",
		})
	}
	return assignTags("contradiction", marks)
}

// omissionMarks lists, at the beginning of the page, the things that it lacks:
// some of the history's operations, initial states, or orders if the search was
// given up.
func (s *page) omissionMarks(operations int, givenUp bool) []porcupine.Annotation {
	var marks []porcupine.Annotation
	note := func(what, details string) {
		marks = append(marks, porcupine.Annotation{Start: s.begin, End: s.begin, Description: what, Details: details, BackgroundColor: "#d8d8d8"})
	}
	if shown := len(s.ops); shown < operations {
		note(fmt.Sprintf("%d of %d operations are shown", shown, operations),
			"The last until the history ends or becomes impossible. What was before is in the states in which the page begins.")
	}
	if s.truncated {
		note("the page may begin in more states than it shows", "An order that is impossible here need not be impossible in the history.")
	}
	if givenUp {
		note("not all orders were tried", "There may be orders that explain more than those shown.")
	}
	return assignTags("cut", marks)
}

// faultMarks returns the annotations that overlap with the page.
func (s *page) faultMarks(annotations []history.Annotation) []porcupine.Annotation {
	var marks []porcupine.Annotation
	for _, a := range annotations {
		if a.Start <= s.end && max(a.Start, a.End) >= s.begin {
			marks = append(marks, porcupine.Annotation{
				Start: max(a.Start, s.begin), End: min(max(a.Start, a.End), s.end), Description: a.Text,
				Details: fmt.Sprintf("%s to %s", formatTime(a.Start), formatTime(max(a.Start, a.End))), BackgroundColor: "#ffd28a",
			})
		}
	}
	return assignTags("faults", marks)
}

// assignTags gives marks that overlap different tags: each tag is a line of the
// page.
func assignTags(tag string, marks []porcupine.Annotation) []porcupine.Annotation {
	slices.SortStableFunc(marks, func(x, y porcupine.Annotation) int { return int(min(max(x.Start-y.Start, -1), 1)) })
	var ends []int64
	for i := range marks {
		line := slices.IndexFunc(ends, func(end int64) bool { return end < marks[i].Start })
		if line < 0 {
			line = len(ends)
			ends = append(ends, 0)
		}
		ends[line] = marks[i].End
		marks[i].Tag = tag
		if line > 0 {
			marks[i].Tag = fmt.Sprintf("%s %d", tag, line+1)
		}
	}
	return marks
}
