package server

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/definition"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/service"
	"github.com/lockstep-dst/lockstep/node/watch"
)

// define creates a definition. Creating an identical one again has no effect.
func (s *Server) define(w http.ResponseWriter, r *http.Request) {
	d, err := readDefinition(w, r)
	if err != nil {
		sendBodyError(w, r, err)
		return
	}
	text, err := d.Text()
	if err != nil {
		sendRejected(w, http.StatusBadRequest, node.BadRequest, err.Error())
		return
	}
	req := &node.Request{Kind: node.Propose, Key: fsm.MetaName + "/" + d.Name, ID: node.Once(randomName()), Attempt: 1, To: text}
	if code, text := s.judgeOperation(clientOf(r), req); code != "" {
		s.sendUnpermitted(w, req, code, text)
		return
	}
	reply, err := s.loop.call(req, r.Context().Done())
	if err != nil || reply.Reason != node.Illegal {
		s.sendReply(w, req, reply, err)
		return
	}
	there := watch.Machine{Key: req.Key, State: reply.State, Version: reply.Version, Serial: reply.Serial}
	if there.State == text {
		sendJSON(w, http.StatusOK, there)
		return
	}
	sendFailure(w, http.StatusConflict, httpapi.Failure{Outcome: node.Rejected.String(), Current: &there}, node.Illegal,
		fmt.Sprintf("there is another definition %s, and definitions do not change: choose another name", d.Name))
}

// readDefinition reads the body of a request to create a definition.
func readDefinition(w http.ResponseWriter, r *http.Request) (d fsm.Definition, err error) {
	if _, err := httpapi.ReadQuery(r.URL.RawQuery); err != nil {
		return d, err
	}
	kind, err := checkMedia(r, httpapi.JSON, httpapi.YAML)
	if err != nil {
		return d, err
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return d, fmt.Errorf("body: %w", err)
	}
	bodyIsRead(w)
	if kind == httpapi.JSON && !json.Valid(body) {
		return d, errors.New("body: not JSON: correct it, or send YAML as application/yaml")
	}
	return definition.Read("body", body)
}

// definitions responds with a page of the definitions that this node knows.
func (s *Server) definitions(w http.ResponseWriter, r *http.Request) {
	q, err := httpapi.ReadQuery(r.URL.RawQuery, "after", "limit")
	if err != nil {
		sendRejected(w, http.StatusBadRequest, node.BadRequest, err.Error())
		return
	}
	limit, err := parseLimit(q.Get("limit"))
	if err != nil {
		sendRejected(w, http.StatusBadRequest, node.BadRequest, err.Error())
		return
	}
	var got service.DefinitionPage
	if !s.loop.do(func(x *service.Service) { got = x.Definitions(q.Get("after"), limit) }) {
		sendUnavailable(w, nil, service.ErrStopping)
		return
	}
	page := httpapi.PageOfDefinitions(got.Definitions) // fewer if they are long
	page.Next = cmp.Or(page.Next, got.Next)
	page.Node = s.cfg.Node.ID
	sendJSON(w, http.StatusOK, page)
}
