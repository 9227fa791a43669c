package httpapi

import "github.com/lockstep-dst/lockstep/node/op"

// Page is one page of a listing, ordered by key.
type Page struct {
	Machines    []Listed  `json:"machines"`
	Next        string    `json:"next,omitempty"` // the start of the next page; empty: this is the last
	Consistency string    `json:"consistency"`    // local or linearizable
	Node        op.NodeID `json:"node"`           // the responding node
}

// Listed is a machine in a listing.
type Listed struct {
	Key     string `json:"key"`
	State   string `json:"state,omitempty"`
	Version uint64 `json:"version,omitempty"`
	Unknown bool   `json:"unknown,omitempty"` // the node has accepted a value and learnt none: ignore state and version
}
