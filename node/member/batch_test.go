package member_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
)

// A request that comes in the same step as the completion that makes the node ready is
// not handled: the member's life was not durable when it arrived.
func TestARequestInTheStepThatMakesTheNodeReady(t *testing.T) {
	for _, together := range []bool{true, false} {
		w := newWorld(1)
		h := w.hosts[1]
		h.slow = true
		h.start()
		request := node.Event{Kind: node.Receive, From: 101, Message: &node.Request{Kind: node.Read, Key: "lifecycle/a", ID: node.Once("x"), Attempt: 1}}
		for !h.member.LifeDurable() {
			require.NotEmpty(t, h.pendingIO)
			r := h.pendingIO[0]
			h.pendingIO = h.pendingIO[1:]
			h.disk.Execute(r)
			evs := []node.Event{{Kind: node.DiskDone, Token: r.Token}}
			if together {
				evs = append(evs, request)
			}
			effects, err := h.member.StepAll(w.now, evs)
			require.NoError(t, err)
			require.Empty(t, effects.Sends)
			h.pendingIO = append(h.pendingIO, effects.Disk...)
		}
		require.Zero(t, h.member.Node().Counters().Reads, "together: %v", together)
		effects, err := h.member.StepAll(w.now, []node.Event{request})
		require.NoError(t, err)
		require.Len(t, effects.Sends, 1, "later it is answered")
	}
}
