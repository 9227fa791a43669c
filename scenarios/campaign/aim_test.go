package campaign_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/lockstep"
	"github.com/lockstep-dst/lockstep/scenarios/origin"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/lockstep-dst/lockstep/sim"
)

// aimedPlans returns the plans of c's aimed seeds below seeds, by seed.
func aimedPlans(c campaign.Campaign, seeds uint64) (plans []*scenarios.Plan) {
	for seed := range seeds {
		if p := c.Plan(seed); firstAim(p) != nil {
			plans = append(plans, p)
		}
	}
	return plans
}

// firstAim is the earliest aimed fault of p; nil: it has none.
func firstAim(p *scenarios.Plan) *scenarios.Fault {
	i := slices.IndexFunc(p.Faults, func(f scenarios.Fault) bool { return f.Aim != "" })
	if i < 0 {
		return nil
	}
	return &p.Faults[i]
}

// Up to its first aimed fault a run is that of the plan without aimed faults, so the
// fault meets the instant that the first run has shown.
func TestAnAimedRunComesToItsInstant(t *testing.T) {
	for _, sys := range []scenarios.System{lockstep.System(), origin.System()} {
		c := campaignOf(sys, scenarios.All, 0)
		unaimed := c
		unaimed.Shape.Aimed = scenarios.Unaimed
		plans := aimedPlans(c, 60)
		require.NotEmpty(t, plans)
		for _, p := range plans {
			until := firstAim(p).At
			faultsOnly := *p
			faultsOnly.Overrides = nil
			want := traceUntil(t, sys, unaimed.Plan(p.Seed), until)
			require.Equal(t, want, traceUntil(t, sys, &faultsOnly, until), "seed %d", p.Seed)
		}
	}
}

// traceUntil is the trace of a run before a time.
func traceUntil(t *testing.T, sys scenarios.System, p *scenarios.Plan, until scenarios.Duration) (lines []string) {
	_, err := play.Run(t.Context(), sys, p, play.Options{SafetyOnly: true, Trace: func(l sim.TraceLine) {
		if l.At < until {
			lines = append(lines, l.String())
		}
	}})
	require.NoError(t, err)
	return lines
}

// An aimed plan is a plain one: it is valid, says what it was aimed at, and is the
// same each time and when it is read back.
func TestAimedPlansArePlainPlans(t *testing.T) {
	c := campaignOf(lockstep.System(), scenarios.All, 0)
	c.Shape.Aimed = 100
	plans := aimedPlans(c, 60)
	require.Greater(t, len(plans), 50)
	for _, p := range plans {
		require.NoError(t, p.Validate())
		require.Equal(t, p, c.Plan(p.Seed))
		back, err := scenarios.Decode(scenarios.Encode(p))
		require.NoError(t, err)
		require.Equal(t, p, back)
		require.Contains(t, p.Summary(), ", aimed: "+firstAim(p).Aim)
	}
}

// Aimed seeds set the fields that the generator alone leaves empty, and use every kind
// of fault that is aimed.
func TestAimedSeedsSetTheirFields(t *testing.T) {
	c := campaignOf(lockstep.System(), scenarios.All, 0)
	c.Shape.Aimed = 100
	overrides, kinds := 0, map[scenarios.FaultKind]bool{}
	for _, p := range aimedPlans(c, 60) {
		overrides += len(p.Overrides)
		for _, f := range p.Faults {
			if f.Aim != "" {
				kinds[f.Kind] = true
			}
		}
	}
	require.Positive(t, overrides)
	require.Equal(t, map[scenarios.FaultKind]bool{scenarios.PowerLoss: true, scenarios.ProcessCrash: true, scenarios.Cut: true, scenarios.Pause: true}, kinds)
}

// One seed in six is aimed, none if the shape or its profile rules it out.
func TestTheShareOfAimedSeeds(t *testing.T) {
	aimed := func(profile scenarios.FaultProfile, percent int) (n int) {
		for seed := range uint64(6000) {
			if scenarios.Aims(seed, scenarios.Shape{Profile: profile, Aimed: percent}) > 0 {
				n++
			}
		}
		return n
	}
	require.InDelta(t, 1000, aimed(scenarios.All, 0), 150)
	require.InDelta(t, 3000, aimed(scenarios.Network, 50), 200)
	require.Zero(t, aimed(scenarios.All, scenarios.Unaimed))
	require.Zero(t, aimed(scenarios.None, 100))
}

// A profile, and the families that a shape leaves out, hold for aimed faults.
func TestAimedFaultsAreOfTheAllowedFamilies(t *testing.T) {
	for profile, allowed := range map[scenarios.FaultProfile][]scenarios.FaultKind{
		scenarios.Network: {scenarios.Cut},
		scenarios.Crashes: {scenarios.PowerLoss, scenarios.ProcessCrash},
	} {
		c := campaignOf(lockstep.System(), profile, 0)
		c.Shape.Aimed = 100
		plans := aimedPlans(c, 20)
		require.NotEmpty(t, plans)
		for _, p := range plans {
			for _, f := range p.Faults {
				require.True(t, f.Aim == "" || slices.Contains(allowed, f.Kind), "seed %d of %s: %v", p.Seed, profile, &f)
			}
		}
		c.Shape.Without = []scenarios.Family{scenarios.Cuts, scenarios.PowerLosses, scenarios.ProcessCrashes}
		require.Empty(t, aimedPlans(c, 20))
	}
}

// A run that violates a property gets no aimed faults: they might hide what it shows.
func TestARunThatFailsIsNotAimed(t *testing.T) {
	c := campaignOf(origin.System(), scenarios.All, 0)
	c.Shape.Aimed = 100
	unaimed := c
	unaimed.Shape.Aimed = scenarios.Unaimed
	failed := 0
	for seed := range uint64(300) {
		p := unaimed.Plan(seed)
		r, err := play.Run(t.Context(), c.System, p, play.Options{SafetyOnly: true})
		require.NoError(t, err)
		if v := r.Violation; v != nil && v.Property != "linearizability" {
			failed++
			require.Equal(t, p, c.Plan(seed), "seed %d: %s", seed, r.Signature())
		}
	}
	require.Positive(t, failed)
}
