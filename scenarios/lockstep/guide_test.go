package lockstep

import (
	"fmt"
	"testing"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/stretchr/testify/require"
)

// A node is away while the two others, which are all that it knows, are replaced one after the
// other. Then an operator names it the members that there are, and it goes on with them: all
// that is asked of a healed cluster is asked of it as well.
func TestANodeIsGuidedAfterAllOthersWereReplaced(t *testing.T) {
	const away = sim.ID(3)
	for _, absence := range []scenarios.FaultKind{scenarios.Partition, scenarios.ProcessCrash, scenarios.PowerLoss} {
		for seed := range uint64(8) {
			t.Run(fmt.Sprintf("%v %d", absence, seed), func(t *testing.T) {
				s := System()
				p := scenarios.Generate(seed, s.Shape(scenarios.Shape{Profile: scenarios.Network, Nodes: 5, Clients: 3, Operations: 40, Machines: 3}))
				p.Knobs.Joiners, p.Knobs.RepairDelay, p.NodeKnobs = 2, 100*netmodel.Millisecond, nil
				p.Faults = nil
				p.Heal.At = 40 * netmodel.Second
				gone := scenarios.Fault{At: netmodel.Second / 2, For: p.Heal.At - netmodel.Second, Kind: absence, Nodes: []sim.ID{away}}
				if absence == scenarios.Partition {
					gone.Nodes, gone.Groups = nil, [][]sim.ID{{away}, {1, 2, 4, 5, 101, 102, 103}}
				}
				p.Faults = append(p.Faults, gone,
					scenarios.Fault{At: netmodel.Second, For: 1, Kind: scenarios.Members, Nodes: []sim.ID{2}, Change: scenarios.ReplaceMember, Targets: []sim.ID{1, 4}},
					scenarios.Fault{At: 20 * netmodel.Second, For: 1, Kind: scenarios.Members, Nodes: []sim.ID{4}, Change: scenarios.ReplaceMember, Targets: []sim.ID{2, 5}})
				require.NoError(t, p.Validate())
				var r *run
				s.New = func(p *scenarios.Plan) scenarios.Run { r = newRun(p); return r }
				result, err := play.Run(t.Context(), s, p, play.Options{})
				require.NoError(t, err)
				require.Nil(t, result.Violation, "%v", result.Violation)
				require.True(t, r.guided[away], "it was to be alone")
				require.Equal(t, []node.ID{3, 4, 5}, r.members[away].Configuration().Voters)
				require.True(t, r.members[away].Ready())
			})
		}
	}
}
