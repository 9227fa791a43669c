package lockstep

import (
	"testing"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/configuration"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/stretchr/testify/require"
)

// Nodes are taken out while members change only if the others go on without them, and if no change
// can have counted on them.
func TestNodesThatAreTakenOut(t *testing.T) {
	settled := func() *run {
		r := newRun(&scenarios.Plan{Nodes: 5, Clients: 1})
		for id := 1; id <= 5; id++ {
			r.oracle.nodes[id].epoch = 2
		}
		r.configurations = append(r.configurations, &configuration.Configuration{Epoch: 2, Voters: []node.ID{1, 2, 3, 4}})
		r.oracle.configurations = r.configurations
		return r
	}
	for name, x := range map[string]struct {
		out    []sim.ID
		change func(r *run)
		want   bool
	}{
		"one of four voters":                     {[]sim.ID{4}, func(*run) {}, true},
		"one without a vote":                     {[]sim.ID{5}, func(*run) {}, true},
		"two of four voters":                     {[]sim.ID{3, 4}, func(*run) {}, false},
		"one, and one is lost":                   {[]sim.ID{4}, func(r *run) { r.mayBeLost[1] = true }, false},
		"one, and one does not know the members": {[]sim.ID{4}, func(r *run) { r.oracle.nodes[1].epoch = 1 }, false},
		"the one that does not know them":        {[]sim.ID{4}, func(r *run) { r.oracle.nodes[4].epoch = 1 }, true},
		"one, in a joint epoch":                  {[]sim.ID{4}, func(r *run) { r.configurations[1].Next = []node.ID{1, 2, 3} }, false},
		"one, and a change is proposed":          {[]sim.ID{4}, func(r *run) { r.oracle.latestProposed = 3 }, false},
		"nobody":                                 {nil, func(*run) {}, false},
	} {
		r := settled()
		x.change(r)
		require.Equal(t, x.want, r.TakeOut(x.out), name)
		require.Equal(t, x.want, len(r.out) > 0, name)
	}
}
