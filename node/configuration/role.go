package configuration

import (
	"slices"

	"github.com/lockstep-dst/lockstep/node/op"
)

// Role is the part of a member in the decisions of an epoch.
type Role string

// The roles.
const (
	Voter   Role = "voter"
	Coming  Role = "coming"  // a voter to be, in a joint epoch
	Leaving Role = "leaving" // a voter that a joint epoch removes
	Learner Role = "learner" // it is sent everything, and has no vote
	Invited Role = "invited" // it is to be a learner, and has not introduced itself yet
)

// Role is the part of a member; empty: it is none.
func (c *Configuration) Role(id op.NodeID) Role {
	at := c.Index(id)
	votes := slices.Contains(c.Voters, id)
	switch {
	case at < 0:
		return ""
	case votes && c.Joint() && !slices.Contains(c.Next, id):
		return Leaving
	case votes:
		return Voter
	case c.Votes(id):
		return Coming
	case c.Members[at].Incarnation == Incarnation{}:
		return Invited
	}
	return Learner
}
