package server_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/client"
	"github.com/lockstep-dst/lockstep/node/tcp/tcptest"
	"github.com/lockstep-dst/lockstep/node/watch"
)

// watchHistory is the record of one watcher's events, and of the errors in them.
type watchHistory struct {
	mu       sync.Mutex
	versions map[string]uint64 // the last version in the stream, by machine
	states   map[string]string // by machine; empty after a gap
	ops      map[string]map[uint64]string
	gaps     uint64 // transitions
	errors   []string
}

func newWatchHistory() *watchHistory {
	return &watchHistory{versions: map[string]uint64{}, states: map[string]string{}, ops: map[string]map[uint64]string{}}
}

func (h *watchHistory) record(e watch.Event) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case e.State != nil:
		if _, again := h.versions[e.State.Key]; again {
			h.errors = append(h.errors, "told a state again: "+eventText(e))
		}
		h.versions[e.State.Key], h.states[e.State.Key] = e.State.Version, e.State.State
	case e.Gap != nil:
		if e.Gap.From != h.versions[e.Gap.Key]+1 || e.Gap.To < e.Gap.From {
			h.errors = append(h.errors, eventText(e))
		}
		h.versions[e.Gap.Key], h.states[e.Gap.Key] = e.Gap.To, ""
		h.gaps += e.Gap.To - e.Gap.From + 1
	case e.Transition != nil:
		s := e.Transition
		if was := h.states[s.Key]; s.Version != h.versions[s.Key]+1 || was != "" && was != s.From {
			h.errors = append(h.errors, fmt.Sprintf("%s after v%d %s", eventText(e), h.versions[s.Key], was))
		}
		h.versions[s.Key], h.states[s.Key] = s.Version, s.To
		if h.ops[s.Key] == nil {
			h.ops[s.Key] = map[uint64]string{}
		}
		h.ops[s.Key][s.Version] = s.Operation
	}
	return nil
}

func (h *watchHistory) version(key string) uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.versions[key]
}

// Nodes stop and restart while clients move machines and others watch them. The
// stream of each watcher has no gap that is not marked, to the end. All watchers get
// the same transitions, and acknowledged transitions are among them.
func TestWatchThroughRestarts(t *testing.T) {
	const machines, moves = 4, 150
	c := newCluster(t, 3)
	for id := range c.configs {
		c.configs[id].HTTP = tcptest.Address(t)
		c.start(id)
	}
	c.awaitAll()
	endpoints := []string{c.configs[1].HTTP, c.configs[2].HTTP, c.configs[3].HTTP}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()

	var watching sync.WaitGroup
	histories := []*watchHistory{}
	see := func(w client.WatchOptions, first int) *watchHistory {
		h := newWatchHistory()
		histories = append(histories, h)
		cl, err := client.New(client.Config{Endpoints: append(append([]string{}, endpoints[first:]...), endpoints[:first]...), Deadline: testTimeout})
		require.NoError(t, err)
		watching.Go(func() {
			defer cl.Close()
			if err := cl.Watch(ctx, w, h.record); ctx.Err() == nil {
				t.Errorf("the watch ends: %v", err)
			}
		})
		return h
	}
	for first := range endpoints {
		see(client.WatchOptions{Prefix: "lifecycle/", Resume: true}, first)
		for m := range machines {
			see(client.WatchOptions{Key: fmt.Sprintf("lifecycle/m-%d", m), Resume: true}, first)
		}
	}

	var moving sync.WaitGroup
	told := make([]map[uint64]string, machines)
	for m := range machines {
		told[m] = map[uint64]string{}
		cl, err := client.New(client.Config{Endpoints: endpoints, AttemptTimeout: time.Second, Deadline: testTimeout})
		require.NoError(t, err)
		moving.Go(func() {
			defer cl.Close()
			for i := range moves {
				r, err := cl.Propose(t.Context(), fmt.Sprintf("lifecycle/m-%d", m), []string{"Running", "Stopped", "Init"}[i%3])
				if err != nil || r.Outcome != node.Committed {
					t.Errorf("move %d: %+v, %v", i, r, err)
					return
				}
				told[m][r.Version] = string(r.Operation)
			}
		})
	}
	moved := make(chan struct{})
	go func() { moving.Wait(); close(moved) }()
	for id, over := node.ID(1), false; !over; id = id%3 + 1 {
		c.stop(id)
		select {
		case <-moved:
			over = true
		case <-time.After(30 * time.Millisecond):
		}
		c.start(id)
		c.awaitAll()
	}
	for m := range machines {
		key := fmt.Sprintf("lifecycle/m-%d", m)
		// A last transition, so that every node learns of the machine once more.
		last := c.propose(1, key, `{"to":"Running"}`).Version
		require.EqualValues(t, moves+1, last)
		for i, h := range histories {
			if i%(machines+1) == 0 || i%(machines+1) == m+1 {
				eventually(t, fmt.Sprintf("watcher %d hears of the last of %s", i, key), func() bool { return h.version(key) == last })
			}
		}
	}
	stop()
	watching.Wait()
	for i, h := range histories {
		require.Empty(t, h.errors, "watcher %d", i)
		t.Logf("watcher %d: %d transitions in gaps", i, h.gaps)
		for m := range machines {
			for version, op := range h.ops[fmt.Sprintf("lifecycle/m-%d", m)] {
				if version <= moves {
					require.Equal(t, told[m][version], op)
				}
			}
		}
	}
}
