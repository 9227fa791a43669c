package httpapi

import (
	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/watch"
)

// Machine is the response to a committed operation: the state that it led to or
// read.
type Machine = watch.Machine

// Local is the response to a local read: the state that one life of one node has
// learnt.
type Local struct {
	Machine
	Unknown bool      `json:"unknown,omitempty"` // the node has accepted a value and does not know whether it is chosen: ignore state and version
	Node    op.NodeID `json:"node"`
	Boot    uint64    `json:"boot"` // boot number of the node: within one boot, versions of a machine do not go back
}

// Unlearnt is the form of Local that a node sends while it does not know the
// machine's state.
type Unlearnt struct {
	Key     string    `json:"key"`
	Unknown bool      `json:"unknown"`
	Node    op.NodeID `json:"node"`
	Boot    uint64    `json:"boot"`
}

// Failure is the response to an operation that was not committed.
type Failure struct {
	Error struct {
		Code string `json:"code"` // reason, for programs
		Text string `json:"text"` // explanation, for people
	} `json:"error"`
	Outcome  string   `json:"outcome"`            // rejected, unknown or conflict
	Final    bool     `json:"final,omitempty"`    // rejected: all other attempts are rejected, too
	Current  *Machine `json:"current,omitempty"`  // present state of the machine
	Recorded *Machine `json:"recorded,omitempty"` // conflict: result of the operation with this id
}

// conflict is the outcome of a request that reuses the id of another operation.
const conflict = "conflict"

// HTTP statuses of responses.
const (
	statusOK             = 200
	statusBadRequest     = 400
	statusNotFound       = 404
	statusConflict       = 409
	statusMisdirected    = 421
	statusUnprocessable  = 422
	statusUnavailable    = 503
	statusGatewayTimeout = 504
	statusNoStorage      = 507
)

// StatusOf returns the HTTP status of a reply that is not a commit.
func StatusOf(why op.Reason) int {
	switch why {
	case op.Illegal, op.VersionMismatch, op.WindowExpired, op.WatermarkAhead, op.IDConflict:
		return statusConflict
	case op.Overloaded, op.Abstains, op.Stopping:
		return statusUnavailable
	case op.QuotaReached:
		return statusNoStorage
	case op.UnknownDefinition:
		return statusNotFound
	case op.OtherCluster:
		return statusMisdirected
	case op.UnknownState:
		return statusUnprocessable
	case op.BadRequest:
		return statusBadRequest
	}
	return statusGatewayTimeout
}
