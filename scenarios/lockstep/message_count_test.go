package lockstep_test

import (
	"fmt"
	"testing"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/scenarios/lockstep"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/stretchr/testify/require"
)

// Without faults a transition costs one round trip and a commit: a request and its
// reply, and an accept, an acknowledgment and a commit for each of the two other nodes.
// The prepare of a machine's first round and repair, even under constant change, add
// little.
func TestMessagesPerTransition(t *testing.T) {
	for _, delay := range []netmodel.Duration{0, 100 * netmodel.Millisecond} {
		for _, machines := range []int{1, 3, 20} {
			t.Run(fmt.Sprintf("repair=%v/machines=%d", delay, machines), func(t *testing.T) {
				p := busyPlan(1, machines, 1)
				p.Knobs.RepairDelay = delay
				r, err := play.Run(t.Context(), lockstep.System(), p, play.Options{})
				require.NoError(t, err)
				require.Equal(t, play.Passed, r.Status, r.Sentence())
				const each = 2 + 3*2
				// Fresh operations go to other nodes, and twice where the dedup window no longer
				// contains the first entries.
				fresh := (each + 2*4) * machines
				least := each*r.Outcomes.Total() + 4*machines
				t.Logf("%d messages for %d operations", r.Stats.Sent, r.Outcomes.Total())
				require.LessOrEqual(t, int(r.Stats.Sent), least+fresh+least/20)
			})
		}
	}
}
