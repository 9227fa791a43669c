package checker

import (
	"bytes"
	"context"
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// pageAround returns the page about h's first machine with most operations.
func pageAround(t require.TestingT, h history.History, most int) (s *page, violated bool) {
	m := machines(h.Operations)[0]
	a, err := automatonOf(h, m)
	require.NoError(t, err)
	m.automaton = a
	checked := m.checkedOps()
	v, violated := m.lastEvents(context.Background(), checked)
	return newPage(m, v, checked, most), violated
}

// However little a page shows, some order explains it if and only if one
// explains the history: earlier operations are in the states in which it
// begins.
func TestPagesAreAsPossibleAsTheirHistories(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := anyHistory(t, rapid.IntRange(1, 40).Draw(t, "operations"), 1)
		if rapid.Bool().Draw(t, "corrupted") {
			h = corrupted(t, h)
		}
		s, violated := pageAround(t, h, rapid.IntRange(1, 20).Draw(t, "shown"))
		require.Equal(t, Check(context.Background(), h, Options{}).Status == Violated, violated)
		steps := 0
		possible := porcupine.CheckOperations(s.model(func() bool { steps++; return steps > maxPageSteps }), s.intervals(s.ops))
		if possible || steps <= maxPageSteps && !s.truncated {
			require.Equal(t, !violated, possible)
		}
	})
}

// A page shows the explanation of the violation, and is the same every time.
func TestVisualize(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := corrupted(t, anyHistory(t, 20, 1))
		r := Check(context.Background(), h, Options{Explain: true})
		var page, again bytes.Buffer
		notes := []history.Annotation{{Start: 0, End: history.MaxTime, Text: "the disk of 1 is bad"}}
		require.NoError(t, Visualize(context.Background(), &page, h, h.Operations[0].Machine, notes, nil))
		require.NoError(t, Visualize(context.Background(), &again, h, h.Operations[0].Machine, notes, nil))
		require.Equal(t, page.String(), again.String())
		require.Contains(t, page.String(), "the disk of 1 is bad")
		for _, op := range r.Contradiction {
			require.Contains(t, page.String(), op.ID+" "+describeOperation(&op))
		}
		require.ErrorContains(t, Visualize(context.Background(), &page, h, "lacking/a", nil, nil), "lacking/a")
	})
}
