package node_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/wal"
)

// learntBy steps a node and its disk through events, and returns the values learnt
// to be chosen.
func learntBy(t testing.TB, h *host, evs ...node.Event) (all []node.ChosenValue, sends []node.Send) {
	for len(evs) > 0 {
		effects, err := h.node.StepAll(h.w.now, evs)
		require.NoError(t, err)
		all, sends, evs = append(all, effects.Chosen...), append(sends, effects.Sends...), nil
		for _, r := range append([]wal.DiskRequest{}, effects.Disk...) {
			h.disk.Execute(r)
			evs = append(evs, node.Event{Kind: node.DiskDone, Token: r.Token})
		}
	}
	return all, sends
}

func received(from node.ID, m node.Message) node.Event {
	return node.Event{Kind: node.Receive, From: from, Message: m}
}

// A node reports the values that its own rounds choose, in their order.
func TestChosenByOwnRounds(t *testing.T) {
	h := newWorld(1, nil).hosts[1]
	for i, state := range []string{"Running", "Stopped"} {
		all, _ := learntBy(t, h, received(101, &node.Request{Kind: node.Propose, Key: key, ID: node.OpID("c1." + state), To: state}))
		require.Len(t, all, 1)
		require.Equal(t, key, all[0].Key)
		require.EqualValues(t, i+1, all[0].Value.Version)
		require.Equal(t, state, all[0].Value.State)
		require.EqualValues(t, 1, all[0].Ballot.Node)
	}
	none, _ := learntBy(t, h, node.Event{Kind: node.Timer})
	require.Empty(t, none, "each step tells its own")
}

// It reports values from commits, and no values that are only accepted.
func TestChosenElsewhere(t *testing.T) {
	h := newWorld(3, nil).hosts[1]
	v := value("c1.1")
	b := ballot(1, 2)
	none, _ := learntBy(t, h, received(2, &node.Proposal{Phase: node.Accept, Key: key, Ballot: b, Value: v}))
	require.Empty(t, none, "accepted by one is not chosen")
	all, _ := learntBy(t, h, received(2, &node.Commit{Key: key, Ballot: b, Value: v}))
	require.Equal(t, []node.ChosenValue{{Key: key, Ballot: b, Value: v}}, all)
}

// A read with reports that agree shows a chosen value, though no commit came.
func TestChosenIsShownByReads(t *testing.T) {
	h := newWorld(3, nil).hosts[1]
	v := value("c1.1")
	b := ballot(1, 2)
	learntBy(t, h, received(2, &node.Proposal{Phase: node.Accept, Key: key, Ballot: b, Value: v}))
	all, sends := learntBy(t, h, received(101, &node.Request{Kind: node.Read, Key: key, ID: "c1.2"}))
	require.Empty(t, all)
	read := sends[0].Message.(*node.ReadRequest).Read
	all, _ = learntBy(t, h, received(2, &node.ReadReport{Key: key, Read: read, Accepted: b, Value: v}))
	require.Len(t, all, 1)
	require.Equal(t, b, all[0].Ballot)
	require.True(t, v.Equal(all[0].Value))
}

// Reports allocate no memory once there is room for them.
func TestChosenCostsNothing(t *testing.T) {
	h := newWorld(3, nil).hosts[1]
	v := value("c1.1")
	evs := []node.Event{received(2, &node.Commit{Key: key, Ballot: ballot(1, 2), Value: v})}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		effects, err := h.node.StepAll(0, evs)
		if err != nil || len(effects.Chosen) != 1 {
			t.Fatal(effects.Chosen, err)
		}
	}))
}
