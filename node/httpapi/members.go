package httpapi

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/lockstep-dst/lockstep/node/op"
)

// Members is the members of a cluster as the responding node knows them: those of the
// epoch that it has adopted.
type Members struct {
	Node      op.NodeID   `json:"node"`           // the responding node
	Epoch     uint32      `json:"epoch"`          // 1: the cluster has the members that formed it
	Voters    []op.NodeID `json:"voters"`         // a majority of them decides
	Next      []op.NodeID `json:"next,omitempty"` // the voters to be, while they change: majorities of both decide
	LastID    op.NodeID   `json:"last_id"`        // the highest id that was ever a member's: a new member has a higher one
	Members   []Member    `json:"members"`        // by id
	CarryOver *CarryOver  `json:"carry_over,omitempty"`
}

// Member is one member.
type Member struct {
	Node     op.NodeID  `json:"node"`
	Role     MemberRole `json:"role"`
	Address  string     `json:"address,omitempty"`  // at which the responding node dials it; empty: not known
	Endpoint string     `json:"endpoint,omitempty"` // host:port at which it serves clients, as it has said; empty: not known
	Promote  bool       `json:"promote,omitempty"`  // it becomes a voter once it has caught up
	Replaces op.NodeID  `json:"replaces,omitempty"` // in the place of this one
}

// MemberRole is the part of a member in the decisions of the cluster.
type MemberRole string

// The roles of members.
const (
	Voter   MemberRole = "voter"
	Coming  MemberRole = "coming"  // a voter to be, in the change that is under way
	Leaving MemberRole = "leaving" // a voter that the change under way removes
	Learner MemberRole = "learner" // it is sent everything, and has no vote
	Invited MemberRole = "invited" // it is to be a learner, and has not introduced itself yet
)

// CarryOver is how far the responding node is in a change of voters: keys of earlier
// epochs are chosen again, by the old voters and the next ones.
type CarryOver struct {
	Left  int `json:"left"`  // keys still to be chosen
	Total int `json:"total"` // of so many
}

// MemberChange is a request to change the members.
type MemberChange struct {
	Change   string    `json:"change"`             // add, remove, promote, replace, move or abandon
	Node     op.NodeID `json:"node,omitempty"`     // of which the change is; with abandon it may be left out
	Address  string    `json:"address,omitempty"`  // host:port for its peers: add, replace and move
	Learner  bool      `json:"learner,omitempty"`  // add: it stays without a vote
	Replaces op.NodeID `json:"replaces,omitempty"` // replace, promote: the voter in whose place it comes
}

// MembersAccepted is the response to a MemberChange that is begun. It is through when the
// members of a later epoch show it; if they do not, another change came before it.
type MembersAccepted struct {
	Node  op.NodeID `json:"node"`  // the responding node
	Epoch uint32    `json:"epoch"` // from which the change leads to the next
}

// memberChangeFields lists the fields of a MemberChange.
var memberChangeFields = []string{"change", "node", "address", "learner", "replaces"}

// ReadMemberChange reads a body, strictly: see ReadTransition.
func ReadMemberChange(body io.Reader) (c MemberChange, err error) {
	const want = `want {"change":"add","node":4,"address":"HOST:PORT"}, or another change`
	text, err := io.ReadAll(body)
	if err != nil {
		return c, fmt.Errorf("body: %w", err)
	}
	if err := checkObject(text, memberChangeFields); err != nil {
		return c, fmt.Errorf("body: %w: %s", err, want)
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return c, fmt.Errorf("body: %w: %s", err, want)
	}
	return c, nil
}
