package main

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/node"
)

// outcomeInHistory is a node's outcome as one of a history. It panics at an outcome
// that histories do not have.
func outcomeInHistory(o node.Outcome) history.Outcome {
	switch o {
	case node.Committed:
		return history.Committed
	case node.Rejected:
		return history.Rejected
	case node.Unknown:
		return history.Unknown
	}
	panic(fmt.Sprintf("no operation of a history has outcome %d", o))
}
