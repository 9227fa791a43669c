package checker

import (
	"context"
	"fmt"
	"io"

	"github.com/anishathalye/porcupine"
)

// Visualize writes a page of HTML, Porcupine's, on which the operations of one
// machine and the longest orders that explain some of them can be explored. It
// fails if h has no such machine or it cannot be judged. If ctx ends early, the
// page shows what was found until then.
func Visualize(ctx context.Context, w io.Writer, h History, name string) error {
	for _, m := range machines(h.Operations) {
		if m.name != name {
			continue
		}
		a, err := m.compile(h, nil)
		if err != nil {
			return fmt.Errorf("machine %s: %w", name, err)
		}
		m.automaton = a
		return m.visualize(ctx, w)
	}
	return fmt.Errorf("the history holds no operation on machine %q", name)
}

func (m machine) visualize(ctx context.Context, w io.Writer) error {
	model := m.model(func() bool { return ctx.Err() != nil })
	_, info := porcupine.CheckOperationsVerbose(model, m.intervals(m.claims()), 0)
	model = m.model(func() bool { return false }) // to replay what was found
	return porcupine.Visualize(model, info, w)
}
