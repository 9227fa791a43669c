package lockstep_test

import (
	"fmt"
	"testing"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/lockstep"
	"github.com/stretchr/testify/require"
)

// Without faults a transition costs what one round trip and a commit cost: a
// request and its reply, and accept, acknowledgment and commit for each of the
// two other nodes. What begins a machine (a prepare) and what repair says, also
// while there is always something new, is little besides.
func TestMessagesPerTransition(t *testing.T) {
	for _, delay := range []netmodel.Duration{0, 100 * netmodel.Millisecond} {
		for _, machines := range []int{1, 3, 20} {
			t.Run(fmt.Sprintf("repair=%v/machines=%d", delay, machines), func(t *testing.T) {
				p := busy(1, machines, 1)
				p.Knobs.RepairDelay = delay
				r, err := campaign.Run(t.Context(), lockstep.System(), p, campaign.Options{})
				require.NoError(t, err)
				require.Equal(t, campaign.Passed, r.Status, r.Sentence())
				const each = 2 + 3*2
				// Fresh operations go to other nodes, and twice where the ring has
				// forgotten the beginning.
				fresh := (each + 2*4) * machines
				least := each*r.Outcomes.Total() + 4*machines
				t.Logf("%d messages for %d operations", r.Stats.Sent, r.Outcomes.Total())
				require.LessOrEqual(t, int(r.Stats.Sent), least+fresh+least/20)
			})
		}
	}
}
