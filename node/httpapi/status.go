package httpapi

import "github.com/lockstep-dst/lockstep/node/op"

// Status is the status of a node.
type Status struct {
	Node        op.NodeID    `json:"node"`
	Cluster     string       `json:"cluster"`
	Incarnation string       `json:"incarnation"` // first digits of the random id of the log
	Boot        uint64       `json:"boot"`
	Life        string       `json:"life"`             // first digits of the random id of the boot
	Stage       string       `json:"stage"`            // stage of the cluster: empty, bound or formed
	Formed      string       `json:"formed,omitempty"` // random id of the formed cluster
	Members     []op.NodeID  `json:"members"`
	Abstains    bool         `json:"abstains"` // the node's log is disputed
	Ready       bool         `json:"ready"`
	Reason      string       `json:"reason,omitempty"` // why the node is not ready
	Machines    int          `json:"machines"`         // machines in its listing
	Watchers    int          `json:"watchers"`
	Commits     uint64       `json:"commits"`
	Peers       []PeerStatus `json:"peers"`
}

// PeerStatus is the status of one peer.
type PeerStatus struct {
	Node    op.NodeID `json:"node"`
	Address string    `json:"address"`
	Up      bool      `json:"up"`
	Error   string    `json:"error,omitempty"`
}
