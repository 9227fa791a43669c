package node_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
)

// from has a host receive a message of a member.
func (h *host) from(id node.ID, m node.Message) {
	h.step(node.Event{Kind: node.Receive, From: id, Message: m})
}

// One member's messages do not use up the rounds of a machine: what is too far ahead is
// dropped as if it were lost, and leaves nothing in the log. The machine works on.
func TestRoundThatIsTooFarAheadIsDropped(t *testing.T) {
	const last = 1 << 62
	for name, m := range map[string]node.Message{
		"prepare":          &node.Proposal{Phase: node.Prepare, Key: key, Ballot: ballot(last, 3)},
		"accept":           &node.Proposal{Phase: node.Accept, Key: key, Ballot: ballot(last, 3), Value: value("c9.9")},
		"accept with next": &node.Proposal{Phase: node.Accept, Key: key, Ballot: ballot(1000, 3), Value: value("c9.9"), Next: ballot(last, 3)},
		"commit":           &node.Commit{Key: key, Ballot: ballot(last, 3), Value: value("c9.9")},
		"repair":           &node.RepairValue{Key: key, Ballot: ballot(last, 2), Value: value("c9.9"), Chosen: true},
		"rejection":        &node.Reject{Phase: node.Prepare, Key: key, Ballot: ballot(1, 1), Reason: node.StaleBallot, Promised: ballot(last, 3)},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(3, nil)
			w.request(1, &node.Request{Kind: node.Propose, Key: key, ID: "c1.1", To: "Running"})
			w.settle()
			n, end := w.hosts[1].node, w.hosts[1].node.End()
			before := n.Inspect(key)
			for range 1000 {
				w.hosts[1].from(3, m)
			}
			require.Equal(t, before, n.Inspect(key), "nothing is promised, accepted or learnt")
			require.Equal(t, end, n.End())
			require.Empty(t, w.inFlight, "and nothing is told")

			w.request(1, &node.Request{Kind: node.Propose, Key: key, ID: "c1.2", To: "Stopped"})
			w.settle()
			require.EqualValues(t, 2, n.Inspect(key).Learnt.Version, "the machine works")
			require.Less(t, n.Inspect(key).Chosen.Round, uint64(1<<42), "within one great leap")
			require.Equal(t, n.Inspect(key).Accepted, w.hosts[2].node.Inspect(key).Accepted)
		})
	}
}

// settle lets a second pass, in which the members speak to each other.
func (w *world) settle() {
	for range 20 {
		w.deliverAll()
		w.tick(config(1, 3).ResendTimeout / 2)
	}
}

// A node that slept for longer than one message may take it is reached after a few:
// each takes it a great leap on, if the last is some time ago.
func TestSleeperIsReachedLeapByLeap(t *testing.T) {
	const leap = 8 << 18
	w := newWorld(3, func(c *node.Config) { c.RoundLeap = 8 })
	sleeper := w.hosts[2]
	prepare := &node.Proposal{Phase: node.Prepare, Key: key, Ballot: ballot(3*leap, 3)}
	for i := range 2 {
		for range 10 {
			sleeper.from(3, prepare)
			require.Empty(t, w.inFlight, i)
		}
		w.tick(11 * config(1, 3).ResendTimeout)
	}
	sleeper.from(3, prepare)
	require.Len(t, w.inFlight, 1)
	require.IsType(t, &node.Acknowledgment{}, w.inFlight[0].message)
	require.Equal(t, ballot(3*leap, 3), sleeper.node.Inspect(key).Promised)

	sleeper.crash() // the round that was reached stays, since it is promised
	sleeper.start()
	w.inFlight = nil
	sleeper.from(3, &node.Proposal{Phase: node.Prepare, Key: key, Ballot: ballot(3*leap+8, 3)})
	require.Len(t, w.inFlight, 1)
}

// A proposer that meets promises far ahead of it goes on above them; each member's leaps
// are its own.
func TestProposerReachesPromiseFarAhead(t *testing.T) {
	w := newWorld(3, func(c *node.Config) { c.RoundLeap = 8 })
	for id := 2; id <= 3; id++ {
		w.hosts[id].from(node.ID(5-id), &node.Proposal{Phase: node.Prepare, Key: key, Ballot: ballot(1000, node.ID(5-id))})
		require.EqualValues(t, 1000, w.hosts[id].node.Inspect(key).Promised.Round)
	}
	w.inFlight = nil
	w.request(1, &node.Request{Kind: node.Propose, Key: key, ID: "c1.1", To: "Running"})
	w.settle()
	require.Equal(t, value("c1.1"), w.hosts[1].node.Inspect(key).Learnt)
	require.Greater(t, w.hosts[1].node.Inspect(key).Chosen.Round, uint64(1000))
}

// Where counting begins later, leaps are from there.
func TestLeapsAreFromTheFirstRound(t *testing.T) {
	w := newWorld(3, func(c *node.Config) { c.FirstRound, c.RoundLeap = 1<<61, 8 })
	for i := range uint64(9) { // none of these is a great leap, the last one is
		w.hosts[2].from(3, &node.Proposal{Phase: node.Prepare, Key: key, Ballot: ballot(1<<61+7*(i+1), 3)})
	}
	require.Len(t, w.inFlight, 9)
	w.hosts[2].from(3, &node.Proposal{Phase: node.Prepare, Key: key, Ballot: ballot(1<<61+100, 3)})
	require.Len(t, w.inFlight, 10)
	w.hosts[2].from(3, &node.Proposal{Phase: node.Prepare, Key: key, Ballot: ballot(1<<61+200, 3)})
	require.Len(t, w.inFlight, 10, "too soon after it")
}

// A member speaks in no other's name: proposals and commits come from the node of their
// ballot, and the next ballot is of the same life.
func TestBallotsOfOthersAreRefused(t *testing.T) {
	other := ballot(2, 3)
	other.Boot++
	for name, m := range map[string]node.Message{
		"prepare":               &node.Proposal{Phase: node.Prepare, Key: key, Ballot: ballot(1, 2)},
		"accept":                &node.Proposal{Phase: node.Accept, Key: key, Ballot: ballot(1, 2), Value: value("c9.9")},
		"next of another":       &node.Proposal{Phase: node.Accept, Key: key, Ballot: ballot(1, 3), Value: value("c9.9"), Next: ballot(2, 2)},
		"next of another life":  &node.Proposal{Phase: node.Accept, Key: key, Ballot: ballot(1, 3), Value: value("c9.9"), Next: other},
		"next that is not next": &node.Proposal{Phase: node.Accept, Key: key, Ballot: ballot(1, 3), Value: value("c9.9"), Next: ballot(1, 3)},
		"commit":                &node.Commit{Key: key, Ballot: ballot(1, 2), Value: value("c9.9")},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(3, nil)
			h := w.hosts[1]
			before := discarded(h.node)
			h.from(3, m)
			require.Equal(t, before+1, discarded(h.node))
			require.Zero(t, h.node.Inspect(key))
		})
	}
}

// One ballot has one value. A message that shows another than the node has accepted, or
// learnt, at that ballot, is a lie.
func TestTwoValuesAtOneBallot(t *testing.T) {
	for name, lie := range map[string]node.Message{
		"commit": &node.Commit{Key: key, Ballot: ballot(1, 3), Value: value("c9.9")},
		"repair": &node.RepairValue{Key: key, Ballot: ballot(1, 3), Value: value("c9.9"), Chosen: true},
	} {
		for _, first := range []node.Message{
			&node.Proposal{Phase: node.Accept, Key: key, Ballot: ballot(1, 3), Value: value("c1.1")},
			&node.Commit{Key: key, Ballot: ballot(1, 3), Value: value("c1.1")},
		} {
			w := newWorld(3, nil)
			h := w.hosts[1]
			h.from(3, first)
			before, learnt := discarded(h.node), h.node.Inspect(key)
			h.from(3, lie)
			require.Equal(t, before+1, discarded(h.node), name)
			require.Equal(t, learnt, h.node.Inspect(key), name)
			require.Empty(t, h.chosenLie("c9.9"), name)
		}
	}
}

// chosenLie lists the values with an operation that the host has shown as chosen.
func (h *host) chosenLie(id node.OpID) (found []string) {
	if s := h.node.Inspect(key); s.Learnt != nil && s.Learnt.Window[len(s.Learnt.Window)-1].ID == id {
		found = append(found, s.Learnt.String())
	}
	return found
}

// What cannot be creates no machine: not of a bad name, an unknown definition, or a
// value that the definition does not permit.
func TestSenselessMessagesCreateNothing(t *testing.T) {
	bad := &node.Value{Version: 1, Serial: 1, State: "Flying", StateBefore: "Init", Window: []node.Entry{{ID: "c9.9", To: "Flying"}}}
	for name, m := range map[string]func(key string) node.Message{
		"commit of a state that there is not": func(k string) node.Message { return &node.Commit{Key: k, Ballot: ballot(1, 3), Value: bad} },
		"commit of nothing":                   func(k string) node.Message { return &node.Commit{Key: k, Ballot: ballot(1, 3)} },
		"commit of another's ballot":          func(k string) node.Message { return &node.Commit{Key: k, Ballot: ballot(1, 2), Value: value("c9.9")} },
		"commit of no ballot":                 func(k string) node.Message { return &node.Commit{Key: k, Value: value("c9.9")} },
		"repair of a state that there is not": func(k string) node.Message { return &node.RepairValue{Key: k, Ballot: ballot(1, 3), Value: bad} },
		"repair of no ballot":                 func(k string) node.Message { return &node.RepairValue{Key: k, Value: value("c9.9")} },
		"accept of a state that there is not": func(k string) node.Message {
			return &node.Proposal{Phase: node.Accept, Key: k, Ballot: ballot(1, 3), Value: bad}
		},
		"prepare of another's ballot": func(k string) node.Message { return &node.Proposal{Phase: node.Prepare, Key: k, Ballot: ballot(1, 2)} },
		"rejection of a round that is not": func(k string) node.Message {
			return &node.Reject{Phase: node.Prepare, Key: k, Ballot: ballot(1, 1), Promised: ballot(9, 3)}
		},
		"acknowledgment of a round that is not": func(k string) node.Message {
			return &node.Acknowledgment{Phase: node.Prepare, Key: k, Ballot: ballot(1, 1)}
		},
		"read request": func(k string) node.Message {
			return &node.ReadRequest{Key: k, Read: node.ReadID{Node: 3, Boot: 1, Seq: 1}}
		},
		"read report": func(k string) node.Message {
			return &node.ReadReport{Key: k, Read: node.ReadID{Node: 1, Boot: 1, Seq: 1}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(3, nil)
			n := w.hosts[1].node
			machines, end := n.MachineCount(), n.End()
			for _, key := range []string{"lifecycle/fresh-1", "lifecycle/fresh-2", "lifecycle/a b", "lifecycle/", "/", "", "unheard-of/a"} {
				w.hosts[1].from(3, m(key))
			}
			for i := range w.inFlight { // it may look for the definition, and refuse
				require.NotContains(t, []string{"lifecycle/fresh-1", "lifecycle/fresh-2"}, acknowledged(w.inFlight[i].message))
			}
			w.settle()
			require.Equal(t, end, n.End(), "no log")
			require.Equal(t, machines, n.MachineCount(), "no machines")
		})
	}
}

// acknowledged is the key of the machine that m acknowledges something about.
func acknowledged(m node.Message) string {
	if a, ok := m.(*node.Acknowledgment); ok {
		return a.Key
	}
	return ""
}
