package node_test

import (
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/stretchr/testify/require"
)

// An operation is answered when the consensus timeout has passed since its arrival, also
// behind younger ones: a read joins the queue when its quorum read has ended, and waits
// for another quorum read before.
func TestOperationsAreAnsweredByTheirDeadlines(t *testing.T) {
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		resend time.Duration
		kind   node.Kind // of the second operation
	}{
		"a read behind a proposal":            {700 * ms, node.Propose},
		"a read behind a read":                {700 * ms, node.Read},
		"a read behind another's quorum read": {1500 * ms, node.Read},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(3, func(cfg *node.Config) { cfg.ResendTimeout, cfg.MaxResends = c.resend, 5 })
			w.request(1, &node.Request{Kind: node.Read, Key: key, ID: "c1.1", Attempt: 1})
			w.tick(10 * ms)
			w.request(1, &node.Request{Kind: c.kind, Key: key, ID: "c2.1", Attempt: 1, To: "Running"})
			w.inFlight = nil
			w.tick(1989 * ms)
			require.Empty(t, w.replies)
			w.tick(ms)
			require.Len(t, w.replies, 1)
			require.Equal(t, node.OpID("c1.1"), w.replies[0].ID)
			w.tick(10 * ms)
			require.Len(t, w.replies, 2)
		})
	}
}
