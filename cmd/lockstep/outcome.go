package main

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/checker"
	"github.com/lockstep-dst/lockstep/node"
)

// outcomeInHistory is a node's outcome as one of a history. It panics at an outcome
// that histories do not have.
func outcomeInHistory(o node.Outcome) checker.Outcome {
	switch o {
	case node.Committed:
		return checker.Committed
	case node.Rejected:
		return checker.Rejected
	case node.Unknown:
		return checker.Unknown
	}
	panic(fmt.Sprintf("no operation of a history has outcome %d", o))
}
