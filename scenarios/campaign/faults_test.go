package campaign_test

import (
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/origin"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/stretchr/testify/require"
)

const ms = netmodel.Millisecond

// Faults that overlap add up: each lasts as long as it says, whatever else
// begins and ends meanwhile.
func TestCrashesAddUp(t *testing.T) {
	require.Equal(t, []scenarios.Duration{10 * ms, 110 * ms}, times(t, "crash|boot 2", 1,
		scenarios.Fault{At: 10 * ms, For: 100 * ms, Kind: scenarios.Crash, Nodes: []sim.ID{1}},
		scenarios.Fault{At: 20 * ms, For: 10 * ms, Kind: scenarios.Crash, Nodes: []sim.ID{1, 2}},
	))
}

func TestKillsAddUpWithCrashes(t *testing.T) {
	require.Equal(t, []scenarios.Duration{10 * ms, 110 * ms}, times(t, "kill|crash|boot 2", 1,
		scenarios.Fault{At: 10 * ms, For: 50 * ms, Kind: scenarios.Kill, Nodes: []sim.ID{1}},
		scenarios.Fault{At: 20 * ms, For: 90 * ms, Kind: scenarios.Crash, Nodes: []sim.ID{1, 2}},
	), "and the crash takes nothing: the origin has no disk")
}

func TestWeatherAddsUp(t *testing.T) {
	nothing := netmodel.Profile{Drop: netmodel.Always}
	clear := netmodel.Profile{Delay: netmodel.Delay{Min: ms}}
	require.Equal(t, []scenarios.Duration{0, 20 * ms, 60 * ms}, times(t, "lost: loss", 101,
		scenarios.Fault{At: 0, For: 80 * ms, Kind: scenarios.Weather, Profile: &nothing},
		scenarios.Fault{At: 30 * ms, For: 20 * ms, Kind: scenarios.Weather, Profile: &clear, Links: netmodel.TwoWay([]sim.ID{101}, []sim.ID{1})},
	))
}

func TestTheHealPhaseEndsEveryFault(t *testing.T) {
	require.Equal(t, []scenarios.Duration{10 * ms, 200 * ms}, times(t, "crash|boot 2", 1,
		scenarios.Fault{At: 10 * ms, For: netmodel.Minute, Kind: scenarios.Crash, Nodes: []sim.ID{1}},
		scenarios.Fault{At: 20 * ms, For: netmodel.Minute, Kind: scenarios.Crash, Nodes: []sim.ID{1}},
	))
}

// times tells when one of the words came up at a process, in a plan in which a
// client reads every 20 ms until the heal phase begins at 200 ms.
func times(t *testing.T, words string, id sim.ID, faults ...scenarios.Fault) (at []scenarios.Duration) {
	c := campaignOf(origin.System(), scenarios.None, 0)
	c.Shape.Clients, c.Shape.Nodes, c.Shape.Operations = 1, 3, 5
	p := c.Plan(1)
	p.Heal.At, p.Faults, p.Knobs.ClientTimeout = 200*ms, faults, 5*ms
	for i := range p.Operations {
		o := &p.Operations[i]
		o.At, o.Kind, o.To = scenarios.Duration(i)*20*ms, scenarios.Read, ""
	}
	require.NoError(t, p.Validate())
	_, err := campaign.Run(t.Context(), c.System, p, campaign.Options{Trace: func(l sim.Line) {
		for word := range strings.SplitSeq(words, "|") {
			if l.ID == id && strings.Contains(l.What, word) {
				at = append(at, l.At)
			}
		}
	}})
	require.NoError(t, err)
	return at
}
