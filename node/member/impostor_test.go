package member_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/member"
)

// formed returns three members of a formed cluster, at work.
func formed() *world {
	w := newWorld(3)
	w.hideObservations = true
	for _, h := range w.hosts[1:] {
		h.start()
	}
	w.run(time.Second)
	return w
}

// clusterOf returns the id of a host's cluster.
func (h *host) clusterOf() [16]byte { return h.member.Status().Cluster }

// say has a host receive a message in a peer's name.
func (h *host) say(from node.ID, life uint64, m node.Message) {
	h.step(node.Event{Kind: node.Receive, From: from, Life: life, Message: m})
}

// A stranger who introduces itself in a member's name does not know the member's
// incarnation. It is refused. The member is heard as before, and what the stranger
// says about others does not count: no node abstains.
func TestStrangerInAMembersName(t *testing.T) {
	for _, stage := range []member.Stage{member.Empty, member.Bound, member.Formed} {
		t.Run(stage.String(), func(t *testing.T) {
			w := formed()
			lie := member.Memory{Incarnation: [16]byte{0xee}, Boot: 9, Life: 9, Position: 9}
			for i := range 50 {
				w.hosts[1].say(2, 0xbad, &member.Introduction{
					Incarnation: [16]byte{0xbb, byte(i)}, Boot: 1, Life: 0xbad, Stage: stage, Cluster: w.hosts[1].clusterOf(),
					Known: []member.Testimony{{Of: 1, By: 2, Memory: lie}, {Of: 1, By: 3, Memory: lie}, {Of: 3, By: 2, Memory: lie}},
				})
				w.run(10 * time.Millisecond)
			}
			require.True(t, w.hosts[1].member.Admits(2, w.hosts[2].member.Life()), "node 2 is heard as before")
			require.False(t, w.hosts[1].member.Admits(2, 0xbad))
			w.hosts[3].crash()
			for id := 1; id <= 2; id++ {
				require.True(t, w.hosts[id].member.Ready(), "%+v", w.hosts[id].member.Status())
			}
			requireCommits(t, w, 1, 2)

			w.hosts[2].crash() // its next life is admitted too
			w.hosts[2].start()
			w.run(time.Second)
			requireCommits(t, w, 1, 2)
			require.Empty(t, w.hosts[1].member.Status().Rejected)
		})
	}
}

// A stranger that comes before the member itself does not keep it out.
func TestStrangerBeforeTheMember(t *testing.T) {
	w := formed()
	life := w.hosts[2].member.Life()
	w.hosts[2].crash()
	w.hosts[3].crash()
	w.hosts[1].crash()
	w.hosts[1].start()
	w.run(time.Second)
	w.hosts[1].say(2, 0xbad, &member.Introduction{Incarnation: [16]byte{0xbb}, Boot: 1 << 60, Life: 0xbad, Stage: member.Formed, Cluster: w.hosts[1].clusterOf()})
	w.run(time.Second)
	require.Contains(t, w.hosts[1].member.Status().Rejected, node.ID(2))
	w.hosts[2].start()
	w.run(time.Second)
	require.NotEqual(t, life, w.hosts[2].member.Life())
	requireCommits(t, w, 1, 2)
}

// The introduction of a restarted member may be lost, and a stranger's come in its
// place: the member is asked for it when it sends something else.
func TestIntroductionIsRequestedThoughAStrangerWasRefused(t *testing.T) {
	w := formed()
	w.hosts[3].crash()
	w.hosts[1].crash()
	w.cut = []string{"2>1"}
	w.hosts[1].start()
	w.run(2 * time.Second)
	w.hosts[1].say(2, 0xbad, &member.Introduction{Incarnation: [16]byte{0xbb}, Boot: 1, Life: 0xbad, Stage: member.Formed, Cluster: w.hosts[1].clusterOf()})
	w.cut = nil
	w.run(time.Second)
	requireCommits(t, w, 2, 1)
}

// Only a member's testimony is one, and the cluster's record refutes those of another
// log of this node: all members were bound to this one.
func TestTestimoniesThatDoNotCount(t *testing.T) {
	for name, lie := range map[string]member.Testimony{
		"by no member":         {Of: 1, By: 77, Memory: member.Memory{Incarnation: [16]byte{1}, Boot: 9, Life: 9}},
		"by this node":         {Of: 1, By: 1, Memory: member.Memory{Incarnation: [16]byte{1}, Boot: 9, Life: 9}},
		"of another log":       {Of: 1, By: 2, Memory: member.Memory{Incarnation: [16]byte{0xee}, Boot: 1, Life: 9}},
		"of another log, by 3": {Of: 1, By: 3, Memory: member.Memory{Incarnation: [16]byte{0xee}, Boot: 1, Life: 9}},
	} {
		t.Run(name, func(t *testing.T) {
			w := formed()
			h, life := w.hosts[1], w.hosts[2].member.Life()
			h.say(2, life, &member.Introduction{Incarnation: [16]byte{2}, Boot: 1, Life: life, Position: 1 << 20, Stage: member.Formed,
				Cluster: h.clusterOf(), Known: []member.Testimony{lie}})
			w.run(time.Second)
			require.True(t, h.member.Ready(), "%+v", h.member.Status())
			require.Empty(t, h.member.Disputes())
			requireCommits(t, w, 1, 2)
		})
	}
}

// A member that is bound to no cluster joins none that was formed without it, on the
// word of one: with its log, a cluster can only be formed once it was bound.
func TestEmptyLogJoinsNoCluster(t *testing.T) {
	w := newWorld(3)
	w.hideObservations = true
	h := w.hosts[1]
	h.start()
	h.say(2, 7, &member.Introduction{Incarnation: [16]byte{2}, Boot: 1, Life: 7, Stage: member.Formed, Cluster: [16]byte{9},
		Members: []member.Identity{{ID: 1, Incarnation: [16]byte{1}}, {ID: 2, Incarnation: [16]byte{2}}, {ID: 3, Incarnation: [16]byte{3}}}})
	w.run(time.Second)
	require.Equal(t, member.Empty, h.member.Status().Stage)
	require.Contains(t, h.member.Status().Rejected[2], "or that node lies")
	w.hosts[2].start()
	w.hosts[3].start()
	w.run(5 * time.Second)
	requireCommits(t, w, 1, 2)
}

// requireCommits requires that a host commits a fresh operation on a machine of its own
// with another.
func requireCommits(t *testing.T, w *world, id, with int) {
	t.Helper()
	for _, h := range w.hosts[1:] {
		if int(h.id) != id && int(h.id) != with && h.member != nil {
			h.crash()
		}
	}
	key := "lifecycle/fresh-" + time.Duration(w.now).String()
	w.hosts[id].step(node.Event{Kind: node.Receive, From: 1101, Message: &node.Request{Kind: node.Propose, Key: key, ID: "c1.1", To: "Running"}})
	w.run(5 * time.Second)
	require.Contains(t, w.output.String(), "reply "+key+" c1.1 attempt 0 committed Running v1")
}
