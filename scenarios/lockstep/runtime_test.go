package lockstep

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/node"
	goclient "github.com/lockstep-dst/lockstep/node/client"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/server"
	"github.com/lockstep-dst/lockstep/node/session"
	"github.com/lockstep-dst/lockstep/node/tcp/tcptest"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/disk"
	"github.com/stretchr/testify/require"
)

// cluster is three nodes in the simulated or in the real runtime.
type cluster interface {
	start(id int)
	stop(id int)
	propose(id int, op, to string) outcome // a request to one node, once
	now() time.Duration
	observations() []observedBy // of all nodes, in order
}

type outcome struct {
	node.Outcome
	state   string
	version uint64
}

type observedBy struct {
	id int
	node.Observation
}

const consensusTimeout = 300 * time.Millisecond

// Both runtimes keep the guarantees that the core relies on.
func TestRuntimes(t *testing.T) {
	for name, begin := range map[string]func(*testing.T) cluster{"simulated": newSimCluster, "real": newServerCluster} {
		t.Run(name, func(t *testing.T) {
			t.Run("what is said is durable", func(t *testing.T) { chosenIsDurable(t, begin(t)) })
			t.Run("messages of one link arrive in order", func(t *testing.T) { commitsArriveInOrder(t, begin(t)) })
			t.Run("a restart keeps what was promised", func(t *testing.T) { promisesSurviveRestart(t, begin(t)) })
			t.Run("timers fire in time", func(t *testing.T) { operationTimesOut(t, begin(t)) })
		})
	}
}

var cycle = []string{"Running", "Stopped", "Init"}

func startAll(r cluster, ids ...int) {
	for _, id := range ids {
		r.start(id)
	}
}

// proposeMany has one node carry out n operations. n must not exceed the dedup window,
// since the ids carry no watermark.
func proposeMany(t *testing.T, r cluster, id, n int) {
	for i := range n {
		o := r.propose(id, fmt.Sprintf("n%d.%d", id, i), cycle[i%3])
		require.Equal(t, outcome{node.Committed, cycle[i%3], uint64(i + 1)}, o)
	}
}

// When a proposer counts a value as chosen, a majority has it on disk.
func chosenIsDurable(t *testing.T, r cluster) {
	startAll(r, 1, 2, 3)
	proposeMany(t, r, 1, 15)
	accepted := map[int]map[node.Ballot]node.Observation{1: {}, 2: {}, 3: {}}
	durable := map[int]uint64{}
	chosen := 0
	for _, f := range r.observations() {
		switch f.Kind {
		case node.Accepted:
			accepted[f.id][f.Ballot] = f.Observation
		case node.Durable:
			require.GreaterOrEqual(t, uint64(f.DurableAt), durable[f.id])
			durable[f.id] = uint64(f.DurableAt)
		case node.Chosen:
			chosen++
			holders := 0
			for id := 1; id <= 3; id++ {
				if a, ok := accepted[id][f.Ballot]; ok && uint64(a.DurableAt) <= durable[id] {
					holders++
				}
			}
			require.GreaterOrEqual(t, holders, 2, "%v", f.Observation)
		}
	}
	require.GreaterOrEqual(t, chosen, 15)
}

// Commits of one proposer reach a learner in the order in which they were sent.
func commitsArriveInOrder(t *testing.T, r cluster) {
	startAll(r, 1, 2, 3)
	proposeMany(t, r, 1, 15)
	last := map[int]uint64{}
	for _, f := range r.observations() {
		if f.Kind == node.Learnt {
			require.Greater(t, f.Value.Version, last[f.id])
			last[f.id] = f.Value.Version
		}
	}
	require.NotZero(t, last[2]+last[3])
}

func promisesSurviveRestart(t *testing.T, r cluster) {
	startAll(r, 1, 2, 3)
	proposeMany(t, r, 1, 4)
	for _, id := range []int{1, 2, 3} {
		r.stop(id)
	}
	startAll(r, 1, 2, 3)
	require.Equal(t, outcome{node.Committed, "Stopped", 5}, r.propose(2, "after", "Stopped"))
	boots := map[int][]uint64{}
	for _, f := range r.observations() {
		if f.Kind == node.BootReady {
			boots[f.id] = append(boots[f.id], f.Boot)
		}
	}
	require.Equal(t, map[int][]uint64{1: {1, 2}, 2: {1, 2}, 3: {1, 2}}, boots)
}

// Without a majority an operation ends at the consensus timeout, not before.
func operationTimesOut(t *testing.T, r cluster) {
	startAll(r, 1, 2, 3)
	proposeMany(t, r, 1, 1)
	r.stop(2)
	r.stop(3)
	begin := r.now()
	o := r.propose(1, "alone", "Stopped")
	require.Equal(t, node.Unknown, o.Outcome, "its accept was sent")
	require.GreaterOrEqual(t, r.now()-begin, consensusTimeout)
}

// simCluster is the simulated runtime.
type simCluster struct {
	t     *testing.T
	run   *run
	sim   *sim.World
	seen  []observedBy
	reply *node.Reply
}

func newSimCluster(t *testing.T) cluster {
	p := &scenarios.Plan{
		Nodes: 3, Clients: 1, Definitions: []fsm.Definition{fsm.Lifecycle()},
		Knobs: scenarios.Knobs{
			ConsensusTimeout: scenarios.Duration(consensusTimeout), MaxResends: 3,
			ResendTimeout: 50 * netmodel.Millisecond, ClientTimeout: netmodel.Second,
		},
	}
	delay := func(d scenarios.Duration) netmodel.Delay {
		return netmodel.Delay{Kind: netmodel.Uniform, Min: d, Max: 4 * d}
	}
	w := &simCluster{t: t, run: newRun(p)}
	cfg := sim.Config{
		Network: netmodel.Profile{Delay: delay(netmodel.Millisecond)},
		New: func(id sim.ID, life int) sim.Process {
			if id > 100 {
				return w
			}
			return w.run.Node(id, life)
		},
		Observe: func(_ scenarios.Duration, id sim.ID, f sim.Observation) {
			if r, ok := f.(*stepReport); ok {
				for _, f := range r.observations {
					w.seen = append(w.seen, observedBy{int(id), f.Observation})
				}
			}
		},
	}
	for _, id := range []sim.ID{1, 2, 3, 101} {
		cfg.Processes = append(cfg.Processes, sim.Spec{ID: id, Disk: disk.Profile{
			Write: delay(20 * netmodel.Microsecond), Sync: delay(netmodel.Millisecond),
		}})
	}
	var err error
	w.sim, err = sim.New(cfg)
	require.NoError(t, err)
	w.sim.Start(101)
	return w
}

// Step implements sim.Process. It is the client, which sends the invoked request.
func (w *simCluster) Step(_ scenarios.Duration, ev *sim.Event, out *sim.Effects) {
	switch ev.Kind {
	case sim.Invoke:
		to := sim.ID(ev.Message.(*envelope).Message.(*node.Request).Watermark) // see propose
		m := *ev.Message.(*envelope).Message.(*node.Request)
		m.Watermark = 0
		out.Send(to, &envelope{Message: &m})
	case sim.Receive:
		w.reply, _ = ev.Message.(*envelope).Message.(*node.Reply)
	}
}

func (w *simCluster) start(id int) {
	w.sim.Start(sim.ID(id))
	for !w.run.nodes[id].Ready() {
		require.True(w.t, w.sim.Step())
	}
}

func (w *simCluster) stop(id int) { w.sim.LosePower(sim.ID(id)) }

func (w *simCluster) propose(id int, op, to string) outcome {
	w.reply = nil
	w.sim.Invoke(w.sim.Now(), 101, &envelope{Message: &node.Request{
		Kind: node.Propose, Key: key, ID: node.OpID(op), Attempt: 1, To: to, Watermark: uint64(id),
	}})
	for w.reply == nil {
		require.True(w.t, w.sim.Step(), "no answer")
	}
	return outcome{w.reply.Outcome, w.reply.State, w.reply.Version}
}

func (w *simCluster) now() time.Duration         { return time.Duration(w.sim.Now()) }
func (w *simCluster) observations() []observedBy { return w.seen }

// serverCluster is the real runtime.
type serverCluster struct {
	t       *testing.T
	begin   time.Time
	configs map[int]server.Config
	running map[int]*server.Server

	mu   sync.Mutex
	seen []observedBy
}

// nodeObserver is one node's observer.
type nodeObserver struct {
	s  *serverCluster
	id int
}

// Observe implements node.Observer.
func (w nodeObserver) Observe(f node.Observation) {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	w.s.seen = append(w.s.seen, observedBy{w.id, f})
}

func newServerCluster(t *testing.T) cluster {
	s := &serverCluster{t: t, begin: time.Now(), configs: map[int]server.Config{}, running: map[int]*server.Server{}}
	peers := map[node.ID]string{}
	for id := node.ID(1); id <= 3; id++ {
		peers[id] = tcptest.Address(t)
	}
	dir := t.TempDir()
	for id := 1; id <= 3; id++ {
		n := node.Defaults()
		n.ID, n.ConsensusTimeout, n.ResendTimeout, n.Observer = node.ID(id), consensusTimeout, 50*time.Millisecond, nodeObserver{s, id}
		s.configs[id] = server.Config{
			Node: n, Cluster: "runtime", Peers: peers, HTTP: "127.0.0.1:0",
			Data: fmt.Sprintf("%s/%d", dir, id), Codec: "binary",
		}
	}
	t.Cleanup(func() {
		for id := range s.running {
			s.stop(id)
		}
	})
	return s
}

func (s *serverCluster) start(id int) {
	r, err := server.Start(s.configs[id])
	require.NoError(s.t, err)
	s.running[id] = r
	require.Eventually(s.t, func() bool { // a cluster forms only when all of them run
		return len(s.running) < len(s.configs) || r.Status().Ready
	}, 30*time.Second, 5*time.Millisecond)
}

func (s *serverCluster) stop(id int) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	require.NoError(s.t, s.running[id].Close(ctx))
	delete(s.running, id)
}

func (s *serverCluster) propose(id int, op, to string) outcome {
	c, err := goclient.New(goclient.Config{
		Endpoints: []string{s.running[id].HTTPAddr().String()}, AttemptTimeout: 10 * consensusTimeout, Deadline: 2 * consensusTimeout,
	})
	require.NoError(s.t, err)
	defer c.Close()
	r, err := c.Do(s.t.Context(), session.Operation{Name: op, Kind: node.Propose, Key: key, To: to})
	require.NoError(s.t, err)
	return outcome{r.Outcome, r.State, r.Version}
}

func (s *serverCluster) now() time.Duration { return time.Since(s.begin) }

func (s *serverCluster) observations() []observedBy {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]observedBy(nil), s.seen...)
}
