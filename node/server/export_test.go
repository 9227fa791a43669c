package server

import (
	"maps"
	"net/http"
	"slices"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/service"
)

// ClusterID lets tests connect as a member.
var ClusterID = node.ClusterID

// Routes returns the sorted patterns of the client endpoints.
func (s *Server) Routes() []string { return slices.Sorted(maps.Keys(s.routes())) }

// StartDraining makes the node reject new requests, as a stopping node does.
func (s *Server) StartDraining() { s.loop.startDraining() }

// RandomName is the function that names operations without an id.
var RandomName = randomName

// Hold keeps the loop from its next step until release is closed. It returns when the
// loop is held.
func (s *Server) Hold(release chan struct{}) {
	held := make(chan struct{})
	go s.loop.do(func(*service.Service) { close(held); <-release })
	<-held
}

// Waiting is the number of events that wait for the loop.
func (s *Server) Waiting() int { return s.loop.inbox.len() }

// MetricNames lists the metrics of a node.
func (s *Server) MetricNames() (names []string) {
	families, err := s.metrics.gatherer().Gather()
	if err != nil {
		panic(err)
	}
	for _, f := range families {
		names = append(names, f.GetName())
	}
	return names
}

// Handler is the handler of the clients' port.
func (s *Server) Handler() http.Handler { return s.handler() }
