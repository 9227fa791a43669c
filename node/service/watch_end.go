package service

import (
	"errors"

	"github.com/lockstep-dst/lockstep/node"
)

// Explain returns the code and the text of the end of a watch, for its client. cause is
// the Cause of the update.
func (e EndReason) Explain(cause error) (node.Reason, string) {
	switch {
	case e == Abstained:
		return node.Abstains, "this node takes no part any more: resume from the last version at another"
	case e == TooSlow:
		return "slow", "more has happened than the node keeps for a watcher: resume from the last version"
	case cause != nil:
		return node.Stopping, WithCause(errResume, cause).Error()
	}
	return node.Stopping, "the node stops: resume from the last version at another"
}

var errResume = errors.New("resume from the last version at another")
