package server_test

import (
	"bytes"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/files"
	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/node/server"
	"github.com/lockstep-dst/lockstep/node/tcp/tcptest"
	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/lockstep-dst/lockstep/node/wire"
)

// awaitFailure waits until a node has stopped by itself, and returns the reason.
func (c *cluster) awaitFailure(id node.ID) error {
	c.t.Helper()
	s := c.nodes[id]
	select {
	case <-s.Done():
	case <-time.After(testTimeout):
		require.FailNow(c.t, "it goes on", "%+v", s.Status())
	}
	delete(c.nodes, id)
	return s.Err()
}

// awaitStatus waits until a node's status satisfies a condition.
func (c *cluster) awaitStatus(id node.ID, what string, is func(httpapi.Status) bool) httpapi.Status {
	c.t.Helper()
	var st httpapi.Status
	eventually(c.t, fmt.Sprintf("node %d %s", id, what), func() bool {
		st = c.nodes[id].Status()
		return is(st)
	})
	return st
}

// backup copies the directory of a node that is down.
func (c *cluster) backup(id node.ID) (path string) {
	c.t.Helper()
	path = c.configs[id].Data + "-backup"
	require.NoError(c.t, os.CopyFS(path, os.DirFS(c.configs[id].Data)))
	return path
}

// restore replaces the directory of a node. The node's own is kept for undoRestore.
func (c *cluster) restore(id node.ID, path string) {
	c.t.Helper()
	require.NoError(c.t, os.Rename(c.configs[id].Data, c.configs[id].Data+"-away"))
	if path != "" {
		require.NoError(c.t, os.Rename(path, c.configs[id].Data))
	}
}

// undoRestore puts a node's own directory back.
func (c *cluster) undoRestore(id node.ID) {
	c.t.Helper()
	require.NoError(c.t, os.RemoveAll(c.configs[id].Data))
	require.NoError(c.t, os.Rename(c.configs[id].Data+"-away", c.configs[id].Data))
}

// awaitLifeRemembered moves the machine at a node until all other running nodes have
// received a commit from it. From then on they durably remember the life that
// proposed it. It returns the machine's version.
func (c *cluster) awaitLifeRemembered(id node.ID) (version uint64) {
	c.t.Helper()
	c.awaitAll()
	next := map[string]string{"Init": "Running", "Running": "Stopped", "Stopped": "Init"}
	eventually(c.t, fmt.Sprintf("all hear node %d", id), func() bool {
		now := c.propose(id, "lifecycle/web", fmt.Sprintf(`{"to":%q}`, next[c.get(id, "lifecycle/web").State]))
		version = now.Version
		time.Sleep(20 * time.Millisecond)
		for other := range c.nodes {
			if c.request(other, "GET", "/v1/machines/lifecycle/web?consistency=local", "").Version != version {
				return false
			}
		}
		return now.Status == http.StatusOK
	})
	return version
}

// withoutRepair disables repair: a node learns of a machine only from its proposers.
func withoutRepair(cfg *server.Config) { cfg.Node.RepairDelay = time.Hour }

// A node that comes back without its log, or with an older copy of it, has lost
// promises. When a majority testifies to that, it stops; the others go on serving.
// With its own log it is admitted again.
func TestNodeThatLostItsLogEnds(t *testing.T) {
	skipIfShort(t)
	for name, older := range map[string]bool{"its directory was wiped or replaced": false, "its directory is an older copy": true} {
		t.Run(name, func(t *testing.T) {
			c := startCluster(t, 3, withoutRepair)
			c.awaitLifeRemembered(3)
			c.stop(3)
			copied := ""
			if older {
				copied = c.backup(3)
			}
			c.start(3)
			c.awaitLifeRemembered(3)
			c.stop(3)
			c.restore(3, copied)
			c.start(3)
			err := c.awaitFailure(3)
			require.ErrorIs(t, err, member.ErrAmnesia)
			require.ErrorIs(t, err, node.ErrStopped)
			require.ErrorContains(t, err, name)
			require.ErrorContains(t, err, "It cannot take part again with this directory")
			version := c.awaitLifeRemembered(2) // the others go on serving
			for _, id := range []node.ID{1, 2} {
				st := c.nodes[id].Status()
				require.True(t, st.Ready)
				require.False(t, st.Abstains)
			}

			c.undoRestore(3)
			c.start(3)
			c.awaitAll()
			require.Equal(t, version, c.get(3, "lifecycle/web").Version)
		})
	}
}

// One testimony does not stop a node, and is not ignored. Until the dispute is
// settled the node abstains, serves nothing from its log, and responds to every
// request with the reason.
func TestNodeThatIsDisputedAbstains(t *testing.T) {
	skipIfShort(t)
	c := startCluster(t, 3, withoutRepair, func(cfg *server.Config) { cfg.Node.ConsensusTimeout = 500 * time.Millisecond })
	c.awaitLifeRemembered(3)
	c.stop(3)
	copied := c.backup(3)
	c.start(3)
	version := c.awaitLifeRemembered(3)
	for id := range c.configs {
		c.stop(id)
	}
	c.restore(3, copied)

	c.start(3) // alone it cannot know
	st := c.awaitStatus(3, "is of the cluster", func(st httpapi.Status) bool { return st.Stage == "formed" })
	require.False(t, st.Abstains)
	w := c.watch(3, "prefix=lifecycle/")
	c.start(1)
	st = c.awaitStatus(3, "abstains", func(st httpapi.Status) bool { return st.Abstains })
	require.False(t, st.Ready)
	for e := w.next(); ; e = w.next() {
		if e.End != nil {
			require.Equal(t, "abstains", e.End.Code)
			require.Contains(t, e.End.Text, "resume from the last version at another")
			break
		}
	}
	const why = "it abstains: its directory is an older copy, and its promises since are lost (node 1 remembers another log: see"
	require.Contains(t, st.Reason, why)
	status, text := c.getText(3, "/readyz")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Contains(t, text, why)
	require.EqualValues(t, 1, c.metrics(3)["lockstep_abstaining"])
	require.EqualValues(t, 1, c.metrics(3)["lockstep_formed"])
	require.Zero(t, c.metrics(3)["lockstep_ready"])

	const web = "/v1/machines/lifecycle/web"
	for _, x := range []struct{ method, path, body, outcome string }{
		{"GET", web, "", "rejected"},
		{"GET", web + "?consistency=local", "", "rejected"},
		{"POST", web + "/transitions", `{"to":"Stopped"}`, "rejected"},
		{"POST", web + "/transitions", `{"to":"Stopped","operation":"mine","first":true}`, "rejected"},
		{"POST", web + "/transitions", `{"to":"Stopped","operation":"mine"}`, "unknown"},
		{"POST", web + "/transitions", `{"to":"Stopped","operation":"mine","attempt":2,"retry":true}`, "unknown"},
		{"POST", "/v1/definitions", lampText, "rejected"},
		{"GET", "/v1/machines", "", "rejected"},
		{"GET", "/v1/machines?consistency=linearizable", "", "rejected"},
		{"GET", "/v1/watch?prefix=", "", "rejected"},
		{"GET", "/v1/watch?key=lifecycle/web", "", "rejected"},
	} {
		a := c.request(3, x.method, x.path, x.body)
		require.Equal(t, http.StatusServiceUnavailable, a.Status, x.path)
		require.Equal(t, "abstains", a.Error.Code, x.path)
		require.Equal(t, x.outcome, a.Outcome, x.path)
		require.Contains(t, a.Error.Text, "this node takes no part, and others may: "+why, x.path)
	}
	peer := c.awaitStatus(1, "refuses node 3", func(st httpapi.Status) bool { return st.Peers[1].Error != "" }).Peers[1]
	require.Contains(t, peer.Error, "its directory is an older copy")
	require.Equal(t, "timeout", c.get(1, "lifecycle/web").Error.Code, "nodes 1 and 3 are no majority now")
	status, text = c.getText(1, "/readyz")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Contains(t, text, "it reaches 1 of 3 members, itself included, and needs 2")

	c.stop(3) // its next life goes on from this log
	c.stop(1)
	c.start(3)
	st = c.awaitStatus(3, "abstains", func(st httpapi.Status) bool { return st.Abstains })
	require.Contains(t, st.Reason, why)

	c.start(1)
	c.start(2)
	require.ErrorIs(t, c.awaitFailure(3), member.ErrAmnesia, "two of three say so")
	c.awaitAll()
	require.Equal(t, version, c.get(1, "lifecycle/web").Version)
}

// A file that earlier versions kept beside the log, and that could stop a healthy
// node, is neither read nor written.
func TestFileOfPeersIsIgnored(t *testing.T) {
	c := startCluster(t, 3)
	path := c.configs[1].Data + "/peers.json"
	require.NoFileExists(t, path)
	for _, text := range []string{`{"2":`, `{"2":"00000000000000000000000000000000","3":"11111111111111111111111111111111"}`} {
		c.stop(1)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		c.start(1)
		c.awaitAll()
		now, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, text, string(now))
	}
}

// A cluster does not form before all members are up. The nodes report the missing
// members, and reject clients. When all are up they serve.
func TestClusterFormsWhenAllAreThere(t *testing.T) {
	c := newCluster(t, 3, func(cfg *server.Config) { cfg.Node.ConsensusTimeout = 200 * time.Millisecond })
	c.start(1)
	c.start(2)
	st := c.awaitStatus(1, "has heard of node 2", func(st httpapi.Status) bool { return !strings.Contains(st.Reason, "node 2") })
	require.False(t, st.Ready)
	require.Equal(t, "empty", st.Stage)
	require.Empty(t, st.Formed)
	require.Equal(t, []node.ID{1, 2, 3}, st.Members)
	const why = "the cluster is not formed: node 3 has not introduced itself, and all members must"
	require.Contains(t, st.Reason, why)
	status, text := c.getText(1, "/readyz")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Contains(t, text, why)
	require.Zero(t, c.metrics(1)["lockstep_formed"])
	require.Zero(t, c.metrics(1)["lockstep_abstaining"])
	for path, body := range map[string]string{"": "", "?consistency=local": "", "/transitions": `{"to":"Running"}`} {
		method := map[bool]string{true: "GET", false: "POST"}[body == ""]
		a := c.request(1, method, "/v1/machines/lifecycle/web"+path, body)
		require.Equal(t, http.StatusServiceUnavailable, a.Status, path)
		require.Equal(t, "abstains", a.Error.Code, path)
		require.Equal(t, "rejected", a.Outcome, path)
		require.Contains(t, a.Error.Text, why, path)
	}
	a := c.propose(1, "lifecycle/web", `{"to":"Running","operation":"mine","attempt":2,"retry":true}`)
	require.Equal(t, "unknown", a.Outcome, "an earlier attempt may have been made at another, of a cluster that is formed")

	c.stop(2) // a new life waits again for a member that it does not reach
	c.stop(1)
	c.start(1)
	c.start(3)
	c.awaitStatus(1, "waits for node 2", func(st httpapi.Status) bool {
		return strings.Contains(st.Reason, "node 2 has not introduced itself") && !strings.Contains(st.Reason, "node 3 has")
	})
	c.start(2)
	c.awaitAll()
	formed := c.nodes[1].Status().Formed
	require.NotEmpty(t, formed)
	for id := range c.nodes {
		require.Equal(t, formed, c.nodes[id].Status().Formed)
		require.EqualValues(t, 1, c.metrics(id)["lockstep_formed"])
	}
	require.Equal(t, http.StatusOK, c.propose(1, "lifecycle/web", `{"to":"Running"}`).Status)
}

// Two wiped nodes do not form a cluster of their own while the third is down.
func TestWipedNodesFormNoCluster(t *testing.T) {
	c := startCluster(t, 3, func(cfg *server.Config) { cfg.Node.ConsensusTimeout = 200 * time.Millisecond })
	c.propose(1, "lifecycle/web", `{"to":"Running"}`)
	for id := range c.configs {
		c.stop(id)
	}
	c.restore(1, "")
	c.restore(2, "")
	c.start(1)
	c.start(2)
	c.awaitStatus(1, "waits for node 3", func(st httpapi.Status) bool {
		return strings.Contains(st.Reason, "node 3 has not introduced itself") && !strings.Contains(st.Reason, "node 2")
	})
	require.Equal(t, "abstains", c.get(1, "lifecycle/web").Error.Code)
	c.start(3)
	st := c.awaitStatus(1, "is told by node 3", func(st httpapi.Status) bool { return st.Abstains })
	require.Contains(t, st.Reason, "its directory was wiped or replaced")
	require.Equal(t, "empty", st.Stage)
	require.NotEqual(t, http.StatusOK, c.get(3, "lifecycle/web").Status)
	for _, id := range []node.ID{1, 2, 3} {
		c.stop(id)
	}
	c.undoRestore(1)
	c.undoRestore(2)
	for id := range c.configs {
		c.start(id)
	}
	c.awaitAll()
	require.Equal(t, uint64(1), c.get(1, "lifecycle/web").Version, "nothing is lost")
}

// Nodes that were started with different members reject each other, with a text, and
// are not bound by that: started with the same members, they form their cluster.
func TestDifferentMembers(t *testing.T) {
	c := newCluster(t, 3)
	same := c.configs[2].Peers
	c.configs[2].Peers = maps.Clone(same)
	c.configs[2].Peers[4] = tcptest.Address(t)
	for id := range c.configs {
		c.start(id)
	}
	for id, says := range map[node.ID]string{
		1: "node 2 is refused: it was started for members 1 2 3 4, and this node for 1 2 3: give all the same",
		2: "node 3 is refused: it was started for members 1 2 3, and this node for 1 2 3 4: give all the same",
	} {
		st := c.awaitStatus(id, "says so", func(st httpapi.Status) bool { return strings.Contains(st.Reason, says) })
		require.Equal(t, "empty", st.Stage)
	}
	c.stop(2)
	c.configs[2].Peers = same
	c.start(2)
	c.awaitAll()
	require.Equal(t, http.StatusOK, c.propose(2, "lifecycle/web", `{"to":"Running"}`).Status)
}

// failAtSync is a disk on which the n-th sync and all later ones fail. If bound is
// not nil, it fails instead the sync that makes the node bound to a cluster, after
// bound is closed.
type failAtSync struct {
	files.Executor
	left  atomic.Int64
	bound chan struct{}
}

func (f *failAtSync) Execute(r *wal.DiskRequest) error {
	if r.Op == wal.Write && f.bound != nil && bytes.Contains(r.Data, []byte("#!cluster")) {
		<-f.bound
		f.bound = nil
		f.left.Store(1)
	}
	if r.Op == wal.Sync && f.left.Add(-1) <= 0 {
		return fmt.Errorf("sync %s: no more", r.File)
	}
	return f.Executor.Execute(r)
}

// A node may stop at any point of forming a cluster. When it is back, forming goes
// on, also if all others have stopped meanwhile.
func TestFormationResumes(t *testing.T) {
	skipIfShort(t)
	const never = 1 << 40
	for n := int64(0); n <= 6; n++ {
		t.Run(fmt.Sprintf("sync %d", n), func(t *testing.T) {
			disk := &failAtSync{}
			disk.left.Store(n)
			if n == 0 {
				disk.left.Store(never)
				disk.bound = make(chan struct{})
			}
			bound := disk.bound
			c := newCluster(t, 3, func(cfg *server.Config) {
				if cfg.Node.ID == 3 {
					cfg.Disk = func(e files.Executor) files.Executor { disk.Executor = e; return disk }
				}
			})
			c.start(1)
			c.start(2)
			if s, err := server.Start(*c.configs[3]); err != nil {
				require.ErrorContains(t, err, "no more")
			} else {
				c.nodes[3] = s
				if n == 0 { // node 3 is not durably bound, and the others wait for it
					st := c.awaitStatus(1, "is bound", func(st httpapi.Status) bool { return st.Stage == "bound" })
					require.False(t, st.Ready)
					close(bound)
				} else {
					c.propose(1, "lifecycle/web", `{"to":"Running"}`) // after the forming, so that there is more to sync
				}
				require.ErrorContains(t, c.awaitFailure(3), "no more")
			}
			if n%2 == 0 {
				c.stop(1)
				c.stop(2)
				c.start(2)
				c.start(1)
			}
			disk.left.Store(never)
			c.start(3)
			c.awaitAll()
			require.Contains(t, []int{http.StatusOK, http.StatusConflict}, c.propose(3, "lifecycle/web", `{"to":"Running"}`).Status)
			require.Equal(t, uint64(1), c.get(1, "lifecycle/web").Version)
		})
	}
}

// blockFirstSync is a disk on which the first sync blocks.
type blockFirstSync struct {
	files.Executor
	blocked, release chan struct{}
	once             sync.Once
}

func (h *blockFirstSync) Execute(r *wal.DiskRequest) error {
	if r.Op == wal.Sync {
		h.once.Do(func() { close(h.blocked) })
		<-h.release
	}
	return h.Executor.Execute(r)
}

// A node neither dials its peers nor responds to them before its life is durable.
// Otherwise they would remember a life that a power loss takes back.
func TestNoContactBeforeLifeIsDurable(t *testing.T) {
	disk := &blockFirstSync{blocked: make(chan struct{}), release: make(chan struct{})}
	release := sync.OnceFunc(func() { close(disk.release) })
	t.Cleanup(release)
	c := newCluster(t, 2, func(cfg *server.Config) {
		cfg.Disk = func(e files.Executor) files.Executor { disk.Executor = e; return disk }
	})
	peer, err := net.Listen("tcp", c.configs[1].Peers[2])
	require.NoError(t, err)
	defer peer.Close()
	started := make(chan *server.Server, 1)
	go func() {
		s, err := server.Start(*c.configs[1])
		if err != nil {
			t.Error(err)
		}
		started <- s
	}()
	<-disk.blocked
	nc, err := net.Dial("tcp", c.configs[1].Peers[1])
	require.NoError(t, err)
	defer nc.Close()
	hello, err := wire.AppendFrame(nil, wire.AppendHello(nil, wire.Hello{Protocol: wire.Protocol, Oldest: wire.OldestProtocol,
		Cluster: server.ClusterID("test"), Node: 2, Life: 2, Epoch: 1, Codec: "cbor"}))
	require.NoError(t, err)
	_, err = nc.Write(hello)
	require.NoError(t, err)
	soon := time.Now().Add(300 * time.Millisecond) // enough for a node that would make contact
	require.NoError(t, nc.SetReadDeadline(soon))
	_, err = nc.Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded, "it answers")
	require.NoError(t, peer.(*net.TCPListener).SetDeadline(soon))
	_, err = peer.Accept()
	require.ErrorIs(t, err, os.ErrDeadlineExceeded, "it dials")
	select {
	case <-started:
		require.FailNow(t, "it has started")
	default:
	}

	release()
	c.nodes[1] = <-started
	later := time.Now().Add(testTimeout)
	require.NoError(t, nc.SetReadDeadline(later))
	_, err = nc.Read(make([]byte, 1))
	require.NoError(t, err)
	require.NoError(t, peer.(*net.TCPListener).SetDeadline(later))
	dialled, err := peer.Accept()
	require.NoError(t, err)
	_ = dialled.Close()
}
