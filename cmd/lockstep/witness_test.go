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
	"github.com/lockstep-dst/lockstep/node/server"
)

// witnesses see what happens to the machines of users, apart from them: streams
// that begin at each node and resume at the next when it fails, a reader of each
// node's own view, and what all nodes hold in the end.
type witnesses struct {
	users   *users
	cluster *processes
	local   []*client.Client // of one node each
	quit    context.Context
	end     context.CancelFunc
	all     sync.WaitGroup

	mu   sync.Mutex
	seen []guarantee.Observation
	told map[string]map[string]int64 // by stream and machine, the last version
}

func newWitnesses(u *users, c *processes) *witnesses {
	w := &witnesses{users: u, cluster: c, told: map[string]map[string]int64{}}
	w.quit, w.end = context.WithCancel(context.Background())
	u.t.Cleanup(w.stop)
	for _, e := range c.endpoints {
		w.local = append(w.local, w.client(e))
	}
	return w
}

func (w *witnesses) client(endpoints ...string) *client.Client {
	c, err := client.New(client.Config{Endpoints: endpoints, Deadline: patience})
	require.NoError(w.users.t, err)
	w.users.t.Cleanup(c.Close)
	return c
}

func (w *witnesses) start() {
	for i := range w.local {
		w.watch(i)
		w.all.Go(func() { w.read(i) })
	}
}

// see takes note of what was seen just now.
func (w *witnesses) see(o guarantee.Observation) {
	w.mu.Lock()
	defer w.mu.Unlock()
	o.Time = w.users.recorder.now()
	w.seen = append(w.seen, o)
}

// watch begins a stream at node i+1. The second is of one machine alone.
func (w *witnesses) watch(i int) {
	e := w.cluster.endpoints
	c, name := w.client(slices.Concat(e[i:], e[:i])...), stream(i)
	what := client.Watching{
		Prefix: "lifecycle/", Resume: true,
		Lost: func(string, error) { w.see(guarantee.Observation{Kind: guarantee.Resume, Source: name}) },
	}
	if i == 1 {
		what.Key = w.users.key(0)
	}
	w.told[name] = map[string]int64{}
	w.all.Go(func() {
		if err := c.Watch(w.quit, what, func(e server.Event) error { w.hear(name, e); return nil }); w.quit.Err() == nil {
			w.users.t.Errorf("%s: %v", name, err)
		}
	})
}

func stream(i int) string { return fmt.Sprintf("stream %d", i+1) }

// streams are those that watch a machine.
func (w *witnesses) streams(key string) (names []string) {
	for i := range w.local {
		if i != 1 || key == w.users.key(0) {
			names = append(names, stream(i))
		}
	}
	return names
}

// hear takes note of an event of a stream.
func (w *witnesses) hear(stream string, e server.Event) {
	o, ok := streamed(stream, e)
	if !ok {
		return
	}
	w.see(o)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told[stream][o.Machine] = o.Version
}

// read asks one node for its own view of the machines, over and over.
func (w *witnesses) read(i int) {
	pace := time.NewTicker(5 * time.Millisecond)
	defer pace.Stop()
	for n := 0; ; n++ {
		select {
		case <-w.quit.Done():
			return
		case <-pace.C:
		}
		if o, ok := w.view(i, w.users.key(n)); ok {
			w.see(o)
		}
	}
}

// view is what a life of a node has learnt of a machine.
func (w *witnesses) view(i int, key string) (o guarantee.Observation, ok bool) {
	r, err := w.local[i].GetLocal(w.quit, key)
	return localRead(key, r), err == nil && r.Outcome == node.Committed
}

// settle waits until all nodes hold the same and the streams have told it, and
// takes note of it. If that does not come to pass in time, what there is instead
// is for the judge.
func (w *witnesses) settle() {
	var finals []guarantee.Observation
	for limit := time.Now().Add(patience); time.Now().Before(limit); time.Sleep(10 * time.Millisecond) {
		finals = finals[:0]
		settled := true
		for m := range w.users.machines {
			for i := range w.local {
				o, ok := w.view(i, w.users.key(m))
				o.Kind, o.Source = guarantee.Final, fmt.Sprintf("node %d", i+1)
				finals = append(finals, o)
				settled = settled && ok && o.Version == finals[m*len(w.local)].Version && w.has(o)
			}
		}
		if settled {
			break
		}
	}
	for _, o := range finals {
		w.see(o)
	}
	for m := range w.users.machines {
		for _, s := range w.streams(w.users.key(m)) {
			w.see(guarantee.Observation{Kind: guarantee.End, Source: s, Machine: w.users.key(m)})
		}
	}
}

// has reports whether the streams that watch o's machine have told so much.
func (w *witnesses) has(o guarantee.Observation) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !slices.ContainsFunc(w.streams(o.Machine), func(s string) bool { return w.told[s][o.Machine] < o.Version })
}

func (w *witnesses) stop() {
	w.end()
	w.all.Wait()
}

// judge holds what was seen against every guarantee.
func (w *witnesses) judge(t testing.TB) {
	verdicts, err := guarantee.Judge(w.users.history(), w.seen, guarantee.Options{Deadline: 1})
	require.NoError(t, err)
	kinds := map[guarantee.Kind]int{}
	for _, o := range w.seen {
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
