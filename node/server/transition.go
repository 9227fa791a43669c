package server

import (
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/lockstep-dst/lockstep/node"
)

// Transition is the body of a request for a transition. With To alone it is an
// operation that is sent once. A client that may have to send it again gives it an
// id: docs/CLIENTS.md describes the choice of ids, and the meaning of responses.
type Transition struct {
	To            string  `json:"to"`                       // requested state
	Operation     string  `json:"operation,omitempty"`      // id, the same in every attempt; empty: the server makes one up for this request
	First         bool    `json:"first,omitempty"`          // a promise: no request with this id was sent before, except ones that were rejected
	ExpectVersion *uint64 `json:"expect_version,omitempty"` // carry it out only if the machine is at this version

	// Fields of older clients. They are accepted, and make no response more certain.
	Attempt uint32 `json:"attempt,omitempty"` // nothing depends on it
	Base    uint64 `json:"base,omitempty"`    // not relied on: an issued id carries its watermark
	Retry   bool   `json:"retry,omitempty"`   // the contrary of First, and the default
}

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
	req, err := t.request(key, repeatable(r.Header))
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

// request returns the node's request for t. Nothing is assumed of omitted fields:
// the client may have sent its id before.
func (t *Transition) request(key, header string) (*node.Request, error) {
	r := &node.Request{Kind: node.Propose, Key: key, ID: node.OpID(cmp.Or(t.Operation, header)), Attempt: max(1, t.Attempt), To: t.To, Watermark: t.Base}
	if t.ExpectVersion != nil {
		r.Expects, r.Expect = true, *t.ExpectVersion
	}
	switch {
	case t.To == "":
		return nil, errors.New("to: missing: name the state to go to")
	case t.First && t.Retry:
		return nil, errors.New("first and retry contradict each other: leave one out")
	case t.Operation != "" && header != "" && t.Operation != header:
		return nil, fmt.Errorf("operation %q: the Idempotency-Key is %q: give one of them, or the same", t.Operation, header)
	case r.ID.IsOnce():
		return nil, fmt.Errorf("operation %q: ids that begin with - are made up by servers for one request: use another", r.ID)
	case r.ID == "":
		r.ID = node.Once(RandomName())
		r.Watermark = 0
		return r, nil
	}
	r.Retry = !t.First || header != "" // see repeatable
	if _, err := r.ID.Watermark(key); err != nil {
		return nil, fmt.Errorf("operation: %w", err)
	}
	return r, nil
}

// readTransition reads a proposal, strictly.
func readTransition(w http.ResponseWriter, r *http.Request) (Transition, error) {
	var t Transition
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	d.DisallowUnknownFields()
	if err := d.Decode(&t); err != nil {
		return t, fmt.Errorf("body: %w: want {\"to\":STATE,...}", err)
	}
	if d.More() {
		return t, errors.New("body: more than one value")
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // the body is read: the client may wait
	return t, nil
}
