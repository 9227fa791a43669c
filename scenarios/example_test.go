package scenarios_test

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/workload"
)

// A seed expands to a plan, which is text that people can edit and that Decode reads.
func Example() {
	sys := scenarios.System{Name: "mine", Workload: workload.Register()} // New is for runs
	plan := scenarios.Generate(5, sys.Shape(scenarios.Shape{Profile: scenarios.Network, Nodes: 3, Clients: 2, Operations: 4}))
	for i := range plan.Operations {
		o := &plan.Operations[i]
		fmt.Println(o.ID, o, o.Key)
	}
	again, err := scenarios.Decode(scenarios.Encode(plan))
	fmt.Println(again.Seed, err)
	// Output:
	// c1.1 read k1
	// c2.1 write c2.1 k3
	// c1.2 read k2
	// c2.2 write c2.2 k3
	// 5 <nil>
}

// A knob of a system is drawn for each plan, and shrunk.
func ExampleKnob() {
	heartbeat := scenarios.Knob{
		Name: "heartbeat", Unit: scenarios.Time, Min: 1e6, Max: 1e9, Default: 50e6,
		Draw: func(c scenarios.Choices, p *scenarios.Plan) int64 {
			return int64(p.Trip()) * int64(c.Between("trips", 2, 8))
		},
	}
	sys := scenarios.System{Name: "mine", Workload: workload.Register(), Knobs: []scenarios.Knob{heartbeat}}
	plan := scenarios.Generate(1, sys.Shape(scenarios.Shape{Profile: scenarios.All}))
	fmt.Println(scenarios.Duration(heartbeat.Of(plan)) >= 2*plan.Trip())
	// Output: true
}
