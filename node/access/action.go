package access

import (
	"strings"

	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/op"
)

// Action is a kind of request, as far as roles tell requests apart.
type Action uint8

// The actions.
const (
	Read        Action = iota + 1 // read, list and watch machines and definitions, see the status, open a stream
	Propose                       // request a transition, or an id for one
	Define                        // create a definition
	Retire                        // end a machine for good
	Backup                        // read whole values, with the ids of others' operations
	Reconfigure                   // change the members
)

func (a Action) String() string {
	return [...]string{"?", "read", "propose", "define", "retire", "backup", "reconfigure"}[a]
}

// Role returns the least role that may take the action.
func (a Action) Role() Role {
	switch a {
	case Read:
		return Reader
	case Propose:
		return Writer
	}
	return Admin
}

// ActionOf returns the action that a request for an operation is. A proposal to a
// definition's own machine creates that definition, by whichever path it comes.
func ActionOf(r *op.Request) Action {
	switch {
	case r.Kind != op.Propose:
		return Read
	case strings.HasPrefix(r.Key, fsm.MetaName+"/"):
		return Define
	case r.To == fsm.Retired:
		return Retire
	}
	return Propose
}
