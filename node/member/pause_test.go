package member

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
)

// The pauses of two members between their attempts to have a configuration chosen grow, and
// differ: where a round takes longer than a turn, equal ones would keep them in a duel for ever.
func TestPausesOfAChangeDiffer(t *testing.T) {
	const turn = 10 * time.Millisecond
	equal, longest := 0, time.Duration(0)
	var members [2]Member
	for i := range members {
		members[i].cfg.Node = node.Config{ResendTimeout: turn, Jitter: uint64(i + 1)}
	}
	for attempt := range 200 {
		var pauses [2]time.Duration
		for i := range members {
			members[i].now += time.Second
			pauses[i] = members[i].pauseOfChange()
			require.Less(t, pauses[i], turn<<min(attempt, 6))
			longest = max(longest, pauses[i])
		}
		if (pauses[0] - pauses[1]).Abs() < turn {
			equal++
		}
	}
	require.Greater(t, longest, 32*turn)
	require.Less(t, equal, 30)
}
