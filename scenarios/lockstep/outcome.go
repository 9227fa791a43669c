package lockstep

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/scenarios"
)

// outcomeOf is a node's outcome as one of a run. It panics at an outcome that runs
// do not have.
func outcomeOf(o node.Outcome) scenarios.Outcome {
	switch o {
	case node.Committed:
		return scenarios.Committed
	case node.Rejected:
		return scenarios.Rejected
	case node.Unknown:
		return scenarios.Unknown
	}
	panic(fmt.Sprintf("lockstep: no operation of a run has outcome %d", o))
}
