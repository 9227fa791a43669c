package server

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/service"
)

// Bounds of a page.
const (
	defaultLimit = 100
	maxLimit     = 1000
)

// parseListQuery parses the query of a listing.
func parseListQuery(r *http.Request) (*service.Query, error) {
	q, err := httpapi.ReadQuery(r.URL.RawQuery, "prefix", "after", "limit", "state", "consistency")
	if err != nil {
		return nil, err
	}
	l := &service.Query{After: q.Get("after"), State: q.Get("state")}
	l.Prefix = q.Get("prefix")
	if l.Limit, err = parseLimit(q.Get("limit")); err != nil {
		return nil, err
	}
	l.Linearizable, err = httpapi.ParseConsistency(q.Get("consistency"), false)
	return l, err
}

// parseLimit parses the limit of a page; empty: the default.
func parseLimit(text string) (int, error) {
	if text == "" {
		return defaultLimit, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxLimit {
		return 0, fmt.Errorf("limit %q: want 1 to %d", text, maxLimit)
	}
	return n, nil
}

// list responds with a page of the machines of which this node has accepted or
// learnt a value. A page may be shorter than requested, even empty; the last page is
// the one without Next.
func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	q, err := parseListQuery(r)
	if err != nil {
		sendRejected(w, http.StatusBadRequest, node.BadRequest, err.Error())
		return
	}
	t, c := s.loop.request(service.Event{Kind: service.List, Query: q})
	got, err := s.loop.await(t, c, r.Context().Done())
	if err != nil {
		sendUnavailable(w, nil, err)
		return
	}
	p := got.page
	if p.Refused != nil {
		s.sendRefused(w, p.Refused, p.Err)
		return
	}
	machines := make([]httpapi.Listed, len(p.Machines))
	for i, m := range p.Machines {
		machines[i] = httpapi.Listed(m)
	}
	sendJSON(w, http.StatusOK, httpapi.Page{Machines: machines, Next: p.Next, Consistency: httpapi.Consistency(q.Linearizable), Node: s.cfg.Node.ID})
}
