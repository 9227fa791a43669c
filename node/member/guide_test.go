package member_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/configuration"
	"github.com/lockstep-dst/lockstep/node/member"
)

// A guide is heard if it shows a later configuration of this cluster: not in the name of
// another cluster, nor of one that is not formed. A node that was not named is not heard.
func TestWhoIsHeardAsAGuide(t *testing.T) {
	later := &configuration.Configuration{Epoch: 9, Voters: []node.ID{1, 7}, LastID: 7, Members: []configuration.Member{
		{ID: 1, Incarnation: configuration.Incarnation{1}}, {ID: 7, Incarnation: configuration.Incarnation{7}},
	}}
	for name, c := range map[string]struct {
		named, from node.ID
		stage       member.Stage
		other       bool // cluster
		heard       bool
	}{
		"a guide":                           {named: 7, from: 7, stage: member.Formed, heard: true},
		"a guide that is no member itself":  {named: 9, from: 9, stage: member.Formed, heard: true},
		"a guide of another cluster":        {named: 7, from: 7, stage: member.Formed, other: true},
		"a guide whose cluster is not made": {named: 7, from: 7, stage: member.Bound},
		"a stranger":                        {named: 7, from: 8, stage: member.Formed},
		"one that has left":                 {named: 2, from: 7, stage: member.Formed},
	} {
		w := formed()
		w.hosts[1].member.Meet(c.named)
		cluster := w.hosts[1].clusterOf()
		if c.other {
			cluster[0]++
		}
		w.hosts[1].say(c.from, 7, &member.Introduction{Incarnation: [16]byte{7}, Boot: 1, Life: 7, Stage: c.stage, Cluster: cluster, More: showing(later)})
		require.Equal(t, c.heard, w.hosts[1].member.Epoch() == later.Epoch, name)
	}
}

// A configuration that has another log of this node is none of this cluster.
func TestConfigurationOfAnotherLogIsNotTaken(t *testing.T) {
	for own, taken := range map[byte]bool{1: true, 0xee: false} {
		w := formed()
		w.hosts[1].member.Meet(7)
		c := &configuration.Configuration{Epoch: 9, Voters: []node.ID{1, 7}, LastID: 7, Members: []configuration.Member{
			{ID: 1, Incarnation: configuration.Incarnation{own}}, {ID: 7, Incarnation: configuration.Incarnation{7}},
		}}
		w.hosts[1].say(7, 7, &member.Introduction{Incarnation: [16]byte{7}, Boot: 1, Life: 7, Stage: member.Formed, Cluster: w.hosts[1].clusterOf(), More: showing(c)})
		require.Equal(t, taken, w.hosts[1].member.Epoch() == c.Epoch, own)
	}
}

// A guide may be out of date itself: others that are named beside it are heard after it.
func TestGuideThatIsOutOfDate(t *testing.T) {
	w := formed()
	h := w.hosts[1]
	h.member.Meet(7)
	h.member.Meet(12)
	say := func(from node.ID, epoch uint32, ids ...node.ID) {
		c := &configuration.Configuration{Epoch: epoch, Voters: ids, LastID: ids[len(ids)-1]}
		for _, id := range ids {
			c.Members = append(c.Members, configuration.Member{ID: id, Incarnation: configuration.Incarnation{byte(id)}})
		}
		h.say(from, uint64(from), &member.Introduction{Incarnation: [16]byte{byte(from)}, Boot: 1, Life: uint64(from), Stage: member.Formed, Cluster: h.clusterOf(), More: showing(c)})
		require.Equal(t, epoch, h.member.Epoch())
	}
	say(7, 9, 1, 7, 8)
	say(12, 20, 1, 11, 12)
}

// A node that its guide refuses as a former member ends, and only a guide's word is enough.
func TestGuideSaysThatTheNodeWasRemoved(t *testing.T) {
	x := &transcript{}
	x.replay("members 3\nquiet\nstart 1 2 3\nrun 1s\njoiner 4 1,2,3\njoiner 5 1,2,3\nmeet 1 4\nrefuse 1 5\nrun 1s\n")
	require.NotNil(t, x.hosts[1].member)
	x.replay("refuse 1 4\nrun 1s\n")
	require.True(t, x.hosts[1].member == nil)
}

// Before its life is durable a node asks no guide, and waits for its disk.
func TestGuidesWaitForTheLife(t *testing.T) {
	x := &transcript{}
	x.replay("members 3\nquiet\nstart 1 2 3\nrun 1s\ncrash 1\nslow 1\nstart 1\n")
	for h := x.hosts[1]; h.member.Status().Stage != member.Formed; {
		h.syncSome(1)
	}
	require.False(t, x.hosts[1].member.LifeDurable())
	x.replay("meet 1 9\nrun 1s\n")
	require.LessOrEqual(t, len(x.hosts[1].timers), 2, "no timer after the other")
}

// A node asks a guide less and less often, and no more once it has answered, be it that it
// knows no later configuration.
func TestGuidesAreAskedUntilTheyAnswer(t *testing.T) {
	x := &transcript{}
	x.replay("members 3\nquiet\nstart 1 2 3\nrun 1s\njoiner 4 1,2,3\n")
	asked := func(d string) int {
		before := x.introductions
		x.replay("run " + d + "\n")
		return x.introductions - before
	}
	require.Zero(t, asked("1m"), "all is said")
	x.replay("meet 1 1 2 3\n")
	require.Zero(t, asked("1m"), "it knows them")
	x.replay("meet 1 4 4\n") // it is down
	first, later := asked("1m"), asked("1m")
	require.Greater(t, first, 4)
	require.LessOrEqual(t, later, 1)
	x.hosts[1].say(4, 4, &member.Introduction{Incarnation: [16]byte{4}, Boot: 1, Life: 4, Stage: member.Formed, Cluster: x.hosts[1].clusterOf()})
	x.run(time.Second)
	require.Zero(t, asked("1h"))
}
