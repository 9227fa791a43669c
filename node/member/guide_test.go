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
