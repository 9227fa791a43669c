package campaign_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/lockstep"
	"github.com/lockstep-dst/lockstep/scenarios/origin"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/disk"
	"github.com/stretchr/testify/require"
)

const ms = netmodel.Millisecond

// Faults that overlap add up: each lasts for its full time, whatever else begins
// and ends meanwhile.
func TestPowerLossesAddUp(t *testing.T) {
	require.Equal(t, []scenarios.Duration{10 * ms, 110 * ms}, times(t, "power loss|boot 2", 1,
		scenarios.Fault{At: 10 * ms, For: 100 * ms, Kind: scenarios.PowerLoss, Nodes: []sim.ID{1}},
		scenarios.Fault{At: 20 * ms, For: 10 * ms, Kind: scenarios.PowerLoss, Nodes: []sim.ID{1, 2}},
	))
}

func TestProcessCrashesAddUpWithPowerLosses(t *testing.T) {
	require.Equal(t, []scenarios.Duration{10 * ms, 110 * ms}, times(t, "process crash|power loss|boot 2", 1,
		scenarios.Fault{At: 10 * ms, For: 50 * ms, Kind: scenarios.ProcessCrash, Nodes: []sim.ID{1}},
		scenarios.Fault{At: 20 * ms, For: 90 * ms, Kind: scenarios.PowerLoss, Nodes: []sim.ID{1, 2}},
	), "and the crash takes nothing: the origin has no disk")
}

func TestProfileOverridesAddUp(t *testing.T) {
	nothing := netmodel.Profile{Drop: netmodel.Always}
	clear := netmodel.Profile{Delay: netmodel.Delay{Min: ms}}
	require.Equal(t, []scenarios.Duration{0, 20 * ms, 60 * ms}, times(t, "lost: loss", 101,
		scenarios.Fault{At: 0, For: 80 * ms, Kind: scenarios.ProfileOverride, Profile: &nothing},
		scenarios.Fault{At: 30 * ms, For: 20 * ms, Kind: scenarios.ProfileOverride, Profile: &clear, Links: netmodel.TwoWay([]sim.ID{101}, []sim.ID{1})},
	))
}

func TestTheHealPhaseEndsEveryFault(t *testing.T) {
	require.Equal(t, []scenarios.Duration{10 * ms, 200 * ms}, times(t, "power loss|boot 2", 1,
		scenarios.Fault{At: 10 * ms, For: netmodel.Minute, Kind: scenarios.PowerLoss, Nodes: []sim.ID{1}},
		scenarios.Fault{At: 20 * ms, For: netmodel.Minute, Kind: scenarios.PowerLoss, Nodes: []sim.ID{1}},
	))
}

// times lists the times at which one of the words occurred at a process, in a plan
// in which a client reads every 20 ms until the heal phase begins at 200 ms.
func times(t *testing.T, words string, id sim.ID, faults ...scenarios.Fault) (at []scenarios.Duration) {
	c := campaignOf(origin.System(), scenarios.None, 0)
	c.Shape.Clients, c.Shape.Nodes, c.Shape.Operations = 1, 3, 5
	p := c.Plan(1)
	p.Heal.At, p.Faults, p.Knobs.ClientTimeout = 200*ms, faults, 5*ms
	for i := range p.Operations {
		o := &p.Operations[i]
		o.At, o.Kind, o.Argument = scenarios.Duration(i)*20*ms, scenarios.Read, ""
	}
	require.NoError(t, p.Validate())
	_, err := play.Run(t.Context(), c.System, p, play.Options{Trace: func(l sim.TraceLine) {
		for word := range strings.SplitSeq(words, "|") {
			if l.ID == id && strings.Contains(l.Text, word) {
				at = append(at, l.At)
			}
		}
	}})
	require.NoError(t, err)
	return at
}

func TestNodesRestartAgainAndAgain(t *testing.T) {
	require.Equal(t, []scenarios.Duration{10 * ms, 40 * ms, 70 * ms, 100 * ms}, times(t, "process crash|boot 2|boot 3", 1,
		scenarios.Fault{At: 10 * ms, For: 100 * ms, Kind: scenarios.ProcessCrash, Nodes: []sim.ID{1}, Every: 30 * ms},
	))
}

func TestLinksFlap(t *testing.T) {
	require.Equal(t, []scenarios.Duration{20 * ms, 60 * ms}, times(t, "lost: refused", 101, // reads are every 20 ms
		scenarios.Fault{At: 15 * ms, For: 100 * ms, Kind: scenarios.Refuse, Every: 20 * ms},
	))
}

// The latest slow fault of a node counts, while it lasts.
func TestSlownessAddsUp(t *testing.T) {
	slow := func(at, last, pace scenarios.Duration) scenarios.Fault {
		return scenarios.Fault{At: at * ms, For: last * ms, Kind: scenarios.Slow, Nodes: []sim.ID{1}, Pace: pace}
	}
	r := resultOf(t, campaignOf(lockstep.System(), scenarios.None, 0), func(p *scenarios.Plan) {
		p.Faults = []scenarios.Fault{slow(1, 100, 1), slow(2, 50, ms)}
	})
	require.NotZero(t, r.Hits[scenarios.Slowness])
	require.Equal(t, []scenarios.Family{scenarios.Slowness}, r.Families)
}

// The peers of a wiped node reject its incarnation. It learns so and is lost; the
// others continue.
func TestAWipedNodeIsLost(t *testing.T) {
	var seen []string
	r := resultOf(t, campaignOf(lockstep.System(), scenarios.None, 0), func(p *scenarios.Plan) {
		p.Faults = []scenarios.Fault{{At: 20 * ms, For: 10 * ms, Kind: scenarios.Wipe, Nodes: []sim.ID{2}}}
	}, func(l sim.TraceLine) {
		for _, word := range []string{"incarnation of node 2 rejected", "node 2 ends"} {
			if strings.Contains(l.Text, word) && !slices.Contains(seen, word) {
				seen = append(seen, word)
			}
		}
	})
	require.Equal(t, []string{"incarnation of node 2 rejected", "node 2 ends"}, seen)
	require.EqualValues(t, 1, r.Hits[scenarios.Wipes])
}

// For every exclusion, the core of a system that needs only a majority makes
// progress, and the excluded nodes join it later.
func TestTheCoreGoesOnAlone(t *testing.T) {
	for _, outside := range []scenarios.Exclusion{scenarios.StayDown, scenarios.StayCutOff, scenarios.StayPaused} {
		var phases []string
		r := resultOf(t, campaignOf(lockstep.System(), scenarios.None, 0), func(p *scenarios.Plan) {
			p.Heal.Excluded, p.Heal.Exclusion = []sim.ID{3}, outside
		}, func(l sim.TraceLine) {
			if l.ID == 0 {
				phases = append(phases, l.Text)
			}
		})
		require.Equal(t, []string{"heal", "the core has settled", "all has been said", "go on"}, phases)
		require.EqualValues(t, 1, r.Hits[scenarios.Exclusions])
	}
}

func smallPlan(c campaign.Campaign) *scenarios.Plan {
	c.Shape.Clients, c.Shape.Nodes, c.Shape.Operations = 1, 3, 20
	p := c.Plan(1)
	p.Heal.At = max(p.Heal.At, 200*ms)
	return p
}

// resultOf runs a small plan, which must pass.
func resultOf(t *testing.T, c campaign.Campaign, edit func(*scenarios.Plan), trace ...func(sim.TraceLine)) play.Result {
	p := smallPlan(c)
	edit(p)
	require.NoError(t, p.Validate())
	o := play.Options{}
	if len(trace) > 0 {
		o.Trace = trace[0]
	}
	r, err := play.Run(t.Context(), c.System, p, o)
	require.NoError(t, err)
	require.Equal(t, play.Passed, r.Status, r.Sentence())
	return r
}

// A node that forms its log crashes at each of the moments of that, and restarts at once.
func TestNodesCrashAtMomentsOfTheDisk(t *testing.T) {
	for _, op := range []disk.Step{disk.StepCreate, disk.StepFirstWrite, disk.StepSyncDir} {
		for _, phase := range []disk.Phase{disk.Submitted, disk.InFlight, disk.Completed} {
			for crash, text := range map[scenarios.FaultKind]string{scenarios.PowerLoss: "power loss", scenarios.ProcessCrash: "process crash"} {
				var at []scenarios.Duration
				r := resultOf(t, campaignOf(lockstep.System(), scenarios.None, 0), func(p *scenarios.Plan) {
					p.Faults = []scenarios.Fault{{
						For: 100 * ms, Kind: scenarios.DiskCrash, Nodes: []sim.ID{2}, Crash: crash, Op: op, Phase: phase, Occurrence: 1,
					}}
				}, func(l sim.TraceLine) {
					if l.ID == 2 && l.At < 100*ms && (l.Text == text || l.Text == "boot 2") {
						at = append(at, l.At)
					}
				})
				require.Equal(t, uint64(1), r.Hits[scenarios.DiskCrashes], "%v %v", op, phase)
				require.Len(t, at, 2)
				require.Equal(t, at[0], at[1])
				require.Less(t, at[0], 10*ms)
			}
		}
	}
}

// Damage that is aimed at a part of a node's log strikes there: the node refuses to start
// and names the place. Nothing is damaged if the log has no such part.
func TestDamageStrikesItsTarget(t *testing.T) {
	for target, words := range map[scenarios.DamageTarget]string{
		scenarios.LastBoot: "the record there does not check", scenarios.LastEntry: "the records end there", scenarios.LastHeader: "the header does not check",
		scenarios.LastSeal: "", // there is one segment
	} {
		refused := ""
		r := resultOf(t, campaignOf(lockstep.System(), scenarios.None, 0), func(p *scenarios.Plan) {
			p.Heal.At = 600 * ms // the nodes have paused, and their marks cover all
			damage := diskFault(disk.BitRot, 500*ms, ms)
			damage.Nodes, damage.Target = []sim.ID{2}, target
			p.Faults = []scenarios.Fault{damage, {At: 510 * ms, For: ms, Kind: scenarios.PowerLoss, Nodes: []sim.ID{2}}}
		}, func(l sim.TraceLine) {
			if l.ID == 2 && strings.Contains(l.Text, "stopped: ") {
				refused = l.Text
			}
		})
		hits := uint64(1)
		if words == "" {
			hits = 0
		}
		require.Equal(t, hits, r.Hits[scenarios.DiskDamage], target)
		require.Equal(t, words != "", refused != "", "%s: %s", target, refused)
		require.Contains(t, refused, words, target)
	}
}
