package server

import (
	"cmp"
	"crypto/rand"
	"net/http"
	"strings"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/op"
)

// randomName returns a new name for an operation.
func randomName() string {
	var random [op.RandomBytes]byte
	rand.Read(random[:])
	return op.RandomName(random)
}

// newRead returns a request to read a machine.
func newRead(kind node.Kind, key string) *node.Request {
	return &node.Request{Kind: kind, Key: key, ID: node.Once(randomName()), Attempt: 1}
}

// issueID issues an id for an operation that may be sent many times. The id carries
// the number of entries that the machine has made so far, as read from a majority.
func (s *Server) issueID(w http.ResponseWriter, r *http.Request) {
	key, err := machineKey(r)
	if err != nil {
		sendRejected(w, http.StatusBadRequest, node.BadRequest, err.Error())
		return
	}
	if err := checkNoBody(r); err != nil {
		sendBodyError(w, r, err)
		return
	}
	req := newRead(node.Read, key)
	reply, err := s.loop.call(req, r.Context().Done())
	if err != nil || reply.Outcome != node.Committed {
		s.sendReply(w, req, reply, err)
		return
	}
	sendJSON(w, http.StatusCreated, httpapi.Issued{Key: key, Operation: string(node.Stamp(key, reply.Serial, randomName())), Watermark: reply.Serial})
}

// propose carries out a transition.
func (s *Server) propose(w http.ResponseWriter, r *http.Request) {
	req, err := s.readProposal(w, r)
	if err != nil {
		sendBodyError(w, r, err)
		return
	}
	if code, text := s.judgeOperation(clientOf(r), req); code != "" {
		s.sendUnpermitted(w, req, code, text)
		return
	}
	s.forward(w, r, req)
}

// readProposal reads the request for a transition.
func (s *Server) readProposal(w http.ResponseWriter, r *http.Request) (*node.Request, error) {
	key, err := machineKey(r)
	if err != nil {
		return nil, err
	}
	if _, err := httpapi.ReadQuery(r.URL.RawQuery); err != nil {
		return nil, err
	}
	if _, err := checkMedia(r, httpapi.JSON); err != nil {
		return nil, err
	}
	t, err := httpapi.ReadTransition(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return nil, err
	}
	bodyIsRead(w)
	return t.Request(key, repeatable(r.Header), randomName)
}

// repeatable returns the id that the header of a request gives its operation, or "".
// This header lets clients, proxies and libraries send a request again by
// themselves. Go's net/http does so when a connection that it has kept alive breaks.
// Nothing else distinguishes the second request from the first.
func repeatable(h http.Header) string {
	key := cmp.Or(h.Get("Idempotency-Key"), h.Get("X-Idempotency-Key"))
	return strings.Trim(key, `"`)
}
