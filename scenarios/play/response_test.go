package play

import (
	"testing"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/workload"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/stretchr/testify/require"
)

// A response that the model of the objects cannot have is misuse of the harness: no judge
// could make sense of any history with it.
func TestAResponseThatNoHistoryHas(t *testing.T) {
	for name, c := range map[string]struct{ state, want string }{
		"a delete with a value": {"x", `client 101 observes a Response to c1.1 that no history has: state: "x": a delete has none: remove it`},
		"a delete without":      {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			sys := foreign{client: func(_ sim.ID, ev *sim.Event, out *sim.Effects) bool {
				if ev.Kind == sim.Invoke {
					o := ev.Message.(*scenarios.Invocation).Operation
					out.Observe(&scenarios.Response{Operation: o, Outcome: scenarios.Committed, State: c.state, Version: scenarios.NoVersion})
				}
				return true
			}}.system()
			sys.Definitions, sys.Workload = nil, workload.KV()
			p := scenarios.Generate(1, scenarios.Shape{System: sys.Name, Workload: sys.Workload, Profile: scenarios.None, Nodes: 1, Clients: 1, Operations: 1})
			p.Operations[0].Kind, p.Operations[0].Argument, p.Operations[0].Expected = "delete", "", ""
			r, err := Run(t.Context(), sys, p, Options{})
			require.NoError(t, err)
			if c.want == "" {
				require.Equal(t, Passed, r.Status, r.Sentence())
				return
			}
			require.Equal(t, "harness/bad-response", r.Signature())
			require.Contains(t, r.Violation.Sentence, c.want)
		})
	}
}
