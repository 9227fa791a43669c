package server

import (
	"maps"
	"slices"

	"github.com/lockstep-dst/lockstep/node"
)

// ClusterID lets tests connect as a member.
var ClusterID = clusterID

// Routes returns the sorted patterns of the client endpoints.
func (s *Server) Routes() []string { return slices.Sorted(maps.Keys(s.routes())) }

// Request returns the node's request for a body.
func (t *Transition) Request(key, header string) (*node.Request, error) {
	return t.request(key, header)
}

// Drain makes the node reject new requests, as a stopping node does.
func (s *Server) Drain() { s.loop.startDraining() }
