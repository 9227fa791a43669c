package client_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/checker"
	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/node/client"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/session"
	"github.com/lockstep-dst/lockstep/node/watch"
)

// judge collects operations for the checker. It is safe for concurrent use.
type judge struct {
	begin time.Time
	mu    sync.Mutex
	ops   []history.Operation
}

// use makes operations of one client, in turn and with pauses, until stop is closed.
func (j *judge) use(t *testing.T, c *client.Client, number int, seed uint64, stop <-chan struct{}) {
	random := rand.New(rand.NewPCG(seed, uint64(number)))
	for n := 0; ; n++ {
		select {
		case <-stop:
			return
		case <-time.After(time.Duration(random.Int64N(int64(time.Second)))):
		}
		o := session.Operation{Name: c.NewName(), Kind: op.Read, Key: fmt.Sprintf("lifecycle/m-%d", random.IntN(2))}
		h := history.Operation{Client: number, ID: o.Name, Machine: o.Key, Kind: history.KindRead, Version: history.NoVersion}
		if random.IntN(3) > 0 {
			o.Kind, o.To = op.Propose, []string{"Init", "Running", "Stopped"}[random.IntN(3)]
			h.Kind, h.Argument = history.KindPropose, o.To
		}
		h.Call = int64(time.Since(j.begin))
		r, err := c.Do(context.Background(), o)
		if err != nil {
			t.Error(err)
			return
		}
		h.Return, h.Reason = int64(time.Since(j.begin)), string(r.Reason)
		h.Outcome = map[op.Outcome]history.Outcome{
			op.Committed: history.Committed, op.Rejected: history.Rejected, op.Unknown: history.Unknown,
		}[r.Outcome]
		if r.Known && r.Outcome != op.Unknown {
			h.State, h.Version = r.State, int64(r.Version)
		}
		j.mu.Lock()
		j.ops = append(j.ops, h)
		j.mu.Unlock()
	}
}

// committed is the number of transitions of each machine that were committed.
func (j *judge) committed() map[string]int {
	all := map[string]int{}
	for _, o := range j.ops {
		if o.Kind == history.KindPropose && o.Outcome == history.Committed {
			all[o.Machine]++
		}
	}
	return all
}

// outcomes is the number of operations by outcome and reason.
func (j *judge) outcomes() map[string]int {
	all := map[string]int{}
	for _, o := range j.ops {
		all[fmt.Sprintf("%s %s", o.Outcome, o.Reason)]++
	}
	return all
}

// verdict judges all operations.
func (j *judge) verdict(ctx context.Context) checker.Result {
	return checker.Check(ctx, history.History{Definitions: []fsm.Definition{fsm.Lifecycle()}, Operations: j.ops},
		checker.Options{Timeout: time.Minute, Explain: true})
}

// randomFault injects a fault between two hosts, or restarts a node.
func (c *bubbleCluster) randomFault(random *rand.Rand) {
	hosts := []string{hostOf(1), hostOf(2), hostOf(3), clientHost(1), clientHost(2)}
	p := random.Perm(len(hosts))
	from, to := hosts[p[0]], hosts[p[1]]
	switch random.IntN(9) {
	case 0:
		c.net.Stall(from, to)
	case 1:
		c.net.Stall(from, to)
		c.net.Stall(to, from)
	case 2:
		c.net.Sever(from, to)
	case 3:
		c.net.Sever(from, to)
		c.net.Sever(to, from)
	case 4:
		c.net.Reset(from, to)
	case 5:
		c.net.Refuse(from, to)
	case 6:
		c.net.Deafen([]string{endpointOf(1), peerAddress(2), endpointOf(3)}[random.IntN(3)])
	case 7:
		id := op.NodeID(1 + random.IntN(3))
		patience, cancel := context.WithTimeout(context.Background(), time.Duration(random.Int64N(int64(3*time.Second))))
		defer cancel()
		begin := time.Now()
		require.NoError(c.t, c.nodes[id].Close(patience))
		require.Less(c.t, time.Since(begin), 5*time.Second, "a stop is bounded")
		c.start(id)
	case 8:
		c.net.Heal()
	}
}

// Clients use a cluster for a minute while connections fail in every way and nodes
// restart. The checker finds their histories linearizable, a watch is told each
// transition once, and when the faults are over all goes on as before. The seed decides
// faults and operations; the runtime decides the order of goroutines that are ready at
// one instant, files take real time, and ids are random, so a seed need not give the same
// run again.
func TestClusterUnderRandomFaults(t *testing.T) {
	seeds := uint64(100)
	if testing.Short() || raceEnabled {
		seeds = 10
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			j := &judge{}
			synctest.Test(t, func(t *testing.T) { underFaults(t, j, seed) })
			r := j.verdict(t.Context())
			require.Equal(t, checker.Linearizable, r.Status, "%+v", r)
			t.Log(j.outcomes())
		})
	}
}

func underFaults(t *testing.T, j *judge, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 0))
	c := startBubble(t, 3)
	j.begin = time.Now()
	stop := make(chan struct{})
	var users, watching sync.WaitGroup
	for number := 1; number <= 4; number++ {
		u := c.clientAt(clientHost(1+number%2), client.Config{HTTPOnly: number == 4})
		users.Go(func() { j.use(t, u, number, seed, stop) })
	}
	seen := newSeen()
	ctx, cancel := context.WithCancel(t.Context())
	watcher := c.clientAt(clientHost(2), client.Config{Deadline: time.Hour})
	watching.Go(func() {
		err := watcher.Watch(ctx, client.WatchOptions{Prefix: "lifecycle/", Resume: true}, seen.take)
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	for time.Since(j.begin) < time.Minute {
		time.Sleep(time.Duration(random.Int64N(int64(3 * time.Second))))
		c.randomFault(random)
	}
	c.net.Heal()
	close(stop)
	users.Wait()
	time.Sleep(time.Minute) // until the last connection that seems open is found dead
	u, versions := c.client(client.Config{}), map[string]uint64{}
	for _, key := range slices.Sorted(maps.Keys(j.committed())) {
		r, took := readNow(t, u, key)
		require.Equal(t, op.Committed, r.Outcome, "%+v", r)
		require.Less(t, took, 20*latency)
		require.GreaterOrEqual(t, r.Version, uint64(j.committed()[key]))
		versions[key] = r.Version
	}
	require.NotEmpty(t, versions)
	waitUntil(t, "the watch has told all", func() bool { return maps.Equal(versions, seen.all()) })
	cancel()
	watching.Wait()
}

func readNow(t *testing.T, u *client.Client, key string) (client.Result, time.Duration) {
	t.Helper()
	begin := time.Now()
	r, err := u.Get(context.Background(), key)
	require.NoError(t, err)
	return r, time.Since(begin)
}

// seen is the last version of each machine that a watch has told of.
type seen struct {
	mu       sync.Mutex
	versions map[string]uint64
}

func newSeen() *seen { return &seen{versions: map[string]uint64{}} }

// take takes an event, and refuses one that does not follow the last.
func (s *seen) take(e watch.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case e.Transition != nil:
		return s.follow(e.Transition.Key, e.Transition.Version, e.Transition.Version)
	case e.Gap != nil:
		return s.follow(e.Gap.Key, e.Gap.From, e.Gap.To)
	}
	return nil
}

func (s *seen) follow(key string, from, to uint64) error {
	if from != s.versions[key]+1 {
		return fmt.Errorf("%s: versions %d to %d after %d", key, from, to, s.versions[key])
	}
	s.versions[key] = to
	return nil
}

// all returns a copy.
func (s *seen) all() map[string]uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.versions)
}
