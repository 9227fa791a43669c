package server

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/node/service"
)

var errNotRunning = errors.New("it has stopped")

// Status is the status of a node.
type Status struct {
	Node        node.ID      `json:"node"`
	Cluster     string       `json:"cluster"`
	Incarnation string       `json:"incarnation"`
	Boot        uint64       `json:"boot"`
	Life        string       `json:"life"`             // random id of the boot
	Stage       string       `json:"stage"`            // stage of the cluster: empty, bound or formed
	Formed      string       `json:"formed,omitempty"` // random id of the formed cluster
	Members     []node.ID    `json:"members"`
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
	Node    node.ID `json:"node"`
	Address string  `json:"address"`
	Up      bool    `json:"up"`
	Error   string  `json:"error,omitempty"`
}

// Status returns the present status of the node.
func (s *Server) Status() Status {
	st := Status{Node: s.cfg.Node.ID, Cluster: s.cfg.Cluster}
	recovered := false
	var standing member.Status
	running := s.loop.inspect(func(x *service.Service) {
		n := x.Member().Node()
		standing = x.Member().Status()
		counts := x.Counters()
		st.Machines, st.Watchers = counts.Machines, counts.Watchers
		incarnation := n.Incarnation()
		st.Incarnation = fmt.Sprintf("%x", incarnation[:])
		st.Boot, recovered = n.BootNumber(), n.Ready()
		st.Commits = n.Counters().Commits
	})
	st.Life, st.Stage, st.Abstains = fmt.Sprintf("%016x", standing.Life), standing.Stage.String(), standing.Abstains
	st.Members = standing.Members
	if standing.Stage != member.Empty {
		st.Formed = fmt.Sprintf("%x", standing.Cluster)
	}
	up := 1
	for _, p := range s.transport.Peers() {
		peer := PeerStatus{Node: p.ID, Address: p.Addr, Up: p.Up}
		peer.Error = p.LastError
		if p.Up {
			peer.Error = standing.Rejected[p.ID]
		}
		if p.Up && peer.Error == "" { // a rejected peer is no help
			up++
		}
		st.Peers = append(st.Peers, peer)
	}
	var why []string
	switch {
	case !running:
		why = append(why, service.WithCause(errNotRunning, s.loop.err).Error())
	case !recovered:
		why = append(why, "its log is not recovered yet")
	case !standing.Ready:
		why = append(why, standing.NotReadyReasons...)
	}
	if majority := len(s.cfg.Peers)/2 + 1; up < majority {
		why = append(why, fmt.Sprintf("it reaches %d of %d members, itself included, and needs %d", up, len(s.cfg.Peers), majority))
	}
	if running && s.loop.draining.Load() {
		why = append(why, "it is stopping")
	}
	st.Reason = strings.Join(why, "; ")
	st.Ready = len(why) == 0
	return st
}

func (s *Server) status(w http.ResponseWriter, _ *http.Request) {
	sendJSON(w, http.StatusOK, s.Status())
}

func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	if st := s.Status(); !st.Ready {
		http.Error(w, "not ready: "+st.Reason, http.StatusServiceUnavailable)
		return
	}
	io.WriteString(w, "ready\n")
}
