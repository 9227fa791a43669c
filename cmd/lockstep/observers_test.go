package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/checker/guarantee"
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/client"
	"github.com/lockstep-dst/lockstep/node/watch"
)

// clusterObservers observes the machines of the clients independently: by streams
// that begin at each node and resume at the next when it fails, by a reader of each
// node's local state, and by the final state of all nodes.
type clusterObservers struct {
	clients *recordingClients
	cluster *processCluster
	local   []*client.Client // one for each node
	ctx     context.Context
	cancel  context.CancelFunc
	wg      sync.WaitGroup

	mu           sync.Mutex
	observations []guarantee.Observation
	versions     map[string]map[string]int64 // by stream and machine, the last version
}

func newClusterObservers(u *recordingClients, c *processCluster) *clusterObservers {
	w := &clusterObservers{clients: u, cluster: c, versions: map[string]map[string]int64{}}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	u.t.Cleanup(w.stop)
	for _, e := range c.endpoints {
		w.local = append(w.local, w.client(e))
	}
	return w
}

func (w *clusterObservers) client(endpoints ...string) *client.Client {
	c, err := client.New(client.Config{Endpoints: endpoints, Deadline: testTimeout})
	require.NoError(w.clients.t, err)
	w.clients.t.Cleanup(c.Close)
	return c
}

func (w *clusterObservers) start() {
	for i := range w.local {
		w.watch(i)
		w.wg.Go(func() { w.read(i) })
	}
}

// record adds an observation with the present time.
func (w *clusterObservers) record(o guarantee.Observation) {
	w.mu.Lock()
	defer w.mu.Unlock()
	o.Time = w.clients.recorder.now()
	w.observations = append(w.observations, o)
}

// watch opens a stream at node i+1. The second stream is of a single machine.
func (w *clusterObservers) watch(i int) {
	e := w.cluster.endpoints
	c, name := w.client(slices.Concat(e[i:], e[:i])...), stream(i)
	what := client.WatchOptions{
		Prefix: "lifecycle/" + w.clients.prefix + "-", Resume: true,
		OnNodeFailed: func(string, error) { w.record(guarantee.Observation{Kind: guarantee.Resume, Source: name}) },
	}
	if i == 1 {
		what.Key = w.clients.key(0)
	}
	w.versions[name] = map[string]int64{}
	w.wg.Go(func() {
		if err := c.Watch(w.ctx, what, func(e watch.Event) error { w.recordEvent(name, e); return nil }); w.ctx.Err() == nil {
			w.clients.t.Errorf("%s: %v", name, err)
		}
	})
}

func stream(i int) string { return fmt.Sprintf("stream %d", i+1) }

// streams returns the names of the streams that watch a machine.
func (w *clusterObservers) streams(key string) (names []string) {
	for i := range w.local {
		if i != 1 || key == w.clients.key(0) {
			names = append(names, stream(i))
		}
	}
	return names
}

// recordEvent records an event of a stream.
func (w *clusterObservers) recordEvent(stream string, e watch.Event) {
	o, ok := streamObservation(stream, e)
	if !ok {
		return
	}
	w.record(o)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.versions[stream][o.Machine] = o.Version
}

// read reads the machines at one node, locally, over and over.
func (w *clusterObservers) read(i int) {
	pace := time.NewTicker(5 * time.Millisecond)
	defer pace.Stop()
	for n := 0; ; n++ {
		select {
		case <-w.ctx.Done():
			return
		case <-pace.C:
		}
		if o, ok := w.localView(i, w.clients.key(n)); ok {
			w.record(o)
		}
	}
}

// localView returns the state of a machine that a life of a node has learnt.
func (w *clusterObservers) localView(i int, key string) (o guarantee.Observation, ok bool) {
	r, err := w.local[i].GetLocal(w.ctx, key)
	return readObservation(key, r), err == nil && r.Outcome == node.Committed
}

// recordFinal waits until all nodes hold the same and the streams have delivered it,
// and records it. If that takes too long, it records the differing states for the
// checker.
func (w *clusterObservers) recordFinal() {
	var finals []guarantee.Observation
	for limit := time.Now().Add(testTimeout); time.Now().Before(limit); time.Sleep(10 * time.Millisecond) {
		finals = finals[:0]
		settled := true
		for m := range w.clients.machines {
			for i := range w.local {
				o, ok := w.localView(i, w.clients.key(m))
				o.Kind, o.Source = guarantee.Final, fmt.Sprintf("node %d", i+1)
				finals = append(finals, o)
				settled = settled && ok && o.Version == finals[m*len(w.local)].Version && w.caughtUp(o)
			}
		}
		if settled {
			break
		}
	}
	for _, o := range finals {
		w.record(o)
	}
	for m := range w.clients.machines {
		for _, s := range w.streams(w.clients.key(m)) {
			w.record(guarantee.Observation{Kind: guarantee.End, Source: s, Machine: w.clients.key(m)})
		}
	}
}

// caughtUp reports whether all streams that watch o's machine have delivered o's
// version.
func (w *clusterObservers) caughtUp(o guarantee.Observation) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !slices.ContainsFunc(w.streams(o.Machine), func(s string) bool { return w.versions[s][o.Machine] < o.Version })
}

func (w *clusterObservers) stop() {
	w.cancel()
	w.wg.Wait()
}

// judge checks the observations against every guarantee.
func (w *clusterObservers) judge(t testing.TB) {
	verdicts, err := guarantee.Judge(w.clients.history(), w.observations, guarantee.Options{Deadline: 1})
	require.NoError(t, err)
	kinds := map[guarantee.Kind]int{}
	for _, o := range w.observations {
		kinds[o.Kind]++
	}
	for _, v := range verdicts {
		t.Logf("%s: %s, judged by %d", v.Guarantee, v.Status, v.Judged)
		require.Equal(t, guarantee.Holds, v.Status, "%s: %s", v.Guarantee, v.Explanation)
	}
	t.Logf("seen: %v", kinds)
	require.Positive(t, kinds[guarantee.Transition])
	require.Positive(t, kinds[guarantee.Local])
	require.Positive(t, kinds[guarantee.Resume], "the first node that was killed had a stream")
}
