package httpapi

import "github.com/lockstep-dst/lockstep/node/op"

// Status is the status of a node.
type Status struct {
	Node        op.NodeID    `json:"node"`
	Cluster     string       `json:"cluster"`
	Incarnation string       `json:"incarnation"`  // first digits of the random id of the log
	Build       string       `json:"build"`        // version of the node's program
	LowestBuild string       `json:"lowest_build"` // of the members, as far as they have shown them to the node: see LowestBuild
	Boot        uint64       `json:"boot"`
	Life        string       `json:"life"`             // first digits of the random id of the boot
	Stage       string       `json:"stage"`            // stage of the cluster: empty, bound or formed
	Formed      string       `json:"formed,omitempty"` // random id of the formed cluster
	Epoch       uint32       `json:"epoch"`            // of the members; 1: those that formed the cluster
	Members     []op.NodeID  `json:"members"`
	Change      string       `json:"change,omitempty"` // of members that is under way, for people
	CarryOver   *CarryOver   `json:"carry_over,omitempty"`
	Abstains    bool         `json:"abstains"` // the node's log is disputed
	Ready       bool         `json:"ready"`
	Reason      string       `json:"reason,omitempty"` // why the node is not ready
	Machines    int          `json:"machines"`         // machines in its listing
	Watchers    int          `json:"watchers"`
	Commits     uint64       `json:"commits"`
	Quotas      []QuotaUse   `json:"quotas"`
	Peers       []PeerStatus `json:"peers"`
}

// QuotaUse is how much of a limit is used. Clients are refused at it: what it names is
// not created, or not begun. Used may be above Limit, since a node keeps what others
// create.
type QuotaUse struct {
	Name  string `json:"name"` // machines, machine_bytes, definitions, definition_bytes or operations: those in flight
	Used  uint64 `json:"used"`
	Limit uint64 `json:"limit"`
}

// PeerStatus is the status of one peer.
type PeerStatus struct {
	Node    op.NodeID `json:"node"`
	Address string    `json:"address"`
	Up      bool      `json:"up"`
	Build   string    `json:"build"` // version of its program, or UnknownBuild
	Error   string    `json:"error,omitempty"`
}
