package natsqueue_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios/fleet"
	"github.com/lockstep-dst/lockstep/scenarios/fleet/natsqueue"
	"github.com/stretchr/testify/require"
)

// In a cluster of three servers, each of which keeps all streams, one ends while a campaign
// runs: no result and no job is lost, and the state is that of one machine.
func TestOneServerOfAClusterEnds(t *testing.T) {
	servers := startCluster(t, 3)
	q := openCluster(t, servers)
	self, err := os.Executable()
	require.NoError(t, err)
	program, err := fleet.OpenProgram(self, 1)
	require.NoError(t, err)
	c := &fleet.Campaign{Name: "night", Build: program.Build, Seeds: 40, RangeSeeds: 2, CheckTimeout: 5 * time.Second, Weight: 1, Lease: 2 * time.Second}
	c.Plans.Profile = "none"
	c.Probe, err = program.Probe(t.Context(), t.TempDir(), c)
	require.NoError(t, err)
	eventually(t, func() error { return fleet.Submit(t.Context(), q, c) })

	workUntilEnd(t, servers, program, "ada", "bob")
	eventually(t, func() error { return atLeast(t, q, c, 3) })
	servers[leader(t, servers)].Stop() // it leads the streams or the cluster: the worst one
	var r *fleet.Report
	eventually(t, func() (err error) {
		if r, err = fleet.Read(t.Context(), q, c); err == nil && !r.Settled() {
			err = errNotYet
		}
		return err
	})
	require.Equal(t, fleet.Passed, r.Verdict)
	require.EqualValues(t, c.Seeds, r.Seeds)
	require.Equal(t, alone(t, program, c).Hash, r.Hash)
}

// errNotYet is the error about something that is still to come.
var errNotYet = fmt.Errorf("not yet")

// atLeast asks for a number of ranges that are done.
func atLeast(t *testing.T, q fleet.Queue, c *fleet.Campaign, ranges int) error {
	done, err := q.Done(t.Context(), c, fleet.RangeKind)
	if err == nil && len(done) < ranges {
		err = errNotYet
	}
	return err
}

// alone runs a campaign without a cluster.
func alone(t *testing.T, program *fleet.Program, c *fleet.Campaign) *fleet.Report {
	q := fleet.NewMemory()
	require.NoError(t, fleet.Submit(t.Context(), q, c))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	w := worker(t, q, program, "eve")
	var ended sync.WaitGroup
	ended.Go(func() { _ = w.Run(ctx) }) // the error of ctx
	require.NoError(t, fleet.Await(ctx, q, c, 20*time.Millisecond))
	cancel()
	ended.Wait()
	r, err := fleet.Read(t.Context(), q, c)
	require.NoError(t, err)
	return r
}

func worker(t *testing.T, q fleet.Queue, program *fleet.Program, name string) *fleet.Worker {
	return &fleet.Worker{Name: name, Queue: q, Program: program, Dir: t.TempDir(), Idle: 100 * time.Millisecond, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
}

// workUntilEnd has workers work until the test ends.
func workUntilEnd(t *testing.T, servers []*natsqueue.Server, program *fleet.Program, names ...string) {
	ctx, cancel := context.WithCancel(context.Background())
	var ended sync.WaitGroup
	for _, name := range names {
		w := worker(t, openCluster(t, servers), program, name)
		ended.Go(func() { _ = w.Run(ctx) }) // the error of ctx
	}
	t.Cleanup(func() {
		cancel()
		ended.Wait()
	})
}

// startCluster starts servers that know each other, on loopback.
func startCluster(t *testing.T, n int) (servers []*natsqueue.Server) {
	ports := freePorts(t, n)
	var routes []*url.URL
	for _, port := range ports {
		routes = append(routes, &url.URL{Scheme: "nats-route", Host: fmt.Sprintf("127.0.0.1:%d", port)})
	}
	var starting sync.WaitGroup
	servers = make([]*natsqueue.Server, n)
	for i, port := range ports {
		o, err := natsqueue.ServerOptions(t.TempDir(), "127.0.0.1:0", "")
		require.NoError(t, err)
		o.ServerName, o.Cluster.Name, o.Cluster.Host, o.Cluster.Port, o.Routes = fmt.Sprintf("s%d", i), "fleet", "127.0.0.1", port, routes
		starting.Go(func() {
			s, err := natsqueue.Start(o, nil)
			if err != nil {
				t.Error(err)
				return
			}
			servers[i] = s
		})
	}
	starting.Wait()
	require.NotContains(t, servers, (*natsqueue.Server)(nil))
	for _, s := range servers {
		t.Cleanup(s.Stop)
	}
	return servers
}

// freePorts returns ports of loopback that nothing listens at.
func freePorts(t *testing.T, n int) (ports []int) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// openCluster connects to all servers, and opens the queue with a copy of it on each.
func openCluster(t *testing.T, servers []*natsqueue.Server) *natsqueue.Queue {
	var urls []string
	for _, s := range servers {
		urls = append(urls, s.ClientURL())
	}
	nc, err := natsqueue.Connect(natsqueue.Login{URL: strings.Join(urls, ","), Name: "test"})
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	var q *natsqueue.Queue
	eventually(t, func() error { // the servers elect a leader first
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := natsqueue.Setup(ctx, nc, len(servers)); err != nil {
			return err
		}
		q, err = natsqueue.Open(ctx, nc)
		return err
	})
	return q
}

// leader returns the server that leads the cluster.
func leader(t *testing.T, servers []*natsqueue.Server) (at int) {
	eventually(t, func() error {
		if at = slices.IndexFunc(servers, func(s *natsqueue.Server) bool { return s.JetStreamIsLeader() }); at < 0 {
			return errNotYet
		}
		return nil
	})
	return at
}

// eventually tries something for some minutes, and fails with its last error.
func eventually(t *testing.T, try func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(3 * time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if err = try(); err == nil {
			return
		}
	}
	require.NoError(t, err)
}
