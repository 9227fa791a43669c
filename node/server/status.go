package server

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/node/service"
)

var errNotRunning = errors.New("it has stopped")

// Status returns the present status of the node. It shows only the beginnings of the
// incarnation and the life: who knows the whole can pose as the node at its peers.
func (s *Server) Status() httpapi.Status {
	st := httpapi.Status{Node: s.cfg.Node.ID, Cluster: s.cfg.Cluster}
	recovered := false
	var standing member.Status
	running := s.loop.inspect(func(x *service.Service) {
		n := x.Member().Node()
		standing = x.Member().Status()
		counts := x.Counters()
		st.Machines, st.Watchers = counts.Machines, counts.Watchers
		incarnation := n.Incarnation()
		st.Incarnation = fmt.Sprintf("%x", incarnation[:4])
		st.Boot, recovered = n.BootNumber(), n.Ready()
		st.Commits = n.Counters().Commits
	})
	st.Life, st.Stage, st.Abstains = fmt.Sprintf("%08x", standing.Life>>32), standing.Stage.String(), standing.Abstains
	st.Members = standing.Members
	if standing.Stage != member.Empty {
		st.Formed = fmt.Sprintf("%x", standing.Cluster)
	}
	up := 1
	for _, p := range s.transport.Peers() {
		peer := httpapi.PeerStatus{Node: p.ID, Address: p.Addr, Up: p.Up}
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
