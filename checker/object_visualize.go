package checker

import (
	"context"
	"fmt"
	"html"
	"io"
	"math"
	"slices"

	"github.com/anishathalye/porcupine"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// maxObjectPage is the number of operations of an object that a page shows. A
// page of an object begins with the object's first operation, as the states to
// which others may have led are not known.
const maxObjectPage = 500

// visualize writes the page of an object.
func (b *object) visualize(ctx context.Context, w io.Writer, r Result, annotations []history.Annotation) error {
	last := len(b.returns) - 1
	if last < 0 {
		return fmt.Errorf("%s: no operation returned, so there is no page", b.title())
	}
	if r.Culprit != nil {
		last = slices.IndexFunc(b.returns, func(i int) bool { return b.ops[i].ID == r.Culprit.ID })
	}
	ops := b.prefix(last)
	if len(ops) > maxObjectPage {
		return fmt.Errorf("%s: %d operations until then are too many for a page, which has at most %d", b.title(), len(ops), maxObjectPage)
	}
	p := &page{begin: b.ops[0].Call, end: b.ops[b.returns[last]].Return, ops: make([]checkedOp, len(ops))}
	s := b.search(ctx, maxPageSteps)
	intervals := s.intervals(ops)
	p.assignRows(intervals)
	_, info := porcupine.CheckOperationsVerbose(s.pictured(), intervals, 0)
	for _, orders := range info.PartialLinearizations() { // they come in any order
		slices.SortFunc(orders, slices.Compare)
	}
	info.AddAnnotations(p.contradictionMarks(r.Contradiction, r.Explanation))
	info.AddAnnotations(p.faultMarks(annotations))
	info.AddAnnotations(p.omissionMarks(len(b.ops), s.stopped))
	return porcupine.Visualize(b.search(context.Background(), math.MaxInt).pictured(), info, w) // replays the orders found
}

// pictured returns the specification with descriptions.
func (s *search) pictured() porcupine.Model {
	m := s.specification()
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
	return describe(s.model, at.state)
}
