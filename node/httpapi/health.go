package httpapi

import "github.com/lockstep-dst/lockstep/node/op"

// Health is the response to a probe, /livez or /readyz, in JSON.
type Health struct {
	Node   op.NodeID     `json:"node"`
	OK     bool          `json:"ok"` // all checks are
	Checks []HealthCheck `json:"checks"`
}

// HealthCheck is one check of a probe.
type HealthCheck struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Reason string `json:"reason,omitempty"` // why not, for people
}
