package workload_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/checker/model"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/lockstep-dst/lockstep/scenarios/workload"
)

func workloads() []*workload.Workload {
	return []*workload.Workload{
		workload.Register(), workload.CASRegister(), workload.KV(), workload.Lock(),
		workload.Counter(), workload.Queue(), workload.Set(), workload.AppendList(),
	}
}

// A server that is right passes, and every bug of a server breaks linearizability.
func TestWorkloadsTellRightFromWrong(t *testing.T) {
	for _, w := range workloads() {
		for _, b := range []bug{none, stale, forgets, twice} {
			t.Run(strings.TrimSpace(w.Name()+" "+string(b)), func(t *testing.T) {
				c := campaign.Campaign{System: system(w, b), Shape: scenarios.Shape{Profile: scenarios.Network, Operations: 24}, Seeds: 60}
				if w.Name() == "append-list" {
					c.Shape.Operations = 12 // no order of many appends is quickly refuted
				}
				sum, err := c.Run(t.Context(), nil)
				require.NoError(t, err)
				require.Empty(t, sum.Differed)
				if b == none {
					require.Empty(t, sum.Groups)
					require.Greater(t, sum.Outcomes.Transitions, 300)
					return
				}
				require.NotEmpty(t, sum.Groups)
				for _, g := range sum.Groups {
					require.Equal(t, play.Linearizability, strings.Split(g.Signature, "/")[0], g.Signature)
				}
				_, err = campaign.Save(t.Context(), t.TempDir(), c.System, c.Plan(sum.Groups[0].First), c.Options)
				require.NoError(t, err)
			})
		}
	}
}

// A rejection without a reason could mean either of two things, so it is misuse.
func TestARejectionHasAReason(t *testing.T) {
	sys := system(workload.Lock(), wordless)
	c := campaign.Campaign{System: sys, Shape: scenarios.Shape{Profile: scenarios.None}}
	r, err := play.Run(t.Context(), sys, c.Plan(1), play.Options{})
	require.NoError(t, err)
	require.Equal(t, "harness/bad-response", r.Signature())
	require.Contains(t, r.Sentence(), `rejects it without a reason: want "illegal" if it was impossible in the state of the object`)
}

// Every plan of a workload is valid, also after it was written and read, and its
// operations are of every kind that the workload has.
func TestPlansOfWorkloads(t *testing.T) {
	for _, w := range workloads() {
		sys := system(w, none)
		c := campaign.Campaign{System: sys, Shape: scenarios.Shape{Profile: scenarios.All}}
		kinds := map[scenarios.Kind]int{}
		for seed := range uint64(50) {
			p := c.Plan(seed)
			require.NoError(t, p.Validate())
			require.NoError(t, sys.Check(p))
			again, err := scenarios.Decode(scenarios.Encode(p))
			require.NoError(t, err)
			require.Equal(t, scenarios.Encode(p), scenarios.Encode(again))
			for i := range p.Operations {
				kinds[p.Operations[i].Kind]++
			}
		}
		for _, f := range w.Model().Kinds {
			require.Greater(t, kinds[scenarios.Kind(f.Kind)], 50, "%s %s", w.Name(), f.Kind)
		}
	}
}

// The error of an operation that makes no sense names the place and the remedy.
func TestSenselessOperationsAreRefused(t *testing.T) {
	for _, c := range []struct {
		w    *workload.Workload
		o    scenarios.Operation
		want string
	}{
		{workload.KV(), scenarios.Operation{Kind: "swim"}, `operations[0].kind: "swim" is none of write, cas, append, delete and read, those of model kv`},
		{workload.KV(), scenarios.Operation{Kind: "write"}, `operations[0].argument: missing: a write needs it`},
		{workload.KV(), scenarios.Operation{Kind: "read", Argument: "x"}, `operations[0].argument: "x": a read has none: remove it`},
		{workload.KV(), scenarios.Operation{Kind: "cas", Argument: "x"}, `operations[0].expected: missing`},
		{workload.KV(), scenarios.Operation{Kind: "read", Expect: new(uint64)}, `operations[0].expect: 0: kv has no versions`},
		{workload.Counter(), scenarios.Operation{Kind: "add", Argument: "much"}, `operations[0].argument: "much": want the number added: a whole number`},
	} {
		sys := system(c.w, none)
		p := (&campaign.Campaign{System: sys, Shape: scenarios.Shape{Profile: scenarios.None}}).Plan(1)
		c.o.ID, c.o.Client, c.o.Key = p.Operations[0].ID, p.Operations[0].Client, p.Operations[0].Key
		p.Operations[0] = c.o
		require.NoError(t, p.Validate())
		err := sys.Check(p)
		require.ErrorIs(t, err, scenarios.ErrPlan)
		require.ErrorContains(t, err, c.want)
	}
}

// Models that are ready to use are judged by their names, which is faster for some, and
// all others by their steps.
func TestReadyModelsAreJudgedByName(t *testing.T) {
	for _, w := range workloads() {
		require.True(t, w.Named())
		require.Nil(t, play.OwnModel(w))
	}
	own := workload.Of(model.KV())
	require.False(t, own.Named())
	require.Same(t, own.Model(), play.OwnModel(own))
}

// A model with a grammar is enough for a workload.
func ExampleOf() {
	flag := model.Model{
		Grammar: history.Grammar{Name: "flag", Kinds: []history.KindForm{
			{Kind: "raise", Illegal: "it was up"},
			{Kind: "lower", Illegal: "it was down"},
		}},
		Init: func(string) any { return false },
		Step: func(state any, op *history.Operation) (any, bool) {
			up, raise := state.(bool), op.Kind == "raise"
			if op.Outcome == history.Rejected {
				return up, up == raise
			}
			return raise, up != raise
		},
	}
	_ = scenarios.System{Name: "flags", Workload: workload.Of(&flag)}
}

func TestAModelWithoutKindsHasNoWorkload(t *testing.T) {
	m := *model.KV()
	m.Kinds = nil
	require.PanicsWithValue(t, "workload: model kv has no kinds of operations: give its grammar some", func() { workload.Of(&m) })
	m.Step = nil
	require.Panics(t, func() { workload.Of(&m) })
}
