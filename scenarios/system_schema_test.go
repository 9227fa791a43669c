package scenarios_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/scenarios"
)

// The schema of a system has its knobs and the kinds of its operations, and generated
// plans obey it.
func TestTheSchemaOfASystem(t *testing.T) {
	root := new(schema)
	require.NoError(t, json.Unmarshal(knobbed.Schema(), root))
	shape := scenarios.Shape{System: "knobbed", Workload: knobbed.Workload, Knobs: knobbed.Knobs, Profile: scenarios.All}
	for seed := range uint64(50) {
		require.NoError(t, root.check(root, decoded(t, scenarios.Encode(scenarios.Generate(seed, shape))), ""))
	}
	for want, edit := range map[string]func(p *scenarios.Plan){
		`system: want one of [knobbed]`:                                  func(p *scenarios.Plan) { p.System = "other" },
		`workload: want one of [kv]`:                                     func(p *scenarios.Plan) { p.Workload = "lock" },
		`workload: required`:                                             func(p *scenarios.Plan) { p.Workload = "" },
		`settings[0].name: want one of [limit heartbeat]`:                func(p *scenarios.Plan) { p.Settings = []scenarios.Setting{{Name: "limits"}} },
		`operations[0].kind: want one of [write cas append delete read]`: func(p *scenarios.Plan) { p.Operations[0].Kind = scenarios.Propose },
		`operations[0].expect: unknown`:                                  func(p *scenarios.Plan) { p.Operations[0].Expect = new(uint64) },
	} {
		p := scenarios.Generate(1, shape)
		edit(p)
		require.EqualError(t, root.check(root, decoded(t, scenarios.Encode(p)), ""), want)
	}
	text := string(knobbed.Schema())
	require.Contains(t, text, "heartbeat: (time, 1ms to 1s, default 50ms)")
	require.Contains(t, text, "write: gives the register a value (argument: the value written)")
}

// A system with machines has the general schema, but for its name and knobs.
func TestTheSchemaOfASystemWithMachines(t *testing.T) {
	sys := scenarios.System{Name: "mine", Definitions: []fsm.Definition{fsm.Lifecycle()}}
	root := new(schema)
	require.NoError(t, json.Unmarshal(sys.Schema(), root))
	p := scenarios.Generate(1, scenarios.Shape{System: "mine", Definitions: sys.Definitions, Profile: scenarios.All, Versions: true})
	require.NoError(t, root.check(root, decoded(t, scenarios.Encode(p)), ""))
}
