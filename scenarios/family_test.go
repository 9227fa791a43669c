package scenarios_test

import (
	"slices"
	"testing"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/workload"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/disk"
	"github.com/stretchr/testify/require"
)

func TestFamiliesOfAPlan(t *testing.T) {
	p := &scenarios.Plan{}
	require.Empty(t, scenarios.Families(p))
	p.Network.Drop = 1
	p.Clocks = []sim.Clock{{}, {Drift: 1}}
	p.Faults = []scenarios.Fault{
		{Kind: scenarios.ProfileOverride, Profile: &netmodel.Profile{Gap: 1, Burst: netmodel.Burst{Window: 1, Chance: 1, Drop: 1}}},
		{Kind: scenarios.Clog, Every: 1},
		{Kind: scenarios.ProcessCrash, Every: 1},
		{Kind: scenarios.Pause, Freeze: true},
		{Kind: scenarios.DiskFailure, What: disk.BitRot},
	}
	require.Equal(t, []scenarios.Family{
		scenarios.Drops, scenarios.Bursts, scenarios.Gaps, scenarios.Clogs, scenarios.Flaps, scenarios.ProcessCrashes, scenarios.Restarts,
		scenarios.DiskDamage, scenarios.Pauses, scenarios.Freezes, scenarios.Drifts,
	}, scenarios.Families(p))
	require.Equal(t, "one_way", scenarios.OneWays.String())
	require.Equal(t, "outside", scenarios.Exclusions.String())
}

// No plan has a family that its shape leaves out. Without the swarm every plan has
// all families that it can have.
func TestPartsOfTheGeneratorAreLeftOut(t *testing.T) {
	shape := scenarios.Shape{System: "origin", Definitions: []fsm.Definition{fsm.Lifecycle()}, Profile: scenarios.All, Majority: true}
	less, more := shape, shape
	less.Without = []scenarios.Family{scenarios.Drops, scenarios.DiskErrors}
	more.Everything = true
	require.NotContains(t, less.Families(), scenarios.Drops)
	require.Len(t, less.Families(), len(shape.Families())-2)
	for seed := range uint64(50) {
		after := scenarios.Generate(seed, less)
		require.NoError(t, after.Validate())
		for _, f := range scenarios.Families(after) {
			require.NotContains(t, less.Without, f)
		}
		all := scenarios.Generate(seed, more)
		require.NoError(t, all.Validate())
		for _, f := range []scenarios.Family{scenarios.Drops, scenarios.Clogs, scenarios.PowerLosses, scenarios.ProcessCrashes, scenarios.Pauses, scenarios.Drifts} {
			require.Contains(t, scenarios.Families(all), f)
		}
	}
}

// Whatever a system claims, a plan has the families that it can bear: those of loss
// only if it proves the loss.
func TestFamiliesThatASystemMustClaim(t *testing.T) {
	s := scenarios.System{Name: "plain", Workload: workload.Register()}
	claims := func(f scenarios.Family) bool {
		return slices.Contains(s.Shape(scenarios.Shape{Profile: scenarios.All}).Families(), f)
	}
	of := func(claim *bool, families ...scenarios.Family) {
		for _, f := range families {
			require.False(t, claims(f), f)
		}
		*claim = true
		for _, f := range families {
			require.True(t, claims(f), f)
		}
	}
	of(&s.Majority, scenarios.Exclusions)
	of(&s.ProvesLoss, scenarios.FamiliesOfLoss()...)
	of(&s.Batches, scenarios.Batches)
	of(&s.Connections, scenarios.Breaks)
	of(&s.Bytes, scenarios.Corruption)
	of(&s.Stops, scenarios.Stops)
	s.Without = []scenarios.Family{scenarios.Wipes}
	require.False(t, claims(scenarios.Wipes))
	s.Without, s.Majority = nil, false
	require.False(t, claims(scenarios.Rollbacks), "the loss of a node is too much")
	s.Majority = true
	for seed := range uint64(200) {
		p := scenarios.Generate(seed, s.Shape(scenarios.Shape{Profile: scenarios.All}))
		require.NoError(t, p.Validate())
		require.NoError(t, s.Check(p))
	}
}

func TestFamiliesHaveNames(t *testing.T) {
	for _, f := range scenarios.AllFamilies() {
		parsed, err := scenarios.ParseFamily(f.String())
		require.NoError(t, err)
		require.Equal(t, f, parsed)
	}
	_, err := scenarios.ParseFamily("wip")
	require.ErrorContains(t, err, `no family of faults is named "wip": want one of drop, burst, `)
}

func TestCoverageCountsPairs(t *testing.T) {
	c := scenarios.NewPairCoverage([]scenarios.Family{scenarios.Drops, scenarios.ProcessCrashes, scenarios.Pauses})
	require.Equal(t, "pairs of fault families: 0 of 3, missing drop+process_crash drop+pause process_crash+pause", c.String())
	p := &scenarios.Plan{Faults: []scenarios.Fault{{Kind: scenarios.ProcessCrash}, {Kind: scenarios.Pause}, {Kind: scenarios.Wipe}}}
	c.Add(p)
	c.Add(p)
	met, wanted := c.Pairs()
	require.Equal(t, [2]int{1, 3}, [2]int{met, wanted}, "nobody asked for wipes")

	other := scenarios.NewPairCoverage(scenarios.Families(p))
	p.Network.Drop = 1
	other = c
	other.Add(p)
	require.Empty(t, other.Missing())
	require.Len(t, c.Missing(), 2, "a coverage is a value")
	c.Merge(other)
	require.Equal(t, "pairs of fault families: 3 of 3", c.String())
}

// Validation errors about faults name the path of the field.
func TestFaultsThatMakeNoSenseAreRefused(t *testing.T) {
	for want, edit := range map[string]func(*scenarios.Plan){
		"faults[0].pace: a slow fault needs it":                   fault(scenarios.Fault{Kind: scenarios.Slow, Nodes: []sim.ID{1}}),
		"faults[0].pace: -1ns: want more than 0":                  fault(scenarios.Fault{Kind: scenarios.Slow, Nodes: []sim.ID{1}, Pace: -1}),
		"faults[0].nodes: a pause fault needs it":                 fault(scenarios.Fault{Kind: scenarios.Pause}),
		"faults[0].freeze: a freeze fault has none":               fault(scenarios.Fault{Kind: scenarios.Freeze, Nodes: []sim.ID{1}, Freeze: true}),
		"faults[0].every: a pause fault has none":                 fault(scenarios.Fault{Kind: scenarios.Pause, Nodes: []sim.ID{1}, Every: 1}),
		"faults[0].every: 1ns: want it to fit":                    fault(scenarios.Fault{Kind: scenarios.Clog, Every: 1}),
		"faults[0].every: -1ns: want it to fit":                   fault(scenarios.Fault{Kind: scenarios.Refuse, Every: -1}),
		"faults[0].links[0]: 2>2: want two":                       fault(scenarios.Fault{Kind: scenarios.Clog, Links: []netmodel.Link{{From: 2, To: 2}}}),
		"faults[0].nodes: with these 2 of 3 nodes may be lost":    fault(scenarios.Fault{Kind: scenarios.Wipe, Nodes: []sim.ID{1, 2}}),
		"faults[0].profile: corrupt_ppm: without knobs.codec":     fault(scenarios.Fault{Kind: scenarios.ProfileOverride, Profile: &netmodel.Profile{Corrupt: 1}}),
		"faults[0].phase: a disk_crash fault needs it":            fault(scenarios.Fault{Kind: scenarios.DiskCrash, Nodes: []sim.ID{1}, Crash: scenarios.PowerLoss, Op: disk.StepCreate}),
		`faults[0].crash: "wipe": want power_loss or process`:     fault(diskCrash(scenarios.Wipe, disk.StepCreate, disk.InFlight, 1)),
		`faults[0].op: "write": want create, first_write`:         fault(diskCrash(scenarios.PowerLoss, "write", disk.InFlight, 1)),
		`faults[0].phase: "late": want submitted, in_flight`:      fault(diskCrash(scenarios.PowerLoss, disk.StepCreate, "late", 1)),
		"faults[0].occurrence: -1: want 1 to 1000000":             fault(diskCrash(scenarios.PowerLoss, disk.StepCreate, disk.InFlight, -1)),
		`faults[0].target: "boot": want one of [last_boot last`:   fault(diskDamage(disk.BitRot, "boot")),
		`faults[0].target: "last_boot": a disk fault misdirect`:   fault(diskDamage(disk.Misdirected, scenarios.LastBoot)),
		`faults[0].target: "last_seal": a disk fault full has no`: fault(diskDamage(disk.Full, scenarios.LastSeal)),
		"faults[0].target: a wipe fault has none":                 fault(scenarios.Fault{Kind: scenarios.Wipe, Nodes: []sim.ID{1}, Target: scenarios.LastBoot}),
		"faults[0].op: a pause fault has none":                    fault(scenarios.Fault{Kind: scenarios.Pause, Nodes: []sim.ID{1}, Op: disk.StepCreate}),
		"disk: scatter_ppm: 1000001: want at most":                func(p *scenarios.Plan) { p.Disk.Scatter = netmodel.Always + 1 },
		"network: corrupt_ppm: without knobs.codec":               func(p *scenarios.Plan) { p.Network.Corrupt = 1 },
		"network: burst: window: want more than 0s":               func(p *scenarios.Plan) { p.Network.Burst.Drop = 1 },
		`heal.outside: "down": heal.without names no nodes`:       func(p *scenarios.Plan) { p.Heal.Exclusion = scenarios.StayDown },
		`heal.outside: "lost": want down, cut, paused or nothing`: func(p *scenarios.Plan) { p.Heal.Excluded, p.Heal.Exclusion = []sim.ID{1}, "lost" },
	} {
		p := scenarios.Generate(1, scenarios.Shape{
			System: "origin", Definitions: shape(scenarios.None).Definitions, Profile: scenarios.None, Nodes: 3,
		})
		require.NoError(t, p.Validate())
		edit(p)
		require.ErrorContains(t, p.Validate(), want)
	}
}

func diskDamage(what disk.Fault, target scenarios.DamageTarget) scenarios.Fault {
	return scenarios.Fault{Kind: scenarios.DiskFailure, Nodes: []sim.ID{1}, What: what, Target: target}
}

func diskCrash(crash scenarios.FaultKind, op disk.Step, phase disk.Phase, occurrence int) scenarios.Fault {
	return scenarios.Fault{Kind: scenarios.DiskCrash, Nodes: []sim.ID{1}, Crash: crash, Op: op, Phase: phase, Occurrence: occurrence}
}

func fault(f scenarios.Fault) func(*scenarios.Plan) {
	f.For = netmodel.Millisecond
	return func(p *scenarios.Plan) { p.Faults = []scenarios.Fault{f} }
}
