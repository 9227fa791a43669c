package server

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/node/service"
)

var errNotRunning = errors.New("it has stopped")

// Status returns the present status of the node. It shows only the beginnings of the
// incarnation and the life: who knows the whole can pose as the node at its peers.
func (s *Server) Status() httpapi.Status {
	st := httpapi.Status{Node: s.cfg.Node.ID, Cluster: s.cfg.Cluster}
	var standing member.Status
	var checks []service.Check
	builds := map[node.ID]string{}
	s.loop.inspect(func(x *service.Service) {
		n := x.Member().Node()
		standing = x.Member().Status()
		counts := x.Counters()
		st.Machines, st.Watchers = counts.Machines, counts.Watchers
		incarnation := n.Incarnation()
		st.Incarnation = fmt.Sprintf("%x", incarnation[:4])
		st.Boot = n.BootNumber()
		st.Commits = n.Counters().Commits
		checks = x.Readiness(s.surroundings())
		st.Quotas = quotaStatus(x.Quotas())
		st.Epoch, st.CarryOver = x.Member().Epoch(), carryOver(x.Member())
		st.Change = changeUnderWay(x.Member().Configuration())
		for _, id := range standing.Members {
			builds[id] = cmp.Or(x.Member().Build(id), httpapi.UnknownBuild)
		}
	})
	st.Life, st.Stage, st.Abstains = fmt.Sprintf("%08x", standing.Life>>32), standing.Stage.String(), standing.Abstains
	st.Members = standing.Members
	st.Build, st.LowestBuild = builds[s.cfg.Node.ID], httpapi.LowestBuild(slices.Collect(maps.Values(builds)))
	if standing.Stage != member.Empty {
		st.Formed = fmt.Sprintf("%x", standing.Cluster)
	}
	for _, p := range s.transport.Peers() {
		peer := httpapi.PeerStatus{Node: p.ID, Address: p.Addr, Up: p.Up, Build: cmp.Or(builds[p.ID], httpapi.UnknownBuild)}
		peer.Error = p.LastError
		if p.Up {
			peer.Error = standing.Rejected[p.ID]
		}
		st.Peers = append(st.Peers, peer)
	}
	st.Reason = service.NotReady(checks)
	st.Ready = st.Reason == ""
	return st
}

func (s *Server) status(w http.ResponseWriter, _ *http.Request) {
	sendJSON(w, http.StatusOK, s.Status())
}
