package scenarios_test

import (
	"testing"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/disk"
	"github.com/stretchr/testify/require"
)

func TestFaultsInWords(t *testing.T) {
	for want, f := range map[string]scenarios.Fault{
		"partition [1] | [2 3]":                           {Kind: scenarios.Partition, Groups: [][]sim.ID{{1}, {2, 3}}},
		"one-way partition: nothing gets from [1] to [2]": {Kind: scenarios.OneWay, Sources: []sim.ID{1}, Targets: []sim.ID{2}},
		"cut [1>2]":            {Kind: scenarios.Cut, Links: []netmodel.Link{{From: 1, To: 2}}},
		"power loss of [1 2]":  {Kind: scenarios.PowerLoss, Nodes: []sim.ID{1, 2}},
		"process crash of [3]": {Kind: scenarios.ProcessCrash, Nodes: []sim.ID{3}},
		"disk rot [2]":         {Kind: scenarios.DiskFailure, What: disk.BitRot, Nodes: []sim.ID{2}},
		"disk zeroed [2] at the last boot": {
			Kind: scenarios.DiskFailure, What: disk.Zeroed, Target: scenarios.LastBoot, Nodes: []sim.ID{2},
		},
		"process crash of [1] when the disk request first write #2 is in flight": {
			Kind: scenarios.DiskCrash, Nodes: []sim.ID{1}, Crash: scenarios.ProcessCrash, Op: disk.StepFirstWrite, Phase: disk.InFlight, Occurrence: 2,
		},
		"clog on all links":                          {Kind: scenarios.Clog},
		"refuse on [1>2], on and off every 1ms":      {Kind: scenarios.Refuse, Links: []netmodel.Link{{From: 1, To: 2}}, Every: netmodel.Millisecond},
		"process crash of [3], on and off every 1ms": {Kind: scenarios.ProcessCrash, Nodes: []sim.ID{3}, Every: netmodel.Millisecond},
		"pause [1]":                    {Kind: scenarios.Pause, Nodes: []sim.ID{1}},
		"pause [1], clocks stopped":    {Kind: scenarios.Pause, Nodes: []sim.ID{1}, Freeze: true},
		"slow [2]: an event every 1ms": {Kind: scenarios.Slow, Nodes: []sim.ID{2}, Pace: netmodel.Millisecond},
		"stopped clocks [1 2]":         {Kind: scenarios.Freeze, Nodes: []sim.ID{1, 2}},
		"wipe [1]":                     {Kind: scenarios.Wipe, Nodes: []sim.ID{1}},
		"profile override on all links: constant delay 0s, corrupt 1.0 %, reset 0.5 %, bursts of 1ms (10.0 % of the time) that drop 90.0 %, a message every 1ms": {
			Kind: scenarios.ProfileOverride, Profile: &netmodel.Profile{
				Corrupt: 10_000, Reset: 5_000, Gap: netmodel.Millisecond,
				Burst: netmodel.Burst{Window: netmodel.Millisecond, Chance: 100_000, Drop: 900_000},
			},
		},
		"profile override on all links: constant delay 1ms": {
			Kind: scenarios.ProfileOverride, Profile: &netmodel.Profile{Delay: netmodel.Delay{Min: netmodel.Millisecond}},
		},
	} {
		require.Equal(t, want, f.String())
	}
}

// The damageable nodes of a generated plan are a minority, and the same one that
// the heal phase excludes. Systems that need all of their nodes have none.
func TestDamageIsForAMinority(t *testing.T) {
	most := 0
	for seed := range uint64(500) {
		s := shape(scenarios.All)
		s.Majority, s.ProvesLoss = seed%2 == 0, seed%4 == 0
		p := scenarios.Generate(seed, s)
		lost := map[sim.ID]bool{}
		for _, id := range p.Heal.Excluded {
			lost[id] = true
		}
		for _, f := range p.Faults {
			if f.Kind == scenarios.Wipe || f.Kind == scenarios.DiskFailure && f.What.Damages() {
				require.True(t, s.ProvesLoss)
				for _, id := range f.Nodes {
					lost[id] = true
				}
			}
		}
		require.LessOrEqual(t, len(lost), (p.Nodes-1)/2)
		most = max(most, len(lost))
	}
	require.Equal(t, 3, most)
}

func TestOverridesAreDescribed(t *testing.T) {
	message := sim.Address{Link: netmodel.Link{From: 101, To: 1}, Name: "request lifecycle/a c1.1", Occurrence: 1}
	for want, o := range map[string]netmodel.Override{
		"101>1 request lifecycle/a c1.1 #1 is lost":                                      {Fate: netmodel.Drop},
		"101>1 request lifecycle/a c1.1 #1 is lost, and its connection breaks after 1ms": {Fate: netmodel.Drop, Delay: netmodel.Millisecond, Break: true},
		"101>1 request lifecycle/a c1.1 #1 arrives after 1ms":                            {Delay: netmodel.Millisecond},
		"101>1 request lifecycle/a c1.1 #1 arrives after 1ms, and its connection breaks": {Delay: netmodel.Millisecond, Break: true},
		"101>1 request lifecycle/a c1.1 #1 arrives after 1ms and after 2ms":              {Delay: netmodel.Millisecond, Duplicate: true, Copy: 2 * netmodel.Millisecond},
	} {
		require.Equal(t, want, scenarios.MessageOverride{Message: message, Override: o}.String())
	}
}
