package scenarios_test

import (
	"strconv"
	"testing"

	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/stretchr/testify/require"
)

// created is a plan whose clients create a definition.
func created(t *testing.T) *scenarios.Plan {
	shape := scenarios.Shape{System: "lockstep", Definitions: []fsm.Definition{fsm.Lifecycle()}, Profile: scenarios.All, Creates: true}
	for seed := range uint64(1000) {
		p := scenarios.Generate(seed, shape)
		for i := range p.Operations {
			if len(p.Created) > 0 && p.Operations[i].Kind == scenarios.Define {
				p.Operations[0], p.Operations[i] = p.Operations[i], p.Operations[0]
				return p
			}
		}
	}
	require.Fail(t, "no plan with a created definition")
	return nil
}

// The machine of a created definition comes first, and its heal operation creates the
// definition.
func TestCreatedDefinitions(t *testing.T) {
	p := created(t)
	require.NoError(t, p.Validate())
	require.Equal(t, "definition/made", p.Machines()[0])
	require.Equal(t, scenarios.Define, p.HealOperation((&scenarios.System{}).Objects(), 1, 0, "definition/made", 1).Kind)
	require.Equal(t, []fsm.Definition{fsm.Lifecycle()}, p.Configured())
	require.True(t, p.IsCreated("made/m1"))
	require.False(t, p.IsCreated("lifecycle/m1"))
	texts := p.Texts("made")
	require.Len(t, texts, 1+len(p.Competing))
	for i, text := range texts {
		o := scenarios.Operation{Kind: scenarios.Define, Key: "definition/made"}
		if i > 0 {
			o.Argument = strconv.Itoa(i)
		}
		require.Equal(t, text, p.Requested(&o))
		d, err := fsm.Parse(text)
		require.NoError(t, err)
		require.Equal(t, "made", d.Name)
	}
	require.Contains(t, p.Summary(), "no node is configured with made")

	again, err := scenarios.Decode(scenarios.Encode(p))
	require.NoError(t, err)
	require.Equal(t, scenarios.Encode(p), scenarios.Encode(again))
}

func TestSenselessCreationsAreRefused(t *testing.T) {
	version := uint64(1)
	for want, change := range map[string]func(*scenarios.Plan){
		`created[0]: "lamp": want the name of one of the definitions`:            func(p *scenarios.Plan) { p.Created[0] = "lamp" },
		`created[1]: "made" is listed twice`:                                     func(p *scenarios.Plan) { p.Created = append(p.Created, "made") },
		`created[0]: definition "lifecycle": invalid: the name is taken`:         func(p *scenarios.Plan) { p.Created[0] = "lifecycle" },
		`operations[0].key: "lifecycle/m1": want definition/NAME`:                func(p *scenarios.Plan) { p.Operations[0].Key = "lifecycle/m1" },
		`operations[0].key: "definition/x": its definition is not among`:         func(p *scenarios.Plan) { p.Operations[0].Key = "definition/x" },
		`operations[0].kind: "propose": a machine that holds a definition takes`: func(p *scenarios.Plan) { p.Operations[0].Kind = scenarios.Propose },
		`operations[0].argument: "Init": want the number of one of competing`:    func(p *scenarios.Plan) { p.Operations[0].Argument = "Init" },
		`operations[0].argument: "9": want the number of one of competing`:       func(p *scenarios.Plan) { p.Operations[0].Argument = "9" },
		`competing[0]: "made" is the same as in definitions`:                     func(p *scenarios.Plan) { p.Competing = p.Definitions[len(p.Definitions)-1:] },
		`competing[0]: definition "lifecycle": invalid: the name is taken`:       func(p *scenarios.Plan) { p.Competing = p.Definitions[:1] },
		`competing[0]: "lamp": want one of the names in created`: func(p *scenarios.Plan) {
			p.Competing = []fsm.Definition{{Name: "lamp", States: []string{"off"}, Initial: "off"}}
		},
		`operations[0].expect: 1: the creation of a definition expects no version`: func(p *scenarios.Plan) { p.Operations[0].Expect = &version },
		`operations[0].id_scheme: "own": want "once" or nothing`:                   func(p *scenarios.Plan) { p.Operations[0].IDScheme = scenarios.OwnID },
	} {
		p := created(t)
		change(p)
		err := p.Validate()
		require.ErrorIs(t, err, scenarios.ErrPlan)
		require.ErrorContains(t, err, want)
	}
}
