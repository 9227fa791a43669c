package scenarios_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func shape(p scenarios.FaultProfile) scenarios.Shape {
	return scenarios.Shape{System: "origin", Definitions: []fsm.Definition{fsm.Lifecycle()}, Profile: p}
}

// anyShape draws a shape, sometimes with a second definition.
func anyShape(t *rapid.T) scenarios.Shape {
	s := shape(rapid.SampledFrom(scenarios.FaultProfiles()).Draw(t, "profile"))
	if rapid.Bool().Draw(t, "stone") {
		s.Definitions = append(s.Definitions, fsm.Definition{Name: "stone", States: []string{"Still"}, Initial: "Still"})
	}
	s.Majority = rapid.Bool().Draw(t, "majority")
	s.ProvesLoss = rapid.Bool().Draw(t, "proves loss")
	s.Nodes = rapid.IntRange(0, scenarios.MaxNodes).Draw(t, "nodes")
	s.Clients = rapid.IntRange(0, scenarios.MaxClients).Draw(t, "clients")
	s.Operations = rapid.IntRange(0, 200).Draw(t, "operations")
	s.Machines = rapid.IntRange(0, 200).Draw(t, "machines")
	return s
}

// rapidSource draws each choice from rapid, whatever its label.
type rapidSource struct{ *rapid.T }

func (d rapidSource) Choose(label string, n uint64) uint64 {
	return rapid.Uint64Max(n-1).Draw(d.T, label)
}
func (d rapidSource) At(string, int) scenarios.Source { return d }

func TestGeneratedPlansKeepTheirBounds(t *testing.T) {
	for _, profile := range scenarios.FaultProfiles() {
		t.Run(string(profile), func(t *testing.T) {
			for seed := range uint64(300) {
				s := shape(profile)
				p := scenarios.Generate(seed, s)
				require.Equal(t, seed, p.Seed)
				requireBounds(t, s, p)
			}
		})
	}
	t.Run("any", rapid.MakeCheck(func(t *rapid.T) {
		s := anyShape(t)
		requireBounds(t, s, scenarios.GenerateFrom(rapidSource{t}, s))
	}))
}

func requireBounds(t require.TestingT, s scenarios.Shape, p *scenarios.Plan) {
	require.NoError(t, p.Validate())
	requireCount(t, "nodes", s.Nodes, 1, scenarios.MaxNodes, p.Nodes)
	requireCount(t, "clients", s.Clients, 1, 5, p.Clients)
	requireCount(t, "operations", s.Operations, 20, max(270, s.Machines*3/2), len(p.Operations))
	requireCount(t, "faults", 0, 0, 14*2*2, len(p.Faults)) // two of each kind, each perhaps with an accompanying one
	require.LessOrEqual(t, len(p.Machines()), cmp.Or(s.Machines, 180))
	require.GreaterOrEqual(t, p.Heal.Within, 27*netmodel.Second+netmodel.Second*netmodel.Duration(len(p.Machines())), "a fresh operation on each, one after the other")
	require.Empty(t, p.Overrides)
	requireTimeOrder(t, p)
	switch s.Profile {
	case scenarios.None:
		require.Empty(t, p.Faults)
		require.Empty(t, p.Clocks)
		requireHome(t, p)
		requireSteady(t, p.Network)
	case scenarios.Crashes:
		require.Empty(t, p.Clocks)
		requireSteady(t, p.Network)
		requireFaults(t, p, scenarios.PowerLoss, scenarios.ProcessCrash, scenarios.DiskCrash)
	case scenarios.Disks:
		require.Empty(t, p.Clocks)
		requireSteady(t, p.Network)
		requireFaults(t, p, scenarios.PowerLoss, scenarios.ProcessCrash, scenarios.DiskCrash, scenarios.DiskFailure)
	case scenarios.Network:
		require.Empty(t, p.Clocks)
		requireFaults(t, p, scenarios.Partition, scenarios.OneWay, scenarios.Cut, scenarios.ProfileOverride, scenarios.Clog, scenarios.Refuse)
	}
}

// requireCount compares a count with the number that the shape sets, or with bounds
// if it sets none.
func requireCount(t require.TestingT, what string, asked, lo, hi, got int) {
	if asked != 0 {
		lo, hi = asked, asked
	}
	require.True(t, lo <= got && got <= hi, "%d %s: want %d to %d", got, what, lo, hi)
}

// requireHome requires that every client is free to choose its node.
func requireHome(t require.TestingT, p *scenarios.Plan) {
	for _, o := range p.Operations {
		require.Zero(t, o.Node, o.ID)
	}
}

func requireSteady(t require.TestingT, p netmodel.Profile) {
	require.Equal(t, netmodel.Profile{Delay: netmodel.Delay{Kind: netmodel.Constant, Min: p.Delay.Min}}, p)
}

func requireFaults(t require.TestingT, p *scenarios.Plan, kinds ...scenarios.FaultKind) {
	for _, f := range p.Faults {
		require.Contains(t, kinds, f.Kind)
	}
}

// requireTimeOrder requires that the plan is ordered by time, and that each client
// numbers its operations in that order.
func requireTimeOrder(t require.TestingT, p *scenarios.Plan) {
	counts := map[int]int{}
	var last scenarios.Duration
	for _, o := range p.Operations {
		require.LessOrEqual(t, last, o.At)
		last = o.At
		counts[o.Client]++
		require.Equal(t, fmt.Sprintf("c%d.%d", o.Client, counts[o.Client]), o.ID)
	}
	require.True(t, slices.IsSortedFunc(p.Faults, func(a, b scenarios.Fault) int { return int(a.At - b.At) }))
}

// Every profile serves its purpose: over many seeds all its families occur, any two
// of them together in a plan, each in about half of the plans, and no other family.
func TestProfilesUseAllTheirFamilies(t *testing.T) {
	const seeds = 600
	for _, profile := range scenarios.FaultProfiles() {
		s := shape(profile)
		s.Majority, s.ProvesLoss, s.Nodes = true, true, 5
		count := map[scenarios.Family]int{}
		coverage := scenarios.NewPairCoverage(s.Families())
		for seed := range uint64(seeds) {
			p := scenarios.Generate(seed, s)
			coverage.Add(p)
			for _, f := range scenarios.Families(p) {
				count[f]++
			}
		}
		for _, f := range s.Families() {
			require.Greater(t, count[f], seeds/20, "%s: %v", profile, f)
			require.Less(t, count[f], seeds*3/4, "%s: %v", profile, f)
			delete(count, f)
		}
		require.Empty(t, count, profile)
		require.Empty(t, coverage.Missing(), profile)
	}
}

// Features that are no family of their own occur too.
func TestPlansUseTheirWholeVocabulary(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(300) {
		s := shape(scenarios.All)
		s.Majority, s.ProvesLoss = true, true
		p := scenarios.Generate(seed, s)
		note(seen, "roaming", roams(p))
		note(seen, string(p.Heal.Exclusion), true)
		for _, f := range p.Faults {
			note(seen, string(f.Kind), true)
			note(seen, f.What.String(), f.Kind == scenarios.DiskFailure)
			note(seen, "suspended", f.Kind == scenarios.Pause && f.Freeze)
			note(seen, "all at once", f.Kind == scenarios.PowerLoss && len(f.Nodes) == p.Nodes && p.Nodes > 2)
			note(seen, "bridge", len(f.Groups) == 2 && len(f.Groups[0])+len(f.Groups[1]) < p.Nodes)
			note(seen, "dedup_window", f.Kind == scenarios.Cut && len(f.Links) > 2)
		}
	}
	for _, want := range []string{
		"roaming", "down", "cut", "paused", "profile_override", "partition", "one_way", "clog", "refuse", "power_loss", "process_crash", "pause", "slow",
		"freeze", "wipe", "disk", "rot", "misdirect", "read_error", "short_read", "write_error", "sync_error", "full", "stuck",
		"suspended", "all at once", "bridge", "dedup_window",
	} {
		require.True(t, seen[want], want)
	}
}

// Ties are common: messages that arrive at the same time since all links are alike, and
// operations of different clients that begin at the same time.
func TestTiesAreCommon(t *testing.T) {
	const seeds = 600
	alike, together := 0, 0
	for seed := range uint64(seeds) {
		p := scenarios.Generate(seed, shape(scenarios.All))
		if !slices.ContainsFunc(scenarios.Families(p), variesDelays) {
			alike++
		}
		if beginTogether(p.Operations) {
			together++
		}
	}
	require.Greater(t, alike, seeds/4)
	require.Greater(t, together, seeds/3)
}

func variesDelays(f scenarios.Family) bool {
	return f == scenarios.Delays || f == scenarios.Reorders || f == scenarios.Gaps
}

// beginTogether reports whether two clients have an operation at the same time.
func beginTogether(ops []scenarios.Operation) bool {
	for i := 1; i < len(ops); i++ {
		if ops[i].At == ops[i-1].At && ops[i].Client != ops[i-1].Client {
			return true
		}
	}
	return false
}

func note(seen map[string]bool, what string, is bool) {
	if is {
		seen[what] = true
	}
}

func roams(p *scenarios.Plan) bool {
	return slices.ContainsFunc(p.Operations, func(o scenarios.Operation) bool { return o.Node != 0 })
}

func TestEncodeAndDecodeAreInverse(t *testing.T) {
	for _, profile := range scenarios.FaultProfiles() {
		for seed := range uint64(100) {
			requireRoundTrip(t, scenarios.Generate(seed, shape(profile)))
		}
	}
	t.Run("any", rapid.MakeCheck(func(t *rapid.T) {
		s := anyShape(t)
		requireRoundTrip(t, scenarios.GenerateFrom(rapidSource{t}, s))
	}))
}

func requireRoundTrip(t require.TestingT, p *scenarios.Plan) {
	text := scenarios.Encode(p)
	got, err := scenarios.Decode(text)
	require.NoError(t, err)
	require.Equal(t, p, got)
	require.Equal(t, string(text), string(scenarios.Encode(got)))
}

func TestAPlanWithoutOperationsIsAPlan(t *testing.T) {
	p := scenarios.Generate(1, shape(scenarios.None))
	p.Operations = nil
	requireRoundTrip(t, p)
}

// simplestSource always makes the simplest choice.
type simplestSource struct{}

func (simplestSource) Choose(string, uint64) uint64    { return 0 }
func (simplestSource) At(string, int) scenarios.Source { return simplestSource{} }

func TestTheSimplestChoicesGiveTheCalmestPlan(t *testing.T) {
	for _, profile := range scenarios.FaultProfiles() {
		p := scenarios.GenerateFrom(simplestSource{}, shape(profile))
		require.NoError(t, p.Validate())
		require.Equal(t, 1, p.Clients)
		require.Equal(t, []string{"lifecycle/m1"}, p.Machines())
		require.Len(t, p.Operations, 20)
		require.Empty(t, p.Faults)
		require.Empty(t, p.Clocks)
		requireHome(t, p)
		requireSteady(t, p.Network)
		require.Zero(t, p.Knobs.MaxResends)
	}
}

// An operation's own choices depend on its number alone. (Its time is a fraction of
// the fault phase, whose length depends on the number of operations.)
func TestDroppingAnOperationLeavesTheOthersAsTheyWere(t *testing.T) {
	type said struct {
		client, node int
		machine, to  string
		kind         scenarios.Kind
	}
	what := func(p *scenarios.Plan) map[string]said {
		m := map[string]said{}
		for _, o := range p.Operations {
			m[o.ID] = said{o.Client, o.Node, o.Key, o.Argument, o.Kind}
		}
		return m
	}
	for seed := range uint64(50) {
		s := shape(scenarios.All)
		s.Operations = 30
		many := scenarios.Generate(seed, s)
		s.Operations = 29
		fewer := scenarios.Generate(seed, s)
		require.Equal(t, many.Network, fewer.Network)
		require.Equal(t, many.Knobs, fewer.Knobs)
		require.Len(t, fewer.Faults, len(many.Faults))
		all := what(many)
		for id, o := range what(fewer) {
			require.Equal(t, all[id], o, id)
		}
	}
}

// A definition without a transition from its initial state leaves a campaign
// nothing to test. Beside another definition it does no harm.
func TestShapesInWhichNothingCanHappen(t *testing.T) {
	stone := fsm.Definition{Name: "stone", States: []string{"Still"}, Initial: "Still"}
	island := fsm.Definition{
		Name: "island", States: []string{"A", "B", "C"}, Initial: "A",
		Transitions: []fsm.Transition{{From: "B", To: "C"}},
	}
	s := shape(scenarios.All)
	s.Definitions = []fsm.Definition{stone, island}
	require.ErrorContains(t, s.Validate(), "definitions: no transition leaves the initial state of any, so nothing could happen")
	s.Definitions = append(s.Definitions, fsm.Lifecycle())
	require.NoError(t, s.Validate())
}
