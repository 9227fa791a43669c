package lockstep_test

import (
	"slices"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/lockstep"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/stretchr/testify/require"
)

// hedgeCost is what a run's clients and nodes did because of nodes that did not respond.
type hedgeCost struct {
	hedges  int           // attempts at another node before the usual wait was over
	duels   int           // rounds that a higher ballot ended, and proposals that acceptors rejected for one
	voids   int           // attempts that found their operation decided by another attempt
	aborts  int           // tombstones: rejections that a later attempt finds
	slowest time.Duration // of one operation, in virtual time
}

func hedgeCostOf(t *testing.T, p *scenarios.Plan) (h hedgeCost) {
	t.Helper()
	r, marks := requirePassed(t, p), lockstep.System().Marks
	sum := func(names ...string) (n int) {
		for _, name := range names {
			i := slices.Index(marks, name)
			require.GreaterOrEqual(t, i, 0, name)
			n += int(r.Marks[i])
		}
		return n
	}
	h.hedges = sum("session/hedge")
	h.duels = sum("node/preempted", "node/prepare-rejected", "node/accept-rejected")
	h.voids = sum("node/dedup-hit", "node/dedup-hit-in-queue", "node/dedup-hit-on-retry")
	h.aborts = sum("node/abort-tombstone")
	for _, o := range r.History.Operations {
		if o.Client != scenarios.HealClient {
			h.slowest = max(h.slowest, time.Duration(o.Return-o.Call))
		}
	}
	return h
}

// A hedge is a retry like any other: it cannot do its operation twice, but it costs. Thirty
// clients use their own machines, or share three, while one node after the other is paused for
// 350 ms, with hedges after 50 ms as in package client, and without.
func TestWhatHedgesCost(t *testing.T) {
	plan := func(machines int, atAllNodes, hedged, paused bool) *scenarios.Plan {
		p := hotPlan(1, machines, 30, 400, atAllNodes)
		for i := range p.Operations {
			if o := &p.Operations[i]; !atAllNodes {
				o.Node = 1 + o.Client%3 // all clients of a machine are at one node
			}
		}
		if hedged {
			p.Knobs.MinAttempt = 50 * netmodel.Millisecond
		}
		for i := range 5 {
			if paused {
				p.Faults = append(p.Faults, scenarios.Fault{
					Kind: scenarios.Pause, Nodes: []sim.ID{sim.ID(i%3 + 1)},
					At: 200*netmodel.Millisecond + scenarios.Duration(i)*400*netmodel.Millisecond, For: 350 * netmodel.Millisecond,
				})
			}
		}
		return p
	}
	for _, c := range []struct {
		name       string
		machines   int
		atAllNodes bool
		slowest    time.Duration // of one operation, with hedges, during pauses
		voids      int           // at most, for each hedge
	}{
		{"a machine for each client", 30, false, 100 * time.Millisecond, 1},
		{"ten clients of a machine, at one node", 3, false, 100 * time.Millisecond, 1},
		// The node at work makes 150 entries before the hedge: the window, of 16, does not tell
		// any more what became of the first attempt, and its answer is in the paused node. Meanwhile
		// the operation is asked for once more.
		{"ten clients of a machine, at all nodes", 3, true, 360 * time.Millisecond, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			calm, calmHedged := hedgeCostOf(t, plan(c.machines, c.atAllNodes, false, false)), hedgeCostOf(t, plan(c.machines, c.atAllNodes, true, false))
			paused, hedged := hedgeCostOf(t, plan(c.machines, c.atAllNodes, false, true)), hedgeCostOf(t, plan(c.machines, c.atAllNodes, true, true))
			t.Logf("no pauses: %+v", calm)
			t.Logf("pauses: %+v, with hedges %+v", paused, hedged)
			require.Equal(t, calm, calmHedged, "where nodes respond there are no hedges")
			require.Greater(t, paused.slowest, 350*time.Millisecond)
			require.Less(t, hedged.slowest, c.slowest)
			require.Less(t, hedged.hedges, 100, "of 12,000 operations")
			require.Less(t, hedged.duels-paused.duels, 4*hedged.hedges)
			require.LessOrEqual(t, hedged.voids-paused.voids, c.voids*hedged.hedges)
			require.Zero(t, hedged.aborts)
		})
	}
}
