package server_test

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/node/server"
	"github.com/lockstep-dst/lockstep/node/watch"
)

// unpack extracts an archive of directories node-1, node-2 and so on into a
// cluster's directories.
func (c *cluster) unpack(path string) {
	c.t.Helper()
	f, err := os.Open(path)
	require.NoError(c.t, err)
	defer f.Close()
	plain, err := gzip.NewReader(f)
	require.NoError(c.t, err)
	parent := filepath.Dir(c.configs[1].Data)
	for archive := tar.NewReader(plain); ; {
		head, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(c.t, err)
		if head.Typeflag == tar.TypeDir {
			require.NoError(c.t, os.MkdirAll(filepath.Join(parent, head.Name), 0o700))
			continue
		}
		data, err := io.ReadAll(archive)
		require.NoError(c.t, err)
		require.NoError(c.t, os.WriteFile(filepath.Join(parent, head.Name), data, 0o600))
	}
}

// Directories of three nodes as the last version wrote them whose logs had no record
// of the cluster, and that kept a file of the peers' incarnations beside the log.
// Node 2 was in its second life. The cluster is taken for formed, and all machines
// are kept.
func TestDirectoriesOfLogVersion3(t *testing.T) {
	skipIfShort(t)
	c := newCluster(t, 3, withoutRepair, func(cfg *server.Config) { cfg.Cluster = "lockstep" })
	c.unpack("testdata/log-version-3.tar.gz")
	c.start(1)
	c.start(2)
	c.awaitAll() // a majority is enough: the cluster is formed
	require.Equal(t, watch.Machine{Key: "lifecycle/web", State: "Init", Version: 12, Serial: 12}, c.get(1, "lifecycle/web").Machine)
	c.start(3)
	c.awaitAll()

	formed := c.nodes[1].Status().Formed
	require.Len(t, formed, 32)
	for id, boot := range map[node.ID]uint64{1: 2, 2: 3, 3: 2} {
		st := c.nodes[id].Status()
		require.Equal(t, boot, st.Boot)
		require.Equal(t, "formed", st.Stage)
		require.Equal(t, formed, st.Formed, "it is that of the name")
		require.Equal(t, []node.ID{1, 2, 3}, st.Members)
		require.Equal(t, watch.Machine{Key: "lifecycle/web", State: "Init", Version: 12, Serial: 12}, c.get(id, "lifecycle/web").Machine)
		require.Equal(t, watch.Machine{Key: "lifecycle/api", State: "Stopped", Version: 2, Serial: 2}, c.get(id, "lifecycle/api").Machine)
		require.Equal(t, watch.Machine{Key: "coin/c", State: "(retired)", Version: 2, Serial: 2}, c.get(id, "coin/c").Machine)
		require.FileExists(t, filepath.Join(c.configs[id].Data, "peers.json"))
	}
	again := c.propose(3, "lifecycle/api", `{"to":"Stopped","operation":"mine","attempt":2,"retry":true}`)
	require.Equal(t, uint64(2), again.Version, "what was done is not done twice")
	require.Equal(t, http.StatusOK, c.propose(2, "coin/d", `{"to":"tails"}`).Status, "its definition is known")
	w := c.watch(1, "key=lifecycle/web&from=9")
	w.expect("lifecycle/web is Init v9", "lifecycle/web Init>Running v10", "lifecycle/web Running>Stopped v11", "lifecycle/web Stopped>Init v12")
	w.close()

	// From now on they remember each other as nodes of new clusters do.
	c.awaitLifeRemembered(3)
	c.stop(3)
	c.restore(3, "")
	c.start(3)
	require.ErrorIs(t, c.awaitFailure(3), member.ErrAmnesia)
	c.undoRestore(3)
	c.start(3)
	c.awaitAll()
}
