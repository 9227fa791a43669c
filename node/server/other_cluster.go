package server

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/node/service"
)

// clusterGuard keeps requests of another cluster's clients from this node: their
// operations may have taken effect there, as in a cluster that this one was restored from
// a backup of.
type clusterGuard struct {
	own atomic.Pointer[string] // id of the cluster that the node is bound to, in hexadecimal; nil: not known yet
}

// ownCluster returns the id of the node's cluster, in hexadecimal; empty: it has none yet.
func (s *Server) ownCluster() string {
	if own := s.guard.own.Load(); own != nil {
		return *own
	}
	var st member.Status
	s.loop.inspect(func(x *service.Service) { st = x.Member().Status() })
	if st.Stage == member.Empty {
		return ""
	}
	own := fmt.Sprintf("%x", st.Cluster)
	s.guard.own.Store(&own)
	return own
}

// guardCluster names the node's cluster in every response of the API, and refuses requests
// that name another one. Probes ask nothing of the loop before they have seen that it runs.
func (s *Server) guardCluster(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/v1/") {
			next.ServeHTTP(w, r)
			return
		}
		own := s.ownCluster()
		if own != "" {
			w.Header().Set(httpapi.ClusterHeader, own)
		}
		if named := r.Header.Get(httpapi.ClusterHeader); named != "" && !strings.EqualFold(named, own) {
			s.refuseOtherCluster(w, r, named, own)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// refuseOtherCluster refuses a request of another cluster's client. It has no effect here;
// an operation that may have been requested before is unknown.
func (s *Server) refuseOtherCluster(w http.ResponseWriter, r *http.Request, named, own string) {
	req := &node.Request{}
	if isTransition(r) {
		var err error
		if req, err = s.readProposal(w, r); err != nil { // refused in any case, and then certain of nothing
			req = &node.Request{Kind: node.Propose, Retry: true}
		}
	}
	text := fmt.Sprintf("the request is for the cluster %.64s, and this node is of %s: what became of the operation there, no node here knows; begin anew as a client of this cluster", named, own)
	if own == "" {
		text = fmt.Sprintf("the request is for the cluster %.64s, and this node is of none yet: try another", named)
	}
	sendResponse(w, httpapi.Encode(req, req.NotCarriedOut(node.OtherCluster), httpapi.Responder{}, text))
}
