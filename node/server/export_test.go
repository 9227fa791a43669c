package server

import (
	"maps"
	"slices"

	"github.com/lockstep-dst/lockstep/node"
)

// ClusterID is for tests that speak as a member.
var ClusterID = clusterID

// Routes are the patterns of what clients can ask for.
func (s *Server) Routes() []string { return slices.Sorted(maps.Keys(s.routes())) }

// StatusOf is the status of an answer that is not a commit.
var StatusOf = statusOf

// Request is what a body asks of a node.
func (t *Transition) Request(key, header string) (*node.Request, error) {
	return t.request(key, header)
}

// Drain has the node take no more requests, as one that stops.
func (s *Server) Drain() { s.loop.draining.Store(true) }
