package httpapi_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/sim/fieldtest"
)

var responder = httpapi.Responder{Node: 3, Boot: 7}

// overHTTP passes a reply through its HTTP form.
func overHTTP(t require.TestingT, req *op.Request, reply *op.Reply) httpapi.Answer {
	r := httpapi.Encode(req, reply, responder, "text")
	body, err := json.Marshal(r.Body)
	require.NoError(t, err)
	a, err := httpapi.Decode(req, r.Status, body)
	require.NoError(t, err)
	return a
}

// withState lists the reasons of replies that carry a state.
var withState = map[op.Reason]bool{
	op.Illegal: true, op.VersionMismatch: true, op.WindowExpired: true, op.WatermarkAhead: true, op.IDConflict: true,
}

// replyTo draws a reply that a node can give to req.
func replyTo(t *rapid.T, req *op.Request) *op.Reply {
	reply := &op.Reply{Kind: req.Kind, Key: req.Key, ID: req.ID, Attempt: req.Attempt, Outcome: op.Committed}
	if rapid.Bool().Draw(t, "not committed") {
		reply.Outcome = rapid.SampledFrom([]op.Outcome{op.Rejected, op.Unknown}).Draw(t, "outcome")
		reply.Reason = rapid.SampledFrom([]op.Reason{
			op.Illegal, op.Overloaded, op.Timeout, op.UnknownState, op.UnknownDefinition, op.BadRequest, op.VersionMismatch,
			op.WindowExpired, op.WatermarkAhead, op.IDConflict, op.Abstains, op.Stopping, op.NotLearnt, node.StaleBallot,
		}).Draw(t, "reason")
	}
	switch {
	case reply.Reason == op.NotLearnt:
		reply.Outcome = op.Unknown
	case reply.Reason == op.IDConflict:
		reply.Outcome, reply.Final = op.Rejected, true
	case reply.Outcome == op.Rejected:
		reply.Final = rapid.Bool().Draw(t, "final")
	}
	if reply.Outcome == op.Committed || withState[reply.Reason] {
		reply.State = rapid.SampledFrom([]string{"Init", "Running", "a \"b\"\n<&>"}).Draw(t, "state")
		reply.Version = rapid.Uint64().Draw(t, "version")
		reply.Serial = rapid.Uint64().Draw(t, "serial")
	}
	return reply
}

func TestEveryReplySurvives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		req := &op.Request{
			Kind: rapid.SampledFrom([]op.Kind{op.Propose, op.Read, op.ReadLocal}).Draw(t, "kind"),
			Key:  "lifecycle/a", ID: "x", Attempt: rapid.Uint32().Draw(t, "attempt"), To: "Running",
		}
		reply := replyTo(t, req)
		a := overHTTP(t, req, reply)
		require.Equal(t, reply, a.Reply)
		if reply.Outcome != op.Committed && reply.Reason != op.NotLearnt {
			require.Equal(t, "text", a.Text)
		}
		if req.Kind == op.ReadLocal && reply.Outcome == op.Committed || reply.Reason == op.NotLearnt {
			require.Equal(t, responder, a.From)
		}
	})
}

// Each field of a reply is carried, or is the request's.
func TestEveryFieldOfAReplySurvives(t *testing.T) {
	ofRequest := map[string]bool{"Reply.Kind": true, "Reply.Key": true, "Reply.ID": true, "Reply.Attempt": true}
	walker := fieldtest.Walker{Fill: func(place reflect.Value) bool {
		switch place.Type() {
		case reflect.TypeFor[op.Reason]():
			place.SetString(string(op.VersionMismatch))
		case reflect.TypeFor[op.Outcome]():
			place.SetUint(uint64(op.Unknown))
		default:
			return false
		}
		return true
	}}
	req := &op.Request{Kind: op.Propose, Key: "lifecycle/a", ID: "x", Attempt: 2, To: "Running"}
	for _, place := range walker.Places(reflect.TypeFor[op.Reply]()) {
		if ofRequest[place.Path] {
			continue
		}
		reply := &op.Reply{Kind: op.Propose, Key: req.Key, ID: req.ID, Attempt: 2, Outcome: op.Rejected, Reason: op.Illegal, State: "Init", Version: 1, Serial: 2}
		place.Set(reply)
		require.Equal(t, reply, overHTTP(t, req, reply).Reply, place.Path)
	}
}

// Each field of a proposal survives on its way to the server, but for the number of
// the attempt: an exchange has one. An operation that is sent once is named by the
// server.
func TestEveryFieldOfARequestSurvives(t *testing.T) {
	requests := []op.Request{
		{ID: "x"}, {ID: "x", Retry: true}, {ID: "x", Watermark: 9, Retry: true}, {ID: "x", Expects: true}, {ID: "x", Expects: true, Expect: 1 << 60},
		{ID: op.Stamp("lifecycle/a", 7, "x")}, {ID: op.Once("x")}, {ID: op.Once("x"), Expects: true, Expect: 3},
	}
	var all []*op.Request
	for _, r := range requests {
		r.Kind, r.Key, r.To, r.Attempt = op.Propose, "lifecycle/a", "a \"b\"\n<&>", 1
		body, err := json.Marshal(httpapi.TransitionOf(&r))
		require.NoError(t, err)
		transition, err := httpapi.ReadTransition(bytes.NewReader(body))
		require.NoError(t, err)
		got, err := transition.Request(r.Key, "", func() string { return "x" })
		require.NoError(t, err)
		require.Equal(t, &r, got)
		all = append(all, got)
	}
	require.Empty(t, fieldtest.Unset(fieldtest.Walker{}, all), "a field that no request here has")
}

// A response that no node gives leaves the outcome open: it is never taken for a
// commit or a rejection.
func TestOtherResponsesAreNoAnswer(t *testing.T) {
	req := &op.Request{Kind: op.Propose, Key: "lifecycle/a", ID: "x", Attempt: 1}
	for _, r := range []struct {
		status int
		body   string
	}{
		{200, ""}, {200, "{}"}, {200, "[]"}, {200, `{"state":"Init","unknown":true}`}, {502, "bad gateway"}, {503, `{"message":"later"}`}, {404, "null"},
	} {
		_, err := httpapi.Decode(req, r.status, []byte(r.body))
		require.ErrorIs(t, err, httpapi.ErrNoAnswer, "%d %s", r.status, r.body)
	}
}

// A rejection is taken only from a body that says so: a status alone proves nothing.
func TestOnlyTheOutcomeRejects(t *testing.T) {
	req := &op.Request{Kind: op.Propose, Key: "lifecycle/a", ID: "x", Attempt: 1}
	for outcome, want := range map[string]op.Outcome{"rejected": op.Rejected, "unknown": op.Unknown, "": op.Unknown, "pending": op.Unknown} {
		a, err := httpapi.Decode(req, 503, []byte(`{"error":{"code":"stopping"},"outcome":"`+outcome+`","final":true}`))
		require.NoError(t, err)
		require.Equal(t, want, a.Reply.Outcome)
		require.Equal(t, want == op.Rejected, a.Reply.Final)
	}
}
