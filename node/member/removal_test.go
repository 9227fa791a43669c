package member_test

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/configuration"
	"github.com/lockstep-dst/lockstep/node/internal/tlv"
	"github.com/lockstep-dst/lockstep/node/member"
)

// One member that refuses another as removed, again and again, ends it neither before a
// change of members, nor during one, nor after it, nor in later lives.
func TestOneMembersRefusalEndsNobody(t *testing.T) {
	w := formed()
	x := &transcript{world: w}
	lie := func() {
		for range 50 {
			for id := 1; id < len(w.hosts); id++ {
				w.hosts[id].say(3, 3, &member.Removal{})
			}
			w.run(10 * time.Millisecond)
		}
	}
	lie()
	x.replay("joiner 4 1,2,3\nstart 4\nrun 1s\nchange 1 add 4 promote\n")
	lie()
	x.replay("run 5s\n")
	require.Equal(t, []node.ID{1, 2, 3, 4}, w.hosts[1].member.Configuration().Voters)
	lie()
	for id := 1; id <= 4; id++ {
		require.NotNil(t, w.hosts[id].member, "node %d has ended\n%s", id, w.output.String())
		w.hosts[id].crash()
		w.hosts[id].start()
		w.run(time.Second)
		lie()
		require.NotNil(t, w.hosts[id].member, "node %d has ended\n%s", id, w.output.String())
		require.True(t, w.hosts[id].member.Ready())
	}
	require.True(t, w.reads(1, "lifecycle/x"), w.output.String())
}

// The register keeps one configuration: their texts are long, and each is proposed for one version.
func TestRegisterKeepsOneConfiguration(t *testing.T) {
	x := &transcript{}
	x.replay("members 3\nquiet\nstart 1 2 3\nrun 1s\njoiner 4 1,2,3\nchange 1 add 4 promote\nstart 4\nrun 10s\n")
	for _, h := range x.hosts[1:] {
		held := h.member.Node().Inspect(configuration.Key)
		require.Len(t, held.Value.Window, 1)
		require.EqualValues(t, 4, held.Value.Version)
	}
}

// Half of the other voters are no majority, and of two voters the other one is one.
func TestRefusalsThatAreTooFew(t *testing.T) {
	x := &transcript{}
	x.replay("members 5\nquiet\nstart 1 2 3 4 5\nrun 1s\nrefuse 2 1 3\nrun 1s\n")
	require.NotNil(t, x.hosts[2].member, "two of four others")
	x.replay("refuse 2 1 3 4\nrun 1s\n")
	require.True(t, x.hosts[2].member == nil, "three of four others")
	x = &transcript{}
	x.replay("members 2\nquiet\nstart 1 2\nrun 1s\nrefuse 2 1\nrun 1s\n")
	require.True(t, x.hosts[2].member == nil, "the other one of two")
}

// A member that lies about the members is believed: a node that was away may be told the
// present ones by their only survivor. This is not closed (rule 13 of docs/PROTOCOL.md).
func TestAFalseConfigurationIsBelieved(t *testing.T) {
	w := formedBut3()
	c := &configuration.Configuration{Epoch: 9, Voters: []node.ID{3}, LastID: 3, Members: []configuration.Member{{ID: 3, Incarnation: configuration.Incarnation{3}}}}
	more := showing(c)
	for range 20 {
		w.hosts[1].say(3, 3, &member.Introduction{Incarnation: [16]byte{3}, Boot: 1, Life: 3, Position: 1 << 20, Stage: member.Formed, Cluster: w.hosts[1].clusterOf(), More: more})
		w.run(100 * time.Millisecond)
		if w.hosts[1].member == nil {
			break
		}
	}
	require.True(t, w.hosts[1].member == nil, "node 1 ends as one that was removed")
	require.NotNil(t, w.hosts[2].member)
}

// showing is the part of an introduction that shows a configuration.
func showing(c *configuration.Configuration) []byte {
	more := tlv.Append(nil, 3, binary.AppendUvarint(nil, uint64(c.Epoch)))
	for part := range slices.Chunk([]byte(c.Text()), 255) {
		more = tlv.Append(more, 2, part)
	}
	return more
}
