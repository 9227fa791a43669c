package node_test

import (
	"fmt"
	"math/bits"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/configuration"
)

// joint is a world of nodes 1 to 4 in the joint epoch in which 4 takes the place of 1: of
// the voters 1, 2, 3 and of 2, 3, 4 majorities are needed.
func joint() *world {
	return newWorld(4, func(c *node.Config) {
		c.Membership = node.Membership{Epoch: 2, Voters: []node.ID{1, 2, 3}, Next: []node.ID{2, 3, 4}}
	})
}

// reconfigure has nodes go on in another epoch.
func (w *world) reconfigure(to node.Membership, members []node.ID, hosts ...int) {
	for _, i := range hosts {
		w.apply(i, func(n *node.Node) {
			if err := n.Reconfigure(members, to); err != nil {
				panic(err)
			}
		})
	}
}

// apply has the owner of a node do something behind a step.
func (w *world) apply(i int, do func(*node.Node)) {
	h := w.hosts[i]
	effects, err := h.node.StepAll(w.now, nil)
	if err == nil {
		do(h.node)
	}
	h.handle(effects, err)
}

func proposal(id node.OpID, to string) *node.Request {
	return &node.Request{Kind: node.Propose, Key: "lifecycle/m", ID: id, Attempt: 1, To: to}
}

func (w *world) committed() (n int) {
	for _, r := range w.replies {
		if r.Outcome == node.Committed {
			n++
		}
	}
	return n
}

// The nodes that can be reached decide whether a transition, and a read, is carried out: a
// majority of the old voters and one of the new must be among them.
func TestJointEpochNeedsBothMajorities(t *testing.T) {
	for up := range uint(1 << 4) {
		if up&1 == 0 {
			continue // node 1 serves the client
		}
		t.Run(fmt.Sprintf("%04b", up), func(t *testing.T) {
			w := joint()
			for i := 2; i <= 4; i++ {
				if up>>(i-1)&1 == 0 {
					w.hosts[i].crash()
				}
			}
			w.request(1, proposal("c1.1", "Running"))
			w.rest()
			w.request(1, &node.Request{Kind: node.Read, Key: "lifecycle/n", Attempt: 1, ID: node.OpID("c2.1")})
			w.rest()
			want := 0
			if bits.OnesCount(up&0b0111) >= 2 && bits.OnesCount(up&0b1110) >= 2 {
				want = 2
			}
			require.Equal(t, want, w.committed(), "%s", w.transcript.String())
		})
	}
}

// rest delivers and lets time pass until the consensus timeout is over.
func (w *world) rest() {
	for range 40 {
		w.deliverAll()
		w.tick(100 * time.Millisecond)
	}
	w.deliverAll()
}

// An acknowledgment of a learner counts for nothing, and it learns.
func TestLearnerDoesNotVote(t *testing.T) {
	w := newWorld(4, func(c *node.Config) { c.Membership = node.Membership{Epoch: 1, Voters: []node.ID{1, 2, 3}} })
	w.hosts[2].crash()
	w.hosts[3].crash()
	w.request(1, proposal("c1.1", "Running"))
	w.rest()
	require.Zero(t, w.committed())
	w.hosts[3].start()
	w.request(1, proposal("c1.2", "Running"))
	w.rest()
	require.Equal(t, 1, w.committed())
	value := w.hosts[4].node.Inspect("lifecycle/m").Learnt
	require.Equal(t, "Running", value.State)
	w.hosts[4].crash()
	w.request(1, proposal("c1.3", "Stopped"))
	w.rest()
	require.Equal(t, 2, w.committed(), "two of three voters are up")
}

// A round that is under way when the epoch changes begins again in the new one: its
// operation is carried out once. Acceptors refuse rounds of another epoch.
func TestRoundBeginsAgainInTheNextEpoch(t *testing.T) {
	w := newWorld(3, nil)
	w.request(1, proposal("c1.1", "Running"))
	w.deliverAll()
	require.Equal(t, 1, w.committed())

	w.request(1, proposal("c1.2", "Stopped")) // its accepts are in flight
	stays := node.Membership{Epoch: 2, Voters: []node.ID{1, 2, 3}}
	w.reconfigure(stays, []node.ID{1, 2, 3}, 1, 2)
	w.transcript.Reset()
	w.rest()
	require.Equal(t, 2, w.committed(), "%s", w.transcript.String())
	require.Regexp(t, `2>1 +reject-accept .* stale-epoch`, w.transcript.String(), "an acceptor that has gone on refuses the rounds of the epoch before")
	require.Contains(t, w.transcript.String(), "e2:", "the round has a ballot of the next epoch")
	for i := 1; i <= 2; i++ {
		value := w.hosts[i].node.Inspect("lifecycle/m").Learnt
		require.Equal(t, uint64(2), value.Version, "node %d", i)
	}
}

// A proposer may not use the promises of an earlier epoch, in which others were asked.
func TestCachedPromiseEndsWithItsEpoch(t *testing.T) {
	w := newWorld(3, nil)
	w.request(1, proposal("c1.1", "Running"))
	w.deliverAll()
	w.reconfigure(node.Membership{Epoch: 2, Voters: []node.ID{1, 2, 3}}, []node.ID{1, 2, 3}, 1, 2, 3)
	w.transcript.Reset()
	w.request(1, proposal("c1.2", "Stopped"))
	w.deliverAll()
	require.Contains(t, w.transcript.String(), "proposal-prepare lifecycle/m c1.2 ballot e2:")
	require.Equal(t, 2, w.committed())
}

// A proposer forgets which members hold a value: in the next epoch another one may be in the
// place of one of them, and is sent what it proposes in full.
func TestHoldersEndWithTheirEpoch(t *testing.T) {
	w := newWorld(4, nil)
	w.reconfigure(node.Membership{Epoch: 2, Voters: []node.ID{1, 2, 3}}, []node.ID{1, 2, 3}, 1, 2, 3)
	w.request(1, proposal("c1.1", "Running"))
	w.deliverAll()
	w.reconfigure(node.Membership{Epoch: 3, Voters: []node.ID{1, 2, 4}}, []node.ID{1, 2, 4}, 1, 2, 4)
	w.transcript.Reset()
	w.request(1, proposal("c1.2", "Stopped"))
	w.deliverAll()
	require.Equal(t, 2, w.committed())
	require.NotContains(t, w.transcript.String(), node.BaseNotHeld)
	require.Equal(t, "Stopped", w.hosts[4].node.Inspect("lifecycle/m").Value.State)
}

func TestMembershipThatIsRefused(t *testing.T) {
	for _, c := range []struct {
		members []node.ID
		m       node.Membership
		want    string
	}{
		{nil, node.Membership{}, "members: 0: want 1 to 7"},
		{[]node.ID{1, 2, 3, 4, 5, 6, 7, 8}, node.Membership{}, "members: 8: want 1 to 7"},
		{[]node.ID{1, 1}, node.Membership{}, "members: [1 1]: want different ids"},
		{[]node.ID{1, 0}, node.Membership{}, "members: [1 0]: want different ids"},
		{[]node.ID{1, 2}, node.Membership{Next: []node.ID{1}}, "voters: none, and next ones: [1]: want both"},
		{[]node.ID{1, 2}, node.Membership{Voters: []node.ID{}}, "voters: 0: want 1 to 7"},
		{[]node.ID{1, 2}, node.Membership{Voters: []node.ID{1, 3}}, "voters: [1 3]: want different ids of members"},
		{[]node.ID{1, 2}, node.Membership{Voters: []node.ID{1, 1}}, "voters: [1 1]: want different ids of members"},
		{[]node.ID{1, 2}, node.Membership{Voters: []node.ID{1}, Next: []node.ID{3}}, "voters: [3]: want different ids of members"},
	} {
		cfg := node.Defaults()
		cfg.ID, cfg.Members, cfg.Membership = 1, c.members, c.m
		require.ErrorContains(t, cfg.Validate(), c.want)
		require.ErrorIs(t, cfg.Validate(), node.ErrConfig)
	}
	cfg := node.Defaults()
	cfg.ID, cfg.Members = 1, []node.ID{1, 2, 3, 4, 5, 6, 7, 8}
	cfg.Membership = node.Membership{Voters: slices.Clone(cfg.Members[:7]), Next: slices.Clone(cfg.Members[1:])}
	require.NoError(t, cfg.Validate(), "one of seven is replaced")
}

// Members that have gone on to the next epoch answer no read of the epoch before: its quorums
// may know nothing of what is chosen by then.
func TestAReadOfTheEpochBeforeIsNotAnswered(t *testing.T) {
	w := newWorld(3, nil)
	w.request(1, proposal("c1.1", "Running"))
	w.deliverAll()
	stays, all := node.Membership{Epoch: 2, Voters: []node.ID{1, 2, 3}}, []node.ID{1, 2, 3}
	w.reconfigure(stays, all, 2, 3)
	read := &node.Request{Kind: node.Read, Key: "lifecycle/m", Attempt: 1, ID: "c2.1"}
	w.request(1, read)
	w.rest()
	require.Equal(t, 1, w.committed(), "%s", w.transcript.String())
	w.reconfigure(stays, all, 1)
	w.request(1, read)
	w.rest()
	require.Equal(t, 2, w.committed(), "%s", w.transcript.String())
}

// An operation that a member has forwarded is dropped when the member is gone.
func TestWhatTheGoneHaveForwardedIsDropped(t *testing.T) {
	w := newWorld(3, nil)
	w.hosts[2].crash()
	w.request(1, proposal("c1.1", "Running")) // waits: its round has no quorum
	forwarded := proposal("c3.1", "Running")
	h := w.hosts[1]
	h.handle(h.node.Step(w.now, node.Event{Kind: node.Receive, From: 3, Message: forwarded}))
	require.Equal(t, 2, w.waiting(1), "with the one that node 3 has forwarded")
	w.reconfigure(node.Membership{Epoch: 2, Voters: []node.ID{1, 2}}, []node.ID{1, 2}, 1)
	require.Equal(t, 1, w.waiting(1))
}

// waiting counts the proposals on the machine that wait at a node or are in its round.
func (w *world) waiting(i int) int {
	n := w.hosts[i].node.Waiting("lifecycle/m")
	return n.Queue + n.Round
}

// A node that has accepted a later configuration, and begins anew in an earlier epoch than that
// of its round, settles it once it has gone on.
func TestSettlingAfterARestart(t *testing.T) {
	w := newWorld(3, func(c *node.Config) { c.Membership = node.Membership{Epoch: 1, Voters: []node.ID{1, 2, 3}} })
	all, voters := []node.ID{1, 2, 3}, []node.ID{1, 2, 3}
	c := configuration.Configuration{Epoch: 2, Voters: voters, LastID: 3}
	for _, id := range all {
		c.Members = append(c.Members, configuration.Member{ID: id, Incarnation: configuration.Incarnation{byte(id)}})
	}
	w.apply(1, func(n *node.Node) { n.ProposeMembership(c.Text(), 0) })
	w.deliverAll()
	w.reconfigure(node.Membership{Epoch: 2, Voters: voters}, all, 1, 2, 3)
	c.Epoch = 3
	w.apply(1, func(n *node.Node) { n.ProposeMembership(c.Text(), 1) })
	for w.hosts[2].node.Inspect(configuration.Key).Value.State != c.Text() { // then the answer is lost
		w.deliver(w.take(1, "1>2", "2>1")[0])
	}
	w.hosts[2].sync()
	w.inFlight = nil
	for _, h := range w.hosts[1:] {
		h.crash()
		h.start()
	}
	w.inFlight = nil
	w.reconfigure(node.Membership{Epoch: 2, Voters: voters}, all, 1, 2, 3)
	require.True(t, w.hosts[2].node.MembershipUndecided())
	w.apply(2, (*node.Node).SettleMembership)
	w.rest()
	text, _ := w.hosts[3].node.Membership()
	require.Equal(t, c.Text(), text)
}
