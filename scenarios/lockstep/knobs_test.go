package lockstep_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/lockstep"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/disk"
	"github.com/stretchr/testify/require"
)

// isolatedNodePlan returns a plan in which node 1 is cut off from the others for 3s, and
// makes progress after that. Its rounds are sent again and abandoned as often as the
// knobs say.
func isolatedNodePlan(k scenarios.Knobs) *scenarios.Plan {
	const ms = netmodel.Millisecond
	expect := uint64(0)
	constant := func(d scenarios.Duration) netmodel.Delay { return netmodel.Delay{Kind: netmodel.Constant, Min: d} }
	return &scenarios.Plan{
		Format: scenarios.Format, Version: scenarios.Version, System: "lockstep", Seed: 1, Nodes: 3, Clients: 2,
		Definitions: []fsm.Definition{fsm.Lifecycle()},
		Knobs:       k,
		Network:     netmodel.Profile{Delay: constant(ms)},
		Disk:        disk.Profile{Write: constant(ms / 50), Sync: constant(ms / 2)},
		Operations: []scenarios.Operation{
			{ID: "c1.1", Client: 1, At: 20 * ms, Node: 1, Key: "lifecycle/a", Kind: scenarios.Propose, Argument: "Running", Expect: &expect},
			{ID: "c2.1", Client: 2, At: 30 * ms, Node: 1, Key: "lifecycle/a", Kind: scenarios.Read},
			{ID: "c2.2", Client: 2, At: 40 * ms, Node: 1, Key: "lifecycle/a", Kind: scenarios.Propose, Argument: "Running"},
		},
		Faults: []scenarios.Fault{
			{For: 3000 * ms, Kind: scenarios.Partition, Groups: [][]sim.ID{{1, 101, 102}, {2}, {3}}},
		},
		Heal: scenarios.Heal{At: 5000 * ms, Delay: ms, Within: 30 * netmodel.Second, Settle: 10 * netmodel.Second},
	}
}

// A node uses every number that a plan may contain as it is, and the oracle counts the
// same. Times shorter than any message, or longer than the heal phase, are left out:
// operations do not complete in time with them, and the verdict is right.
func TestKnobsAtTheirLimits(t *testing.T) {
	const ms = netmodel.Millisecond
	type knobs = scenarios.Knobs
	for name, limits := range map[string]struct {
		set    func(k *knobs, value int64)
		values []int64
	}{
		"retry_attempts":    {func(k *knobs, v int64) { k.MaxResends = int(v) }, []int64{0, 1, 127, 128, 254, 255, 256, 257, 999, 1000}},
		"ring":              {func(k *knobs, v int64) { k.DedupWindow = int(v) }, []int64{0, 1, 255, 256}},
		"batch":             {func(k *knobs, v int64) { k.Batch = int(v) }, []int64{0, 1, 255, 256}},
		"ring and batch":    {func(k *knobs, v int64) { k.DedupWindow, k.Batch = int(v), int(v) }, []int64{1, 255, 256}},
		"queue":             {func(k *knobs, v int64) { k.Queue = int(v) }, []int64{0, 1, math.MaxUint16, math.MaxUint16 + 1, math.MaxInt/2 + 1, math.MaxInt}},
		"repair_rate":       {func(k *knobs, v int64) { k.RepairRate = int(v) }, []int64{0, 1, math.MaxUint16 + 1, math.MaxInt/2 + 1, math.MaxInt}},
		"segment":           {func(k *knobs, v int64) { k.Segment = int(v) }, []int64{0, 128, 129, 16 << 20}},
		"json":              {func(k *knobs, v int64) { k.Codec, k.CodecPercent = "json", int(v) }, []int64{0, 1, 99, 100}},
		"binary":            {func(k *knobs, v int64) { k.Codec, k.CodecPercent = "binary", int(v) }, []int64{0, 1, 99, 100}},
		"cbor":              {func(k *knobs, v int64) { k.Codec, k.CodecPercent = "cbor", int(v) }, []int64{0, 1, 99, 100}},
		"consensus_timeout": {func(k *knobs, v int64) { k.ConsensusTimeout = scenarios.Duration(v) }, []int64{int64(10 * ms), int64(scenarios.MaxTime)}},
		"retry_delay":       {func(k *knobs, v int64) { k.ResendTimeout = scenarios.Duration(v) }, []int64{int64(ms / 10), int64(1000 * ms)}},
		"client_timeout":    {func(k *knobs, v int64) { k.ClientTimeout = scenarios.Duration(v) }, []int64{int64(10 * ms), int64(scenarios.MaxTime)}},
		"client_attempt":    {func(k *knobs, v int64) { k.AttemptTimeout = scenarios.Duration(v) }, []int64{0, int64(ms), int64(scenarios.MaxTime)}},
		"repair_delay":      {func(k *knobs, v int64) { k.RepairDelay = scenarios.Duration(v) }, []int64{0, int64(ms), int64(1000 * ms)}},
	} {
		for _, value := range limits.values {
			t.Run(fmt.Sprintf("%s %d", name, value), func(t *testing.T) {
				k := knobs{ConsensusTimeout: 1000 * ms, MaxResends: 3, ResendTimeout: ms, ClientTimeout: 2000 * ms}
				limits.set(&k, value)
				requirePassed(t, isolatedNodePlan(k))
			})
		}
	}
}

// A plan may have any number of faults, and a clock may stop any number of times.
func TestAClockThatStopsVeryOften(t *testing.T) {
	p := isolatedNodePlan(scenarios.Knobs{ConsensusTimeout: netmodel.Second, MaxResends: 3, ResendTimeout: netmodel.Millisecond, ClientTimeout: 2 * netmodel.Second})
	for i := range math.MaxUint16 + 10 {
		at := scenarios.Duration(i) * 2 * netmodel.Microsecond
		p.Faults = append(p.Faults, scenarios.Fault{At: at, For: netmodel.Microsecond, Kind: scenarios.Freeze, Nodes: []sim.ID{1}})
	}
	requirePassed(t, p)
}

// requirePassed runs a valid plan, which must pass with some operations decided.
func requirePassed(t testing.TB, p *scenarios.Plan) play.Result {
	t.Helper()
	require.NoError(t, p.Validate())
	r, err := play.Run(t.Context(), lockstep.System(), p, play.Options{})
	require.NoError(t, err)
	require.Equal(t, play.Passed, r.Status, r.Sentence())
	require.Positive(t, r.Outcomes.Total())
	return r
}
