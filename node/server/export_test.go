package server

import (
	"maps"
	"slices"
)

// ClusterID lets tests connect as a member.
var ClusterID = clusterID

// Routes returns the sorted patterns of the client endpoints.
func (s *Server) Routes() []string { return slices.Sorted(maps.Keys(s.routes())) }

// Drain makes the node reject new requests, as a stopping node does.
func (s *Server) Drain() { s.loop.startDraining() }

// RandomName is the function that names operations without an id.
var RandomName = randomName
