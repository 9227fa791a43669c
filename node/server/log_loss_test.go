package server_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/node/server"
)

// The power fails at a busy node, which loses the mark that it had written and not yet
// synced, and its disk loses the records after the mark that was: transitions that
// clients were told of. The log alone takes that for a torn tail. The peers remember
// that the log was longer: the node ends.
func TestALossBehindTheMarkIsKnownToPeers(t *testing.T) {
	c := startCluster(t, 3, withoutRepair)
	c.awaitLifeRemembered(3)
	path := c.configs[3].Data
	const segment, mark = "wal-0000000000000001", "wal-mark"
	early := snapshot(t, path)

	time.Sleep(1200 * time.Millisecond) // memories of a position are written a second later
	c.awaitLifeRemembered(1)            // node 3 says in its acknowledgments how far its log is
	told := c.awaitLifeRemembered(1)
	late := snapshot(t, path)
	c.stop(3)

	end := len(early[segment])
	for early[segment][end-1] == 0 {
		end--
	}
	require.NotEqual(t, early[segment][end:], late[segment][end:])
	clear(late[segment][end:])
	late[mark] = early[mark]
	lost, refused := recoverMember(t, c.configs[3], late)
	require.False(t, refused, "alone it cannot know")
	require.Less(t, lost, told, "transitions that clients were told of are lost")

	for name, data := range late {
		require.NoError(t, os.WriteFile(filepath.Join(path, name), data, 0o600))
	}
	c.start(3)
	eventually(t, "it abstains, or has ended if both others told it", func() bool {
		select {
		case <-c.nodes[3].Done():
			require.ErrorIs(t, c.nodes[3].Err(), member.ErrAmnesia)
			return true
		default:
			return c.nodes[3].Status().Abstains
		}
	})
	a := c.get(1, "lifecycle/web")
	require.Equal(t, http.StatusOK, a.Status)
	require.Equal(t, told, a.Version, "the others have it")
}

// recoverMember is recoverNode for a member of three.
func recoverMember(t *testing.T, c *server.Config, d directory) (version uint64, refused bool) {
	t.Helper()
	cfg := node.Defaults()
	cfg.ID, cfg.Members, cfg.Cluster = c.Node.ID, []node.ID{1, 2, 3}, server.ClusterID(c.Cluster)
	n, err := node.New(cfg)
	require.NoError(t, err)
	if _, err = n.Step(0, node.Event{Kind: node.Boot, Dir: d, Incarnation: [16]byte{1}}); err != nil {
		return 0, true
	}
	if v := n.Inspect("lifecycle/web").Value; v != nil {
		version = v.Version
	}
	return version, false
}
