package server

import (
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
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		sendRejected(w, http.StatusRequestEntityTooLarge, node.BadRequest, "body: "+err.Error())
		return
	}
	d, err := definition.Read("body", body)
	if err != nil {
		sendRejected(w, http.StatusBadRequest, node.BadRequest, err.Error())
		return
	}
	text, err := d.Text()
	if err != nil {
		sendRejected(w, http.StatusBadRequest, node.BadRequest, err.Error())
		return
	}
	req := &node.Request{Kind: node.Propose, Key: fsm.MetaName + "/" + d.Name, ID: node.Once(randomName()), Attempt: 1, To: text}
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

// definitions lists the definitions that this node knows.
func (s *Server) definitions(w http.ResponseWriter, _ *http.Request) {
	list := []fsm.Definition{}
	if !s.loop.do(func(n *service.Service) { list = n.Member().Node().Definitions() }) {
		sendUnavailable(w, nil, service.ErrStopping)
		return
	}
	sendJSON(w, http.StatusOK, list)
}
