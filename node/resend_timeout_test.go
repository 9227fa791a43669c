package node_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/stretchr/testify/require"
)

// A node whose resend timeout is below the round trip fails rounds until the timeout
// has grown. It stays grown after the first success.
func TestResendTimeoutIsLearntOnce(t *testing.T) {
	w := newWorld(3, func(cfg *node.Config) { cfg.ResendTimeout, cfg.MaxResends = 10*time.Millisecond, 0 })
	const way = 8 * time.Millisecond // delay of every message
	operate := func(i int) {
		w.replies = nil
		w.request(1, &node.Request{
			Kind: node.Propose, Key: key, ID: node.Stamp(key, uint64(i), fmt.Sprintf("c1.%d", i+1)), Attempt: 1,
			To: []string{"Running", "Stopped", "Init"}[i%3],
		})
		for n := 0; len(w.replies) == 0; n++ {
			require.Less(t, n, 40)
			w.tick(way)
			arrived := w.inFlight
			w.inFlight = nil
			for _, p := range arrived {
				w.deliver(p)
			}
		}
		require.Equal(t, node.Committed, w.replies[0].Outcome)
	}
	operate(0)
	failed := w.hosts[1].node.Counters().FailedRounds
	require.Positive(t, failed)
	for i := range 8 {
		operate(1 + i)
	}
	require.Equal(t, failed, w.hosts[1].node.Counters().FailedRounds)
}
