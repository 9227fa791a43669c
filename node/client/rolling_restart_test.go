package client_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node/client"
	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/session"
	"github.com/lockstep-dst/lockstep/node/watch"
)

// restartLoad is a set of clients that request one transition after the other, and of
// watches, while nodes restart.
type restartLoad struct {
	mu       sync.Mutex
	outcomes map[string]int
	longest  time.Duration
	at       time.Duration // when the longest operation began, since the load did
	which    string
	seen     map[string]uint64 // by machine, the last version that its watch has shown
	problems []string
}

func (l *restartLoad) record(at, took time.Duration, what string, r client.Result) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.outcomes[fmt.Sprintf("%v %v", r.Outcome, r.Reason)]++
	if took > l.longest {
		l.longest, l.at, l.which = took, at, what
	}
}

// propose steps a machine until ctx ends, and returns the version that it came to.
func (l *restartLoad) propose(ctx context.Context, begin time.Time, u *client.Client, key string) (version uint64) {
	for ctx.Err() == nil {
		at := time.Now()
		r, err := u.Propose(context.Background(), key, []string{"Running", "Stopped", "Init"}[version%3])
		if err != nil {
			panic(err) // the context never ends
		}
		l.record(at.Sub(begin), time.Since(at), key, r)
		if r.Outcome != op.Committed {
			return version
		}
		version = r.Version
		time.Sleep(latency)
	}
	return version
}

// share proposes to a machine that others change, too, each by way of another node, until
// ctx ends: the nodes forward to each other.
func (l *restartLoad) share(ctx context.Context, begin time.Time, u *client.Client, key string, by op.NodeID) {
	for i := 0; ctx.Err() == nil; i++ {
		at := time.Now()
		r, err := u.Do(context.Background(), session.Operation{Name: u.NewName(), Kind: op.Propose, Key: key, To: []string{"Running", "Stopped", "Init"}[i%3], Node: by})
		if err != nil {
			panic(err) // the context never ends
		}
		if r.Outcome == op.Rejected && r.Reason == op.Illegal { // another was faster
			r.Outcome, r.Reason = op.Committed, ""
		}
		l.record(at.Sub(begin), time.Since(at), key, r)
		time.Sleep(latency)
	}
}

// observe watches a machine until ctx ends. It notes a version that comes twice, or is
// left out and not told as a gap.
func (l *restartLoad) observe(ctx context.Context, u *client.Client, key string) {
	err := u.Watch(ctx, client.WatchOptions{Key: key, Resume: true}, func(e watch.Event) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		if e.Gap != nil && e.Gap.From == l.seen[key]+1 {
			l.seen[key] = e.Gap.To
		}
		if e.Transition != nil {
			if e.Transition.Version != l.seen[key]+1 {
				l.problems = append(l.problems, fmt.Sprintf("%s: version %d after %d", key, e.Transition.Version, l.seen[key]))
			}
			l.seen[key] = e.Transition.Version
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		l.problems = append(l.problems, err.Error())
	}
}

// While the nodes of a cluster restart one after the other, every operation is
// committed, no client waits for 50 ms, and watches show every transition once, or tell of
// the gap.
func TestRollingRestart(t *testing.T) {
	for _, byHTTP := range []bool{false, true} {
		t.Run(fmt.Sprintf("http=%t", byHTTP), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := startBubble(t, 3)
				l := &restartLoad{outcomes: map[string]int{}, seen: map[string]uint64{}}
				ctx, cancel := context.WithCancel(t.Context())
				var clients, watches sync.WaitGroup
				versions := make([]uint64, 5)
				begin := time.Now()
				for i := range versions {
					u := c.clientAt(clientHost(i+1), client.Config{HTTPOnly: byHTTP})
					key := fmt.Sprintf("lifecycle/web-%d", i)
					clients.Go(func() { versions[i] = l.propose(ctx, begin, u, key) })
					watches.Go(func() { l.observe(t.Context(), u, key) })
				}
				for id := op.NodeID(1); id <= 3; id++ {
					u := c.clientAt(clientHost(100+int(id)), client.Config{HTTPOnly: byHTTP})
					clients.Go(func() { l.share(ctx, begin, u, "lifecycle/shared", id) })
				}
				time.Sleep(time.Second)
				for id := op.NodeID(1); id <= 3; id++ {
					took := c.stop(id)
					t.Logf("%v: node %d has stopped, in %v", time.Since(begin), id, took)
					require.Less(t, took, time.Second)
					time.Sleep([]time.Duration{0, time.Second, 30 * time.Millisecond, 3 * time.Second}[id])
					c.start(id)
					waitUntil(t, "ready", func() bool { return c.nodes[id].Status().Ready })
					time.Sleep(1200 * time.Millisecond) // clients ask it again
				}
				cancel()
				clients.Wait()
				time.Sleep(time.Second)
				synctest.Wait()
				t.Logf("%v; longest %v for %s at %v", l.outcomes, l.longest, l.which, l.at)
				require.Len(t, l.outcomes, 1, "all are committed")
				require.Less(t, l.longest, 50*time.Millisecond)
				require.Empty(t, l.problems)
				for i, v := range versions {
					require.Greater(t, v, uint64(100))
					require.Equal(t, v, l.seen[fmt.Sprintf("lifecycle/web-%d", i)])
				}
			})
		})
	}
}
