package node_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
)

// A node that is about to stop gives an operation that another node has forwarded to it
// back, and the other carries it out at once: no time passes here. The next operation is
// not forwarded.
func TestHandOver(t *testing.T) {
	for name, early := range map[string]bool{"of what waits": true, "of what comes later": false} {
		t.Run(name, func(t *testing.T) {
			w, r, replies := forwardedOp(t, false)
			if early { // it waits behind a round of node 3 that nobody hears of yet
				w.request(3, &node.Request{Kind: node.Read, Key: key, ID: node.Once("c3.9"), Attempt: 1})
				w.request(3, &node.Request{Kind: node.Propose, Key: key, ID: node.Stamp(key, 4, "c3.2"), Attempt: 1, To: "Init"})
				for _, p := range w.take(1, "2>3") {
					w.deliver(p)
				}
				require.Equal(t, 1, w.hosts[3].node.Waiting(key).Queue)
			}
			w.hosts[3].step(node.Event{Kind: node.Drain})
			require.Zero(t, w.hosts[3].node.Waiting(key).Queue)
			w.deliverAll()
			var answer *node.Reply
			for _, reply := range w.replies[replies:] {
				if reply.ID == r.ID {
					answer = reply
				}
			}
			require.NotNil(t, answer)
			require.Equal(t, node.Committed, answer.Outcome)
			require.Equal(t, node.ID(2), w.hosts[2].node.Inspect(key).Chosen.Node, "node 2 has carried it out itself")

			w.request(2, &node.Request{Kind: node.Propose, Key: key, ID: node.Stamp(key, 4, "c2.3"), Attempt: 1, To: "Init"})
			for _, p := range w.inFlight {
				_, forwarded := p.message.(*node.Request)
				require.False(t, forwarded, "%v", p.message)
			}
		})
	}
}

// A node may go when the others no longer take it to be at work: some time after its last
// commit, and at once if it has made none, or is alone.
func TestHandedOverAt(t *testing.T) {
	w, _, _ := forwardedOp(t, false)
	require.Equal(t, 150*time.Millisecond, w.hosts[3].node.HandedOverAt())
	require.Equal(t, 150*time.Millisecond, w.hosts[1].node.HandedOverAt())
	require.Zero(t, newWorld(3, nil).hosts[2].node.HandedOverAt())
	w.tick(time.Second)
	w.deliverAll()
	require.Equal(t, 150*time.Millisecond, w.hosts[3].node.HandedOverAt(), "nothing was committed there since")

	w = newWorld(1, nil)
	w.request(1, &node.Request{Kind: node.Propose, Key: key, ID: node.Stamp(key, 0, "c1.1"), Attempt: 1, To: "Running"})
	w.deliverAll()
	require.Len(t, w.replies, 1)
	require.Zero(t, w.hosts[1].node.HandedOverAt())
}

// The duration of a round, which is for metrics, begins with its first phase.
func TestRoundTimes(t *testing.T) {
	for name, x := range map[string]struct {
		prepared bool
		want     time.Duration
	}{"with prepare": {false, 12 * time.Millisecond}, "with a cached promise": {true, 5 * time.Millisecond}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(3, nil)
			version := uint64(0)
			propose := func() {
				w.request(1, &node.Request{Kind: node.Propose, Key: key, ID: node.Stamp(key, version, "c1.1"), Attempt: 1, To: []string{"Running", "Stopped"}[version]})
				version++
			}
			if x.prepared {
				propose()
				w.deliverAll()
			}
			propose()
			if !x.prepared {
				w.now += 7 * time.Millisecond
				for _, p := range w.take(10, "1>2") {
					w.deliver(p)
				}
				for _, p := range w.take(10, "2>1") { // the promises: accepts follow
					w.deliver(p)
				}
			}
			w.now += 5 * time.Millisecond
			for _, p := range w.take(10, "1>2") {
				w.deliver(p)
			}
			acknowledged := w.take(1, "2>1")
			require.Len(t, acknowledged, 1)
			effects, err := w.hosts[1].node.Step(w.now, node.Event{Kind: node.Receive, From: 2, Message: acknowledged[0].message})
			require.NoError(t, err)
			require.Equal(t, []time.Duration{x.want}, effects.RoundTimes)
			effects, err = w.hosts[1].node.Step(w.now, node.Event{Kind: node.Receive, From: 3, Message: acknowledged[0].message})
			require.NoError(t, err)
			require.Empty(t, effects.RoundTimes, "each is reported once")
		})
	}
}
