package model

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// free is the state of a lock that no client holds. Otherwise the state is the
// client.
const free = -1

// Lock returns the model of a lock, or mutex, which is not reentrant. Its owner
// is the client of the operation that took it.
func Lock() *Model {
	return ready(history.ModelLock, Model{
		Init: func(string) any { return free },
		Step: func(state any, op *history.Operation) (any, bool) {
			owner := state.(int)
			allowed, next := owner == free, op.Client
			if op.Kind == history.KindRelease {
				allowed, next = owner == op.Client, free
			}
			if op.Outcome == history.Rejected {
				return owner, !allowed
			}
			return next, allowed
		},
		Describe: func(state any) string {
			if state.(int) == free {
				return "free"
			}
			return fmt.Sprintf("held by client %d", state)
		},
	})
}
