package lockstep

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/scenarios"
)

// breach is the observation that a node's service has broken its contract with a
// client. Its signature is that of a violation.
type breach struct {
	property, class string
	machine         string
	sentence        string // about the node
}

// Digest implements sim.Observation.
func (b *breach) Digest() uint64 { return keyed.String(b.property + b.class + b.sentence) }

func (b *breach) String() string { return b.sentence }

// checkBreaches returns the first breach of a step as a violation.
func (o *oracle) checkBreaches(list []breach) *scenarios.Violation {
	if len(list) == 0 {
		return nil
	}
	b := &list[0]
	return o.violation(b.property, b.class, b.machine, "%s", b.sentence)
}

// breach reports a broken contract in the current step.
func (p *process) breach(property, class, machine, format string, args ...any) {
	p.report.breaches = append(p.report.breaches, breach{property, class, machine, fmt.Sprintf(format, args...)})
}
