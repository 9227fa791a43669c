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
// operation that is asked for once. Who may have to ask again gives it an id:
// docs/CLIENTS.md says which, and what an answer then means.
type Transition struct {
	To            string  `json:"to"`                       // the state asked for
	Operation     string  `json:"operation,omitempty"`      // the id, the same whenever the same is asked again; empty: one is made up for this request
	First         bool    `json:"first,omitempty"`          // a promise: no request with this id was sent before, but for those that were answered as rejected
	ExpectVersion *uint64 `json:"expect_version,omitempty"` // only if the machine is at this version

	// Of older clients. They are taken, and make no answer more certain.
	Attempt uint32 `json:"attempt,omitempty"` // nothing depends on it
	Base    uint64 `json:"base,omitempty"`    // not relied on: an id that is handed out carries its base
	Retry   bool   `json:"retry,omitempty"`   // the contrary of First, and the default
}

// Issued is an id that was handed out for an operation on one machine.
type Issued struct {
	Key       string `json:"key"`
	Operation string `json:"operation"` // see Transition
	Base      uint64 `json:"base"`      // the machine's serial number, which the id carries
}

// RandomName is the random part of ids (node.Stamp, node.Once): unique, and not to
// be foreseen. It has 96 bits.
func RandomName() string {
	var b [12]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// newRead is a request to read a machine.
func newRead(kind node.Kind, key string) *node.Request {
	return &node.Request{Kind: kind, Key: key, ID: node.Once(RandomName()), Attempt: 1}
}

// issueID hands out an id for an operation that may be asked for many times. It
// carries the number of entries that the machine has made by now, which a majority tells.
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
	sendJSON(w, http.StatusCreated, Issued{Key: key, Operation: string(node.Stamp(key, reply.Serial, RandomName())), Base: reply.Serial})
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

// repeatable is the id that the head of a request gives its operation, or nothing.
// By this header clients, proxies and libraries know that they may send a request
// again by themselves; Go's net/http does, when a connection that it has kept
// alive breaks. It has nothing else to tell the second from the first.
func repeatable(h http.Header) string {
	key := cmp.Or(h.Get("Idempotency-Key"), h.Get("X-Idempotency-Key"))
	return strings.Trim(key, `"`)
}

// request is what t asks of a node. What it does not say is not assumed: an id
// of the client's may have been sent before.
func (t *Transition) request(key, header string) (*node.Request, error) {
	r := &node.Request{Kind: node.Propose, Key: key, ID: node.OpID(cmp.Or(t.Operation, header)), Attempt: max(1, t.Attempt), To: t.To, Watermark: t.Base}
	if t.ExpectVersion != nil {
		r.Expects, r.Expect = true, *t.ExpectVersion
	}
	switch {
	case t.To == "":
		return nil, errors.New("to: missing: name the state to go to")
	case t.First && t.Retry:
		return nil, errors.New("first and retry: the one is the contrary of the other: leave one out")
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
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // all is read: the client may wait
	return t, nil
}
