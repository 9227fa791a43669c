package shrink_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/internal/shrink"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/stretchr/testify/require"
)

// oddPlan is a plan with machines of one definition that has a long name, as its state
// has in which machines end.
func oddPlan(t *testing.T) *scenarios.Plan {
	p := busyPlan(t)
	name, end := strings.Repeat("Z.z_9-", 21), strings.Repeat("o", 128)
	d := fsm.Lifecycle()
	d.Name, d.States, d.Terminal = name, append(d.States, end), []string{end}
	d.Transitions = append(d.Transitions, fsm.Transition{From: "Running", To: end})
	p.Definitions = []fsm.Definition{d}
	for i := range p.Operations {
		p.Operations[i].Key = name + "/" + strings.TrimPrefix(p.Operations[i].Key, "lifecycle/")
	}
	last := &p.Operations[len(p.Operations)-1]
	last.Kind, last.Argument, last.Expect, last.IDScheme, last.IDOf, last.Watermark = scenarios.Propose, end, nil, "", "", 0
	address := sim.Address{Link: netmodel.Link{From: 1, To: 2}, Name: "commit " + last.Key + " " + last.ID, Occurrence: 1}
	p.Overrides = append(p.Overrides, scenarios.MessageOverride{Message: address})
	require.NoError(t, p.Validate())
	return p
}

// A definition that the failure does not need gives its place to the built-in one.
func TestBuiltInDefinitionInPlaceOfOthers(t *testing.T) {
	r, err := shrink.Run(config(func(p *scenarios.Plan) bool { return needs(p, 1, 1, 0) }), oddPlan(t))
	require.NoError(t, err)
	require.Equal(t, []fsm.Definition{fsm.Lifecycle()}, r.Plan.Definitions)
	require.Equal(t, []string{"lifecycle/m1"}, r.Plan.Machines())
}

// Where it needs the definition, long names get short.
func TestOddNamesAreShortened(t *testing.T) {
	ends := func(p *scenarios.Plan) bool {
		return len(p.Overrides) == 1 && slices.ContainsFunc(p.Operations, func(o scenarios.Operation) bool {
			d, _ := p.Definition(o.Key)
			return slices.Contains(d.Terminal, o.Argument) && strings.Contains(p.Overrides[0].Message.Name, o.Key+" "+o.ID)
		})
	}
	p := oddPlan(t)
	require.True(t, ends(p))
	r, err := shrink.Run(config(ends), p)
	require.NoError(t, err)
	require.Equal(t, "d1", r.Plan.Definitions[0].Name)
	require.Equal(t, []string{"Init", "Running", "Stopped", "s4"}, r.Plan.Definitions[0].States)
	require.Equal(t, "d1/m1", r.Plan.Operations[0].Key)
	require.Equal(t, "s4", r.Plan.Operations[0].Argument)
	require.Equal(t, "commit d1/m1 c1.1", r.Plan.Overrides[0].Message.Name)
}
