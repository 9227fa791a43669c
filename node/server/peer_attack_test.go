package server_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/internal/attacker"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/node/server"
)

// call calls a node in another's name.
func (c *cluster) call(at, as node.ID, cluster [16]byte, life uint64) *attacker.Caller {
	c.t.Helper()
	caller, err := attacker.Call(c.configs[at].Peers[at], attacker.Hello(cluster, as, life), testTimeout)
	require.NoError(c.t, err)
	c.t.Cleanup(caller.Close)
	return caller
}

// The peers' port tells a stranger nothing but the code of a refusal, and somebody who
// knows the cluster's name nothing of any log.
func TestPeersPortTellsNothing(t *testing.T) {
	c := startCluster(t, 3)
	stranger := c.call(1, 2, server.ClusterID("another"), 7)
	require.Equal(t, []byte{2, 2}, stranger.Refusal)
	require.Nil(t, stranger.Learnt)
	require.Equal(t, []byte{2, 6}, c.call(1, 9, server.ClusterID("test"), 7).Refusal, "no member")

	poser := c.call(1, 2, server.ClusterID("test"), 7)
	want := attacker.Hello(server.ClusterID("test"), 1, 0)
	require.Equal(t, &want, poser.Learnt, "what the poser knew before")
}

// Strangers who pose as each member at each node, with all that they can know, end no
// process, keep no member out, and make none abstain: neither now nor after restarts.
// They know the cluster's name, and the status that clients see.
func TestPosersAreNotHeard(t *testing.T) {
	c := startCluster(t, 3)
	require.Equal(t, http.StatusOK, c.propose(1, "lifecycle/before", `{"to":"Running"}`).Status)
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 20 {
		for at := node.ID(1); at <= 3; at++ {
			for as := node.ID(1); as <= 3; as++ {
				if at != as {
					c.pose(random, at, as)
				}
			}
		}
		for id := node.ID(1); id <= 3; id++ {
			r := c.propose(id, fmt.Sprintf("lifecycle/m-%d-%d", round, id), `{"to":"Running"}`)
			require.Equal(t, http.StatusOK, r.Status, "node %d in round %d: %+v", id, round, r)
		}
	}
	for id := node.ID(1); id <= 3; id++ {
		c.stop(id)
		c.start(id)
		for as := node.ID(1); as <= 3; as++ { // before its peers have introduced themselves
			if as != id {
				c.pose(random, id, as)
			}
		}
		eventually(t, fmt.Sprintf("node %d is ready again", id), func() bool { return c.nodes[id].Status().Ready })
		r := c.propose(id, fmt.Sprintf("lifecycle/again-%d", id), `{"to":"Running"}`)
		require.Equal(t, http.StatusOK, r.Status, "%+v", r)
	}
	for id, s := range c.nodes {
		require.False(t, s.Status().Abstains, "node %d", id)
	}
}

// pose has a stranger say at a node, as another, what makes a node abstain, refuse the
// other or stop, if it is believed; and lies of all other kinds.
func (c *cluster) pose(random *rand.Rand, at, as node.ID) {
	life := random.Uint64()
	caller := c.call(at, as, server.ClusterID("test"), life)
	shown := c.shownStatus(at)
	lie := member.Memory{Incarnation: [16]byte{0xee, byte(random.Uint32())}, Boot: 1 << 40, Life: random.Uint64(), Position: 1 << 40}
	in := &member.Introduction{Incarnation: [16]byte{byte(random.Uint32()), 1}, Boot: shown.Boot + 1, Life: life, Stage: member.Formed, Cluster: formedID(c.t, shown)}
	for id := node.ID(1); id <= 3; id++ {
		in.Known = append(in.Known, member.Testimony{Of: at, By: id, Memory: lie}, member.Testimony{Of: id, By: as, Memory: lie})
	}
	messages := []node.Message{in}
	l := attacker.Liar{Members: []node.ID{1, 2, 3}, Incarnations: make([][16]byte, 3), Lives: make([]uint64, 3), ID: as, Victim: at, Accuses: true, Keys: []string{"lifecycle/before", "lifecycle/lie"}}
	for range 20 {
		messages = append(messages, l.Message(random))
	}
	require.NoError(c.t, caller.Send(messages...))
	time.Sleep(time.Millisecond)
	caller.Close()
}

// shownStatus returns the status that a node shows to clients.
func (c *cluster) shownStatus(id node.ID) (st httpapi.Status) {
	status, text := c.getText(id, "/v1/status")
	require.Equal(c.t, http.StatusOK, status)
	require.NoError(c.t, json.Unmarshal([]byte(text), &st))
	return st
}

func formedID(t testing.TB, st httpapi.Status) [16]byte {
	b, err := hex.DecodeString(st.Formed)
	require.NoError(t, err)
	return [16]byte(b)
}
