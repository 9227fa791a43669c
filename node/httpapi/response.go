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

// Failure is the response to a request that was not carried out: a problem document
// (RFC 9457) with members of its own.
type Failure struct {
	Problem
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
