package httpapi

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/lockstep-dst/lockstep/node/op"
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

// TransitionOf returns the body that requests r, a proposal.
func TransitionOf(r *op.Request) Transition {
	t := Transition{To: r.To, Operation: string(r.ID), First: !r.Retry, Base: r.Watermark}
	if r.ID.IsOnce() {
		t.Operation, t.First = "", false
	}
	if r.Expects {
		t.ExpectVersion = &r.Expect
	}
	return t
}

// Request returns the node's request for t on a machine. header is an id in the
// request's header, or empty; random makes the name of an operation without an id.
// Nothing is assumed of omitted fields: the client may have sent its id before.
func (t *Transition) Request(key, header string, random func() string) (*op.Request, error) {
	r := &op.Request{Kind: op.Propose, Key: key, ID: op.ID(cmp.Or(t.Operation, header)), Attempt: max(1, t.Attempt), To: t.To, Watermark: t.Base}
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
		r.ID = op.Once(random())
		r.Watermark = 0
		return r, nil
	}
	r.Retry = !t.First || header != "" // a library may have sent it before
	if _, err := r.ID.Watermark(key); err != nil {
		return nil, fmt.Errorf("operation: %w", err)
	}
	return r, nil
}

// Issued is an id that the server issued for an operation on one machine.
type Issued struct {
	Key       string `json:"key"`
	Operation string `json:"operation"` // see Transition
	Watermark uint64 `json:"watermark"` // that the id carries: the machine's serial when it was issued
}
