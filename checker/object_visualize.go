package checker

import (
	"context"
	"fmt"
	"html"
	"io"
	"slices"
	"strings"

	"github.com/anishathalye/porcupine"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// maxObjectPage is the number of operations of an object that a page shows. A
// page of an object begins with the object's first operation, as the states to
// which others may have led are not known.
const maxObjectPage = 500

// visualize writes the page of an object.
func (b *object) visualize(ctx context.Context, w io.Writer, annotations []history.Annotation) error {
	last := len(b.returns) - 1
	if last < 0 {
		return fmt.Errorf("%s: no operation returned, so there is no page", b.title())
	}
	r := b.check(ctx, Options{Explain: true})
	if r.Culprit != nil {
		last = slices.IndexFunc(b.returns, func(i int) bool { return b.ops[i].ID == r.Culprit.ID })
	}
	ops := b.prefix(last)
	if len(ops) > maxObjectPage {
		return fmt.Errorf("%s: %d operations until then are too many for a page, which has at most %d", b.title(), len(ops), maxObjectPage)
	}
	p := &page{begin: b.ops[0].Call, end: b.ops[b.returns[last]].Return, ops: make([]checkedOp, len(ops))}
	s := b.search(ctx, b.memory)
	steps := 0
	intervals := s.intervals(ops)
	p.assignRows(intervals)
	_, info := porcupine.CheckOperationsVerbose(s.pictured(func() bool {
		steps++
		return steps > maxPageSteps || ctx.Err() != nil
	}), intervals, 0)
	for _, orders := range info.PartialLinearizations() { // they come in any order
		slices.SortFunc(orders, slices.Compare)
	}
	info.AddAnnotations(p.contradictionMarks(r.Contradiction, r.Explanation))
	info.AddAnnotations(p.faultMarks(annotations))
	info.AddAnnotations(p.omissionMarks(len(b.ops), steps > maxPageSteps || ctx.Err() != nil))
	return porcupine.Visualize(s.pictured(func() bool { return false }), info, w) // replays the orders found
}

// pictured returns the specification with descriptions. Once stop reports true,
// no step fits any more.
func (s *search) pictured(stop func() bool) porcupine.Model {
	m := s.specification()
	m.Step = func(state, input, _ any) (bool, any) {
		if stop() {
			return false, state
		}
		next, fits := s.step(state.(placement), input.(*placed))
		if !fits {
			return false, state
		}
		return true, next
	}
	m.DescribeOperation = func(input, _ any) string { return input.(*placed).describe() }
	m.DescribeState = func(state any) string { return html.EscapeString(s.describePlacement(state.(placement))) } // the page takes it for markup
	return m
}

func (p *placed) describe() string {
	if p.role == atEnd {
		return "end of history"
	}
	return p.op.ID + " " + describeOperation(p.op)
}

func (s *search) describePlacement(at placement) string {
	if at.ended {
		return "end of history"
	}
	var words []string
	for _, state := range at.states {
		words = append(words, s.describe(state))
	}
	return strings.Join(words, " or ")
}
