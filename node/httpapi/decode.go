package httpapi

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/lockstep-dst/lockstep/node/op"
)

// ErrNoAnswer is wrapped by the error for a response that no node gives, as that of
// a proxy. The outcome of the request is open.
var ErrNoAnswer = errors.New("not an answer of a node")

// Answer is the content of a response.
type Answer struct {
	Reply *op.Reply
	From  Responder // local read: the responder
	Text  string    // not committed: an explanation for people
}

// Decode returns the answer to req that a response carries, given its status and
// body. An error wraps ErrNoAnswer.
func Decode(req *op.Request, status int, body []byte) (Answer, error) {
	if status == statusOK {
		return decodeMachine(req, body)
	}
	f, err := DecodeFailure(status, body)
	if err != nil {
		return Answer{}, err
	}
	out := newReply(req, op.Unknown, op.Reason(f.Error.Code)) // unless the node is certain
	switch {
	case f.Outcome == op.Rejected.String():
		out.Outcome, out.Final = op.Rejected, f.Final
	case f.Outcome == conflict:
		out.Outcome, out.Final = op.Rejected, f.Final
	}
	if m := cmp.Or(f.Current, f.Recorded); m != nil {
		out.State, out.Version, out.Serial = m.State, m.Version, m.Serial
	}
	return Answer{Reply: out, Text: f.Error.Text}, nil
}

// DecodeFailure returns the failure that a response carries which is not a success. An
// error wraps ErrNoAnswer.
func DecodeFailure(status int, body []byte) (Failure, error) {
	var f Failure
	if err := json.Unmarshal(body, &f); err != nil || f.Error.Code == "" {
		return f, fmt.Errorf("%w: status %d, %.100q", ErrNoAnswer, status, body)
	}
	return f, nil
}

// IsOfAll reports whether every node would fail a request likewise, as one that is not
// valid, about a definition that none knows, or for a change of members that cannot be.
func IsOfAll(why op.Reason) bool {
	switch why {
	case op.BadRequest, op.UnknownDefinition, op.Unauthenticated, op.Forbidden, MembersChange:
		return true
	}
	return false
}

// decodeMachine decodes the response to a committed operation, or to a local read of
// an unknown state.
func decodeMachine(req *op.Request, body []byte) (Answer, error) {
	var m Local
	if err := json.Unmarshal(body, &m); err != nil || (m.State == "") != m.Unknown {
		return Answer{}, fmt.Errorf("%w: %.100q", ErrNoAnswer, body)
	}
	from := Responder{m.Node, m.Boot}
	if m.Unknown {
		text := fmt.Sprintf("node %d has not learnt its state in this life: request a linearizable read", m.Node)
		return Answer{newReply(req, op.Unknown, op.NotLearnt), from, text}, nil
	}
	out := newReply(req, op.Committed, "")
	out.State, out.Version, out.Serial = m.State, m.Version, m.Serial
	return Answer{Reply: out, From: from}, nil
}

// newReply returns a reply that names the attempt of req.
func newReply(req *op.Request, o op.Outcome, why op.Reason) *op.Reply {
	return &op.Reply{Kind: req.Kind, Key: req.Key, ID: req.ID, Attempt: req.Attempt, Outcome: o, Reason: why}
}
