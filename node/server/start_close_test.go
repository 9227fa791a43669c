package server_test

import (
	"context"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/files"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/node/server"
	"github.com/lockstep-dst/lockstep/node/tcp/tcptest"
	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/lockstep-dst/lockstep/node/watch"
)

// A request that arrives while the node starts is served when the node is ready.
func TestRequestWhileStarting(t *testing.T) {
	c := newCluster(t, 1)
	for n := range 20 {
		c.start(1)
		require.Equal(t, http.StatusOK, c.get(1, "lifecycle/web").Status, "life %d", n+1)
		c.stop(1)
	}
}

// A node that is closed completes the pending requests, and accepts no more.
func TestCloseAnswersPendingRequests(t *testing.T) {
	c := startThenStopOthers(t, 3, []node.ID{1}, func(cfg *server.Config) { cfg.Node.ConsensusTimeout = 500 * time.Millisecond })
	s := c.nodes[1]
	answered := make(chan response, 1)
	go func() {
		a, err := c.tryRequest(1, "POST", "/v1/machines/lifecycle/web/transitions", `{"to":"Running"}`)
		if err != nil {
			t.Error(err)
		}
		answered <- a
	}()
	eventually(t, "the node has the proposal", func() bool { return c.metrics(1)["lockstep_proposals_total"] == 1 })
	address := s.HTTPAddr().String()
	c.stop(1)
	require.NoError(t, s.Err(), "it was asked to")
	select {
	case a := <-answered:
		require.Equal(t, "timeout", a.Error.Code)
	case <-time.After(testTimeout):
		require.FailNow(t, "no answer")
	}
	_, err := net.Dial("tcp", address)
	require.Error(t, err)
}

// If there is no time to wait, the outcome of a pending request is unknown, or its
// connection ends.
func TestCloseWithExpiredContext(t *testing.T) {
	c := startThenStopOthers(t, 3, []node.ID{1}, func(cfg *server.Config) { cfg.Node.ConsensusTimeout = time.Hour })
	s := c.nodes[1]
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		a, err := c.tryRequest(1, "POST", "/v1/machines/lifecycle/web/transitions", `{"to":"Running"}`)
		if err == nil && (a.Outcome != "unknown" || a.Error.Code != "stopping") {
			t.Errorf("%+v", a)
		}
	}()
	eventually(t, "the node has the proposal", func() bool { return c.metrics(1)["lockstep_proposals_total"] == 1 })
	at, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, s.Close(at))
	<-ended
	delete(c.nodes, 1)
}

// Acknowledged transitions are there after all nodes have stopped and restarted.
func TestRestartKeepsState(t *testing.T) {
	c := startCluster(t, 3)
	c.propose(1, "lifecycle/web", `{"to":"Running","operation":"op-1"}`)
	c.propose(2, "lifecycle/web", `{"to":"Stopped"}`)
	was := c.nodes[1].Status()
	for id := range c.configs {
		c.stop(id)
	}
	for id := range c.configs {
		c.start(id)
	}
	c.awaitAll()
	now := c.nodes[1].Status()
	require.Equal(t, uint64(2), now.Boot)
	require.Equal(t, was.Incarnation, now.Incarnation)
	require.Equal(t, watch.Machine{Key: "lifecycle/web", State: "Stopped", Version: 2, Serial: 2}, c.get(3, "lifecycle/web").Machine)
	again := c.propose(2, "lifecycle/web", `{"to":"Running","operation":"op-1","attempt":2,"retry":true}`)
	require.Equal(t, watch.Machine{Key: "lifecycle/web", State: "Running", Version: 1, Serial: 1}, again.Machine)
}

// A failure to start is reported with the remedy, and leaves nothing behind.
func TestStartFails(t *testing.T) {
	c := startCluster(t, 3)
	c.stop(2)
	fails := func(change func(*server.Config)) error {
		cfg := *c.configs[2]
		change(&cfg)
		err := startRefused(t, cfg)
		require.Error(t, err)
		return err
	}

	err := fails(func(cfg *server.Config) { cfg.Data = c.configs[1].Data })
	require.ErrorIs(t, err, files.ErrLocked)
	require.ErrorContains(t, err, c.configs[1].Data)
	err = fails(func(cfg *server.Config) { cfg.Node.ID = 3 })
	require.ErrorContains(t, err, c.configs[2].Data, "the directory of another node")
	err = fails(func(cfg *server.Config) { cfg.Cluster = "another" })
	require.ErrorContains(t, err, c.configs[2].Data, "the directory of another cluster")
	err = fails(func(cfg *server.Config) { cfg.Listen = c.configs[1].Peers[1] })
	require.ErrorContains(t, err, "listen for peers")
	require.ErrorContains(t, err, "stop the other process or choose another port")
	err = fails(func(cfg *server.Config) { cfg.HTTP = c.nodes[1].HTTPAddr().String() })
	require.ErrorContains(t, err, "listen for clients")
	require.ErrorContains(t, err, "stop the other process or choose another port")
	err = fails(func(cfg *server.Config) { cfg.HTTP = "nowhere" })
	require.ErrorContains(t, err, "nowhere")

	err = fails(func(cfg *server.Config) { cfg.Codec = "xml" })
	require.ErrorIs(t, err, server.ErrConfig)
	require.ErrorContains(t, err, "xml")
	err = fails(func(cfg *server.Config) { cfg.Node.ID = 9 })
	require.ErrorIs(t, err, server.ErrConfig)
	require.ErrorIs(t, err, node.ErrConfig)
	err = fails(func(cfg *server.Config) { cfg.Node.ResendTimeout = 0 })
	require.ErrorIs(t, err, server.ErrConfig)
	require.ErrorContains(t, err, "resend timeout")
	require.Error(t, fails(func(cfg *server.Config) { cfg.Data = "" }))
	err = fails(func(cfg *server.Config) {
		cfg.Peers = maps.Clone(cfg.Peers)
		cfg.Peers[4], cfg.Peers[5] = tcptest.Address(t), tcptest.Address(t)
	})
	require.ErrorIs(t, err, member.ErrMembers)
	require.NotErrorIs(t, err, server.ErrNodeFailed, "nothing has begun")
	require.ErrorContains(t, err, c.configs[2].Data)
	require.ErrorContains(t, err, "its log is of a cluster of members 1 2 3, and it was started for 1 2 3 4 5: start it with the members of its log")

	c.start(2) // its directory and its ports are free
	c.awaitAll()
}

// A start that fails for its settings or addresses leaves no directory, so that the number
// of the node can be corrected.
func TestFailedStartLeavesNoLog(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	for name, x := range map[string]struct {
		change func(*server.Config)
		want   string
	}{
		"exposed":        {func(cfg *server.Config) { cfg.HTTP = "0.0.0.0:0" }, "other hosts can reach this address"},
		"peers' port":    {func(cfg *server.Config) { cfg.Listen = taken.Addr().String() }, "listen for peers"},
		"clients' port":  {func(cfg *server.Config) { cfg.HTTP = taken.Addr().String() }, "listen for clients"},
		"port":           {func(cfg *server.Config) { cfg.Peers = map[node.ID]string{1: "127.0.0.1:99999"} }, "address of node 1"},
		"own name":       {func(cfg *server.Config) { cfg.Peers = map[node.ID]string{1: "nohost.invalid:1"} }, "nohost.invalid"},
		"cluster's name": {func(cfg *server.Config) { cfg.Cluster = "a\n" }, "63 letters"},
		"number": {func(cfg *server.Config) {
			cfg.Node.ID, cfg.Peers = 2000, map[node.ID]string{2000: "127.0.0.1:0"}
		}, "node 2000: want numbers of nodes of 1 to 1023"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, 1)
			cfg := *c.configs[1]
			x.change(&cfg)
			require.ErrorContains(t, startRefused(t, cfg), x.want)
			require.NoDirExists(t, cfg.Data)
		})
	}
}

// Earlier builds took any name of a cluster: a log that exists goes on with it.
func TestClusterNameOfAnEarlierLog(t *testing.T) {
	c := newCluster(t, 1, func(cfg *server.Config) { cfg.Cluster = "two words" })
	cfg := *c.configs[1]
	require.ErrorIs(t, cfg.Validate(), server.ErrConfig)
	require.NoError(t, os.MkdirAll(cfg.Data, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(cfg.Data, "wal-0000000000000001"), nil, 0o600))
	require.NoError(t, cfg.Validate())
}

// The form that a log has is told at the start, and that a wish for another one is none.
func TestLogFormIsTold(t *testing.T) {
	var log *logBuffer
	c := newCluster(t, 1, func(cfg *server.Config) { cfg.Node.LogForm = wal.FormWhole })
	for _, x := range []struct {
		form wal.Form
		told string
		warn bool
	}{{wal.FormWhole, "whole", false}, {wal.FormAuto, "whole", false}, {wal.FormIncremental, "incremental", false}, {wal.FormWhole, "incremental", true}} {
		log = &logBuffer{}
		c.configs[1].Node.LogForm, c.configs[1].Log = x.form, slog.New(slog.NewTextHandler(log, nil))
		c.start(1)
		c.stop(1)
		require.Contains(t, log.String(), "msg=running node=1 boot=")
		require.Contains(t, log.String(), "log-form="+x.told)
		require.Equal(t, x.warn, strings.Contains(log.String(), "the log stays incremental"), x)
	}
}

// The machine of the members is not for clients, whatever their ids.
func TestReservedKey(t *testing.T) {
	c := startCluster(t, 1)
	a := c.propose(1, "membership/cluster", `{"to":"x"}`)
	require.Equal(t, http.StatusBadRequest, a.Status)
	require.Contains(t, a.Error.Text, "membership/cluster is reserved for the members of the cluster: lockstep members")
}
