// Package op is the vocabulary of operations, which clients and nodes have in common:
// requests with their ids, and replies with outcomes and reasons. It knows neither
// consensus nor logs, so a client needs no more of a node than this.
//
// Package node has the same types under aliases, as a part of its messages.
package op

// NodeID identifies a process: a member, or a client.
type NodeID uint16
