package fsm_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/stretchr/testify/require"
)

// complete is a definition with the first n of the transitions from every state to every
// other.
func complete(n int) fsm.Definition {
	d := fsm.Definition{Name: "complete", Initial: "s0"}
	for i := range fsm.MaxStates {
		d.States = append(d.States, fmt.Sprintf("s%d", i))
	}
	for i := range n {
		d.Transitions = append(d.Transitions, fsm.Transition{From: d.States[i/fsm.MaxStates], To: d.States[i%fsm.MaxStates]})
	}
	return d
}

// Eight times the transitions cost some eight times as much to judge, and not 64 times. Both
// sides are measured over as much work, so that a busy host slows them alike.
func TestTheCostOfADefinitionIsLinear(t *testing.T) {
	const most = fsm.MaxStates * fsm.MaxStates
	large, small := complete(most), complete(most/8)
	cost := func(d fsm.Definition, times int) time.Duration {
		began := time.Now()
		for range times {
			require.NoError(t, d.Validate())
			d.Reachable()
		}
		return time.Since(began)
	}
	best := 64.0
	for range 7 {
		best = min(best, 8*float64(cost(large, 1))/float64(cost(small, 8)))
	}
	require.Less(t, best, 40.0) // caches make it more than 8
}

// A definition lists no state and no transition twice, so there are only so many.
func TestAListThatMustRepeatIsNotSearched(t *testing.T) {
	d := complete(1)
	for len(d.Transitions) <= fsm.MaxStates*fsm.MaxStates {
		d.Transitions = append(d.Transitions, d.Transitions[0])
	}
	require.ErrorContains(t, d.Validate(), "65026 transitions and 0 terminal states: want each at most once")
}
