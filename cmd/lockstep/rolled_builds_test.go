//go:build unix

package main

import (
	"flag"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/checker"
	"github.com/lockstep-dst/lockstep/checker/history"
)

// The builds between which nodes are rolled, and how often. With the defaults it takes some
// seconds; docs/OPERATIONS.md has the line that does it with two builds.
var (
	rolledOther    = flag.String("rolled.other", "", "program of another build, by its full path (default: this one)")
	rolledRestarts = flag.Int("rolled.restarts", 4, "restarts of a node in the other build")
	rolledUpsets   = flag.Uint64("rolled.upsets", 1, "seed of the times, and of the choice of nodes that are killed")
)

// Three nodes under load are restarted one by one, from one build to the other, and back when
// all are there: some are asked to stop, some are killed. The history is linearizable, no
// acknowledged transition is lost or made twice, and no node hears a malformed message.
func TestRolledBetweenTwoBuilds(t *testing.T) {
	if testing.Short() {
		t.Skip("runs processes for some seconds")
	}
	c := newProcesses(t, 3)
	c.programs = make([]string, 3)
	if *rolledOther != "" {
		require.True(t, filepath.IsAbs(*rolledOther), "-rolled.other: want a full path")
		c.programs = []string{*rolledOther, *rolledOther, *rolledOther}
	}
	for i := range c.running {
		c.start(i)
	}
	for i := range c.running {
		c.awaitReady(i)
	}
	users := newRecordingClients(t, c.endpoints, 16)
	judge := newLiveChecker(users.recorder)
	t.Cleanup(judge.start(func(r checker.Result) {
		t.Error("while the nodes are rolled:", r.Explanation, "\n", r.Evidence())
		users.cancel()
	}))
	users.start()
	choice := rand.New(rand.NewPCG(*rolledUpsets, 0))
	kills := 0
	for n := range *rolledRestarts {
		i := n % 3
		users.await(users.outcomes.get("committed") + 50 + choice.IntN(200))
		if choice.IntN(3) == 0 {
			kills++
			c.kill(i)
			users.await(users.outcomes.get("committed") + 1 + choice.IntN(100)) // two nodes are enough
		} else {
			c.terminate(i)
			code, said := c.awaitExit(i)
			require.Zero(t, code, said)
		}
		if c.programs[i] == "" {
			c.programs[i] = *rolledOther
		} else {
			c.programs[i] = ""
		}
		c.start(i)
		c.awaitReady(i)
		for at := range c.running {
			require.Zero(t, c.metric(at, "lockstep_malformed_total"), "node %d hears a message that it cannot read", at+1)
		}
	}
	users.await(users.outcomes.get("committed") + 100)
	users.stop()
	live := judge.finish()
	require.Equal(t, checker.Linearizable, live.Status, "%s\n%s", live.Explanation, live.Evidence())
	result := checker.Check(t.Context(), users.history(), checker.Options{Timeout: testTimeout})
	require.Equal(t, checker.Linearizable, result.Status, result.Explanation)
	users.verify(t)
	h := users.history()
	t.Logf("%d restarts, %d of them kills; %d operations: %v; the longest took %v", *rolledRestarts, kills, len(h.Operations), users.outcomes.n, longestOf(h))
}

// longestOf is the time of the longest operation of a history.
func longestOf(h history.History) (longest time.Duration) {
	for i := range h.Operations {
		longest = max(longest, time.Duration(h.Operations[i].Return-h.Operations[i].Call))
	}
	return longest.Round(time.Millisecond)
}
