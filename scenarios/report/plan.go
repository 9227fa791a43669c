package report

import (
	"fmt"
	"strings"

	"github.com/lockstep-dst/lockstep/scenarios"
)

// planOf describes a plan.
func planOf(sys scenarios.System, p *scenarios.Plan) Plan {
	d := Plan{Nodes: p.Nodes, Clients: p.Clients, Objects: p.Machines(), Workload: p.Workload}
	for _, f := range scenarios.Families(p) {
		d.Families = append(d.Families, f.String())
	}
	for line := range strings.Lines(p.Summary()) {
		if line = strings.TrimSuffix(line, "\n"); !strings.HasPrefix(line, "fault at ") {
			d.Summary = append(d.Summary, line)
		}
	}
	for i := range p.Operations {
		d.Operations = append(d.Operations, describeOperation(&p.Operations[i]))
	}
	for i := range p.Faults {
		d.Faults = append(d.Faults, describeFault(&p.Faults[i]))
	}
	for i := range p.Overrides {
		d.Overrides = append(d.Overrides, p.Overrides[i].String())
	}
	return d
}

func describeOperation(o *scenarios.Operation) string {
	s := fmt.Sprintf("%s at %v: %v on %s", o.ID, o.At, o, o.Key)
	if o.Node != 0 {
		s += fmt.Sprintf(" at node %d", o.Node)
	}
	return s
}

func describeFault(f *scenarios.Fault) string {
	s := fmt.Sprintf("at %v for %v: %v", f.At, f.For, f)
	if f.Aim != "" {
		s += ", aimed: " + f.Aim
	}
	return s
}
