package node_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/configuration"
)

// A voter of a joint epoch has each key of an earlier one chosen again, whatever is lost and made
// meanwhile. It begins some rounds at a time, and looks at a bounded number of keys in a step.
func TestCarryOver(t *testing.T) {
	for _, list := range []int{node.MinRepairList, node.MaxRepairList} {
		for _, keys := range []int{0, 1, 5, 3000} {
			t.Run(fmt.Sprintf("%d keys in leaves of %d", keys, list/8), func(t *testing.T) {
				w := newWorld(4, func(c *node.Config) {
					c.RepairList = list
					c.Membership = node.Membership{Epoch: 1, Voters: []node.ID{1, 2, 3}}
				})
				c := &carrying{t: t, w: w}
				for range keys {
					c.makeKey()
				}
				next := configuration.Configuration{Epoch: 2, Voters: []node.ID{1, 2, 3}, Next: []node.ID{2, 3, 4}, LastID: 4}
				for id := range node.ID(4) {
					next.Members = append(next.Members, configuration.Member{ID: id + 1, Incarnation: configuration.Incarnation{byte(id + 1)}})
				}
				w.apply(1, func(n *node.Node) { n.ProposeMembership(next.Text(), 0) })
				w.deliverAll()
				_, version := w.hosts[1].node.Membership()
				require.EqualValues(t, 1, version, "%s", w.transcript.String())
				w.reconfigure(node.Membership{Epoch: 2, Voters: []node.ID{1, 2, 3}, Next: []node.ID{2, 3, 4}}, []node.ID{1, 2, 3, 4}, 1, 2, 3, 4)
				for i := 1; i <= 3; i++ {
					c.carryOver(i)
				}
				left, total := w.hosts[4].node.CarryOver()
				require.Zero(t, left+total, "it is no voter of the epoch before")
			})
		}
	}
}

// carrying is a world whose voters carry over their keys, one after the other.
type carrying struct {
	t    *testing.T
	w    *world
	keys []string
}

func (c *carrying) makeKey() {
	key := fmt.Sprintf("lifecycle/m%d", len(c.keys))
	c.keys = append(c.keys, key)
	c.w.request(1+len(c.keys)%3, &node.Request{Kind: node.Propose, Key: key, ID: node.OpID("c1." + key), Attempt: 1, To: "Running"})
	c.w.deliverAll()
}

// carryOver has one voter carry over its keys, while each seventh message is lost and keys are made.
func (c *carrying) carryOver(i int) {
	h, before := c.w.hosts[i], len(c.keys)
	left, total := h.node.CarryOver()
	require.Equal(c.t, []int{before, before}, []int{left, total})
	require.False(c.t, h.node.CarriedOver(), "it has looked at nothing")

	c.w.apply(i, (*node.Node).CarryOn)
	require.LessOrEqual(c.t, len(c.w.inFlight), 64*3, "rounds at a time, each of a prepare to three others")
	if left, _ = h.node.CarryOver(); i > 1 {
		require.GreaterOrEqual(c.t, left, before-1024, "keys in a step, that others have carried over")
	}
	for round := 0; !h.node.CarriedOver(); round++ {
		require.Less(c.t, round, 1000, "%d of %d are left", left, total)
		if round < 20 {
			c.makeKey()
		}
		sent := 0
		c.w.inFlight = slices.DeleteFunc(c.w.inFlight, func(packet) bool { sent++; return sent%7 == 0 })
		c.w.deliverAll()
		c.w.tick(50 * time.Millisecond)
		left, total = h.node.CarryOver()
		require.True(c.t, 0 <= left && left <= total && total >= before && total <= len(c.keys), "%d of %d", left, total)
	}
	require.Zero(c.t, left)
	for _, key := range c.keys[:before] {
		require.EqualValues(c.t, 2, h.node.Inspect(key).Chosen.Epoch, "%s at node %d", key, i)
	}
}
