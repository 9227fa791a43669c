package main

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Three processes of a new cluster are killed, kill -9, at random instants of their
// first second, and started again. In the end the cluster is formed, and no node is
// ever rejected as one that has lost its directory. LOCKSTEP_LONG=1 makes it 200
// rounds.
func TestKilledWhileTheClusterForms(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes for half a minute")
	}
	rounds := 8
	if long() {
		rounds = 200
	}
	random, kills, begin := rand.New(rand.NewPCG(uint64(rounds), 13)), 0, time.Now()
	for round := range rounds {
		c := newProcesses(t, 3)
		// Some rounds kill in the first instants, some around the forming.
		within := []time.Duration{20, 100, 300, 1000}[round%4] * time.Millisecond
		var all sync.WaitGroup
		for i := range 3 {
			var lives []time.Duration
			for range 1 + random.IntN(3) {
				lives = append(lives, time.Duration(random.Int64N(int64(within))))
			}
			kills += len(lives)
			all.Go(func() {
				c.start(i)
				for _, life := range lives {
					select {
					case <-c.running[i].ended:
						t.Errorf("round %d: node %d has stopped by itself: %s", round, i+1, c.running[i].output.String())
						return
					case <-time.After(life):
					}
					c.kill(i)
					c.start(i)
				}
			})
		}
		all.Wait()
		for i := range 3 {
			c.awaitReady(i)
		}
		for i, to := range []string{"Running", "Stopped", "Init"} {
			code, said := runCommand(t, "propose", "lifecycle/web", to, c.endpointsFlag(i))
			require.Zero(t, code, said)
		}
		for i := range 3 {
			require.NotContains(t, c.running[i].output.String(), "level=ERROR", "node %d", i+1)
			c.kill(i)
		}
		if t.Failed() {
			t.FailNow()
		}
	}
	t.Logf("%d kills in %d clusters, %v", kills, rounds, time.Since(begin).Round(time.Millisecond))
}
