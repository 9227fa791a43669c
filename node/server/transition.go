package server

import (
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/httpapi"
)

// Issued is an id that the server issued for an operation on one machine.
type Issued struct {
	Key       string `json:"key"`
	Operation string `json:"operation"` // see Transition
	Watermark uint64 `json:"watermark"` // that the id carries: the machine's serial when it was issued
}

// RandomName returns the random part of ids (see node.Stamp and node.Once): 96 bits,
// unique and unpredictable.
func RandomName() string {
	var b [12]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// newRead returns a request to read a machine.
func newRead(kind node.Kind, key string) *node.Request {
	return &node.Request{Kind: kind, Key: key, ID: node.Once(RandomName()), Attempt: 1}
}

// issueID issues an id for an operation that may be sent many times. The id carries
// the number of entries that the machine has made so far, as read from a majority.
func (s *Server) issueID(w http.ResponseWriter, r *http.Request) {
	key, err := machineKey(r)
	if err != nil {
		sendRejected(w, http.StatusBadRequest, node.BadRequest, err.Error())
		return
	}
	req := newRead(node.Read, key)
	reply, err := s.loop.call(req, r.Context().Done())
	if err != nil || reply.Outcome != node.Committed {
		s.sendReply(w, req, reply, err)
		return
	}
	sendJSON(w, http.StatusCreated, Issued{Key: key, Operation: string(node.Stamp(key, reply.Serial, RandomName())), Watermark: reply.Serial})
}

// propose carries out a transition.
func (s *Server) propose(w http.ResponseWriter, r *http.Request) {
	key, err := machineKey(r)
	if err != nil {
		sendRejected(w, http.StatusBadRequest, node.BadRequest, err.Error())
		return
	}
	t, err := readTransition(w, r)
	if err != nil {
		sendRejected(w, http.StatusBadRequest, node.BadRequest, err.Error())
		return
	}
	req, err := t.Request(key, repeatable(r.Header), RandomName)
	if err != nil {
		sendRejected(w, http.StatusBadRequest, node.BadRequest, err.Error())
		return
	}
	s.forward(w, r, req)
}

// repeatable returns the id that the header of a request gives its operation, or "".
// This header lets clients, proxies and libraries send a request again by
// themselves. Go's net/http does so when a connection that it has kept alive breaks.
// Nothing else distinguishes the second request from the first.
func repeatable(h http.Header) string {
	key := cmp.Or(h.Get("Idempotency-Key"), h.Get("X-Idempotency-Key"))
	return strings.Trim(key, `"`)
}

// readTransition reads a proposal.
func readTransition(w http.ResponseWriter, r *http.Request) (Transition, error) {
	t, err := httpapi.ReadTransition(http.MaxBytesReader(w, r.Body, maxBody))
	if err == nil {
		_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // the body is read: the client may wait
	}
	return t, err
}
