package report

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Without room for all states those around the first wrong step and the violation stay. What
// changed between them is told at the end of the gap, and is right from there on.
func TestStatesStayAroundTheEventsThatMatter(t *testing.T) {
	var changes []Change
	for event := range 100 {
		c := set(event, 1, "value", string(rune('a'+event%26)))
		if event == 40 {
			c.Unset = []string{"gone"}
		}
		changes = append(changes, c)
	}
	changes[0].Set["gone"], changes[0].Up = "so far", new(true)
	r := explained(Violation{Property: "convergence", Sentence: "Node 1 differs"}, changes...)
	for len(r.Events) < 100 {
		r.Events = append(r.Events, Event{N: uint64(len(r.Events) + 1), Lane: 1})
	}
	r.Violation.Event, r.Violation.Wrong = 80, new(20)
	all := sizeOfChanges(changes)
	require.Empty(t, r.fitStates(all), "there is room")

	whole := *r
	cuts := r.fitStates(all / 3)
	require.Len(t, cuts, 1)
	require.LessOrEqual(t, sizeOfChanges(r.States.Changes), all/3)
	require.Len(t, r.States.Gaps, 1)
	gap := r.States.Gaps[0]
	require.Greater(t, gap.First, 20+5)
	require.Less(t, gap.Last, 80-5)
	for event := *r.States.From; event <= *r.States.Until; event++ {
		if event < gap.First || event >= gap.Last {
			requireSameState(t, &whole, r, event)
		}
	}
	require.Regexp(t, `^The states of nodes are left out before event \d+, and from event \d+ to \d+, and after event \d+: there is no room for more$`, cuts[0])
}

func requireSameState(t *testing.T, want, got *Run, event int) {
	t.Helper()
	up, values := stateAt(want, event, 1)
	gotUp, gotValues := stateAt(got, event, 1)
	require.Equal(t, values, gotValues, "event %d", event)
	require.Equal(t, up, gotUp)
}
