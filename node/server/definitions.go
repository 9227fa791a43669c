package server

import (
	"io"
	"net/http"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/definition"
	"github.com/lockstep-dst/lockstep/node/fsm"
)

// define creates a definition. To create the same one again does nothing.
func (s *Server) define(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, node.BadRequest, "body: "+err.Error())
		return
	}
	d, err := definition.Read("body", body)
	if err != nil {
		refuse(w, http.StatusBadRequest, node.BadRequest, err.Error())
		return
	}
	text, err := d.Text()
	if err != nil {
		refuse(w, http.StatusBadRequest, node.BadRequest, err.Error())
		return
	}
	s.answer(w, r, &node.Request{Kind: node.Propose, Key: fsm.Meta + "/" + d.Name, ID: newOpID(), Attempt: 1, To: text})
}

// definitions lists what this node knows.
func (s *Server) definitions(w http.ResponseWriter, _ *http.Request) {
	list := []fsm.Definition{}
	if !s.loop.look(func(n *node.Node) { list = n.Definitions() }) {
		turnAway(w, ErrStopping)
		return
	}
	send(w, http.StatusOK, list)
}
