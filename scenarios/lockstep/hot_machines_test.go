package lockstep_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim/disk"
	"github.com/stretchr/testify/require"
)

// hotPlan returns a plan without faults for a few machines with many clients, with the default
// configuration of nodes. Each client sends its next proposal when the last one has ended. If
// spread, the clients of a machine use different nodes; otherwise all use node 1.
func hotPlan(seed uint64, machines, clients, each int, spread bool) *scenarios.Plan {
	p := oneStatePlan(seed, machines, clients/machines)
	d := node.Defaults()
	p.Knobs = scenarios.Knobs{
		ConsensusTimeout: scenarios.Duration(d.ConsensusTimeout), MaxResends: d.MaxResends, ResendTimeout: scenarios.Duration(d.ResendTimeout),
		ClientTimeout: 10 * netmodel.Second, AttemptTimeout: 500 * netmodel.Millisecond,
	}
	constant := func(d scenarios.Duration) netmodel.Delay { return netmodel.Delay{Kind: netmodel.Constant, Min: d} }
	p.Network = netmodel.Profile{Delay: constant(200 * netmodel.Microsecond)}
	p.Disk = disk.Profile{Write: constant(10 * netmodel.Microsecond), Sync: constant(300 * netmodel.Microsecond)}
	p.Clocks = nil
	p.Operations = nil
	for i := range clients * each {
		client := i % clients
		o := scenarios.Operation{
			ID: fmt.Sprintf("c%d.%d", client+1, 1+i/clients), Client: client + 1,
			Key: fmt.Sprintf("lifecycle/m%d", client%machines), Kind: scenarios.Propose, Argument: "on", Node: 1, At: 100 * netmodel.Millisecond,
		}
		if spread {
			o.Node = 1 + client/machines%p.Nodes
		}
		p.Operations = append(p.Operations, o)
	}
	p.Heal.At = 10 * 60 * netmodel.Second
	return p
}

// hotResult is the performance of a hot plan, in virtual time.
type hotResult struct {
	perSecond              int
	slowest                time.Duration
	unknown, windowExpired int
}

func runHotPlan(t testing.TB, p *scenarios.Plan) (h hotResult) {
	t.Helper()
	r := requirePassed(t, p)
	committed, end := 0, int64(0)
	for _, o := range r.History.Operations {
		if o.Client == scenarios.HealClient {
			continue
		}
		end = max(end, o.Return)
		h.slowest = max(h.slowest, time.Duration(o.Return-o.Call))
		switch o.Outcome {
		case history.Committed:
			committed++
		case history.Unknown:
			h.unknown++
		}
		if o.Reason == string(node.WindowExpired) {
			h.windowExpired++
		}
	}
	h.perSecond = int(int64(committed) * int64(time.Second) / (end - int64(100*time.Millisecond)))
	return h
}

// Clients that use the same few machines at different nodes get almost the throughput of
// clients that all use one node. No operation takes long, and none is window-expired. In
// virtual time a round trip with a sync takes 0.7 ms; two thirds of the operations are
// forwarded, which adds a hop there and back.
func TestHotMachinesAtAllNodes(t *testing.T) {
	for _, clients := range []int{3, 9, 30, 60} {
		for seed := range uint64(2) {
			t.Run(fmt.Sprintf("%d clients, seed %d", clients, seed), func(t *testing.T) {
				one, all := runHotPlan(t, hotPlan(seed, 3, clients, 200, false)), runHotPlan(t, hotPlan(seed, 3, clients, 200, true))
				t.Logf("at one node %+v, at all %+v", one, all)
				for _, h := range []hotResult{one, all} {
					require.Zero(t, h.unknown)
					require.Zero(t, h.windowExpired)
				}
				require.Less(t, all.slowest, 6*time.Millisecond, "of one operation")
				require.Greater(t, 10*all.perSecond, 9*one.perSecond, "operations a second")
			})
		}
	}
}

// The same holds where delays differ from message to message, so that another node overtakes
// the proposer at work now and then.
func TestHotMachinesWithUnevenDelays(t *testing.T) {
	uneven := func(clients int, spread bool) hotResult {
		p := hotPlan(1, 3, clients, 100, spread)
		p.Network.Delay = netmodel.Delay{Kind: netmodel.Uniform, Min: 100 * netmodel.Microsecond, Max: 3 * netmodel.Millisecond}
		return runHotPlan(t, p)
	}
	for _, clients := range []int{9, 30} {
		one, all := uneven(clients, false), uneven(clients, true)
		t.Logf("%d clients: at one node %+v, at all %+v", clients, one, all)
		require.Zero(t, all.unknown)
		require.Zero(t, all.windowExpired)
		require.Less(t, all.slowest, 100*time.Millisecond)
		require.Greater(t, 10*all.perSecond, 6*one.perSecond, "operations a second")
	}
}

// The same holds with two, five and seven nodes.
func TestHotMachinesOfManyNodes(t *testing.T) {
	for _, nodes := range []int{2, 5, 7} {
		t.Run(fmt.Sprintf("%d nodes", nodes), func(t *testing.T) {
			p := hotPlan(1, 3, 42, 100, true)
			p.Nodes, p.Heal.Excluded = nodes, nil
			for i := range p.Operations {
				p.Operations[i].Node = 1 + (p.Operations[i].Client-1)/3%nodes
			}
			h := runHotPlan(t, p)
			t.Logf("%+v", h)
			require.Zero(t, h.unknown)
			require.Zero(t, h.windowExpired)
			require.Less(t, h.slowest, 10*time.Millisecond)
		})
	}
}
