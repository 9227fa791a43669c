package scenarios_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/workload"
)

var (
	limit     = scenarios.Knob{Name: "limit", Min: 2, Max: 5000, Default: 100}
	heartbeat = scenarios.Knob{
		Name: "heartbeat", Unit: scenarios.Time, Min: int64(netmodel.Millisecond), Max: int64(netmodel.Second), Default: int64(50 * netmodel.Millisecond),
		Draw: func(c scenarios.Choices, p *scenarios.Plan) int64 {
			return int64(p.Trip()) * int64(c.Between("trips", 0, 1000))
		},
	}
	knobbed = scenarios.System{Name: "knobbed", Workload: workload.KV(), Knobs: []scenarios.Knob{limit, heartbeat}}
)

// Seeds give a knob its default, and values of each order of magnitude in its range.
func TestSeedsDrawKnobs(t *testing.T) {
	shape := scenarios.Shape{System: "knobbed", Workload: knobbed.Workload, Knobs: knobbed.Knobs, Profile: scenarios.All}
	defaults, small, large := 0, 0, 0
	for seed := range uint64(400) {
		p := scenarios.Generate(seed, shape)
		require.NoError(t, p.Validate())
		require.NoError(t, knobbed.Check(p))
		for _, k := range knobbed.Knobs {
			require.GreaterOrEqual(t, k.Of(p), k.Min)
			require.LessOrEqual(t, k.Of(p), k.Max)
		}
		switch n := limit.Of(p); {
		case n == limit.Default:
			defaults++
		case n < 10:
			small++
		case n > 1000:
			large++
		}
	}
	require.InDelta(t, 200, defaults, 40)
	require.Greater(t, small, 20)
	require.Greater(t, large, 20)
	shape.Profile = scenarios.None
	require.Empty(t, scenarios.Generate(1, shape).Settings)
}

// A setting that makes no sense is refused with the place and the remedy.
func TestSenselessSettingsAreRefused(t *testing.T) {
	for want, settings := range map[string][]scenarios.Setting{
		`settings[0].name: want the name of a knob`:                             {{Value: 3}},
		`settings[1]: limit is set twice`:                                       {{Name: "limit", Value: 3}, {Name: "limit", Value: 4}},
		`settings[0]: limit: want a value or a time`:                            {{Name: "limit", Value: 3, Time: 1}},
		`settings[0].name: "limits": the system has no such knob; it has limit`: {{Name: "limits", Value: 3}},
		`settings[0].value: 1: want 2 to 5000`:                                  {{Name: "limit", Value: 1}},
		`settings[0].time: limit is a number: want value`:                       {{Name: "limit", Time: 3}},
		`settings[0].value: heartbeat is a time: want time`:                     {{Name: "heartbeat", Value: 3}},
		`settings[0].time: 2s: want 1ms to 1s`:                                  {{Name: "heartbeat", Time: 2 * netmodel.Second}},
	} {
		p := scenarios.Generate(1, scenarios.Shape{System: "knobbed", Workload: knobbed.Workload, Profile: scenarios.None})
		p.Settings = settings
		err := p.Validate()
		if err == nil {
			err = knobbed.Check(p)
		}
		require.ErrorIs(t, err, scenarios.ErrPlan)
		require.ErrorContains(t, err, want)
	}
}

func TestSenselessKnobsAreRefused(t *testing.T) {
	for want, k := range map[string]scenarios.Knob{
		`name "Heart Beat": want lower case`:  {Name: "Heart Beat"},
		`x: unit "s": want "count" or "time"`: {Name: "x", Unit: "s"},
		`x: min 3, max 2: want`:               {Name: "x", Min: 3, Max: 2},
		`x: default 9: want min to max`:       {Name: "x", Min: 1, Max: 2, Default: 9},
	} {
		require.ErrorContains(t, k.Validate(), want)
	}
	require.NoError(t, limit.Validate())
}

// A plan has only the knobs that its system has.
func TestKnobsOfMachinesAreRefusedElsewhere(t *testing.T) {
	p := scenarios.Generate(1, scenarios.Shape{System: "knobbed", Workload: knobbed.Workload, Profile: scenarios.None})
	p.Knobs.DedupWindow, p.Knobs.Batch = 4, 2
	require.NoError(t, p.Validate())
	require.ErrorContains(t, knobbed.Check(p), "invalid plan: knobs.dedup_window: knobbed has no such knob")
	p.System = "other"
	require.ErrorContains(t, knobbed.Check(p), `system: the plan is for "other", not for "knobbed"`)
	p.System, p.Workload = "knobbed", "lock"
	require.ErrorContains(t, knobbed.Check(p), `workload: "lock": knobbed has "kv"`)
}

// A trip is of the typical latencies, of which the least is a quarter: a timeout in
// proportion to that would be too short for any round.
func TestTripIsTypical(t *testing.T) {
	const us = netmodel.Microsecond
	constant := func(d scenarios.Duration) netmodel.Delay { return netmodel.Delay{Min: d} }
	p := &scenarios.Plan{}
	p.Network.Delay, p.Disk.Write, p.Disk.Sync = constant(100*us), constant(10*us), constant(50*us)
	require.Equal(t, 260*us, p.Trip())
	p.Network.Delay = netmodel.Delay{Kind: netmodel.Exponential, Min: 25 * us, Mean: 100 * us, Max: 2000 * us}
	p.Disk.Write = netmodel.Delay{Kind: netmodel.Uniform, Min: 2 * us, Max: 20 * us}
	p.Disk.Sync = netmodel.Delay{Kind: netmodel.Heavy, Min: 12 * us, Mean: 50 * us, Max: 10_000 * us}
	require.Equal(t, 260*us, p.Trip())
	p.Heal.Delay = 200 * us
	require.Equal(t, 460*us, p.Trip())
}
