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
	"github.com/lockstep-dst/lockstep/sim/fieldtest"
)

var responder = httpapi.Responder{Node: 3, Boot: 7}

// overHTTP passes a reply through its HTTP form.
func overHTTP(t require.TestingT, req *node.Request, reply *node.Reply) httpapi.Answer {
	r := httpapi.Encode(req, reply, responder, "text")
	body, err := json.Marshal(r.Body)
	require.NoError(t, err)
	a, err := httpapi.Decode(req, r.Status, body)
	require.NoError(t, err)
	return a
}

// withState lists the reasons of replies that carry a state.
var withState = map[node.Reason]bool{
	node.Illegal: true, node.VersionMismatch: true, node.WindowExpired: true, node.WatermarkAhead: true, node.IDConflict: true,
}

// replyTo draws a reply that a node can give to req.
func replyTo(t *rapid.T, req *node.Request) *node.Reply {
	reply := &node.Reply{Kind: req.Kind, Key: req.Key, ID: req.ID, Attempt: req.Attempt, Outcome: node.Committed}
	if rapid.Bool().Draw(t, "not committed") {
		reply.Outcome = rapid.SampledFrom([]node.Outcome{node.Rejected, node.Unknown}).Draw(t, "outcome")
		reply.Reason = rapid.SampledFrom([]node.Reason{
			node.Illegal, node.Overloaded, node.Timeout, node.UnknownState, node.UnknownDefinition, node.BadRequest, node.VersionMismatch,
			node.WindowExpired, node.WatermarkAhead, node.IDConflict, node.Abstains, node.Stopping, node.NotLearnt, node.StaleBallot,
		}).Draw(t, "reason")
	}
	switch {
	case reply.Reason == node.NotLearnt:
		reply.Outcome = node.Unknown
	case reply.Reason == node.IDConflict:
		reply.Outcome, reply.Final = node.Rejected, true
	case reply.Outcome == node.Rejected:
		reply.Final = rapid.Bool().Draw(t, "final")
	}
	if reply.Outcome == node.Committed || withState[reply.Reason] {
		reply.State = rapid.SampledFrom([]string{"Init", "Running", "a \"b\"\n<&>"}).Draw(t, "state")
		reply.Version = rapid.Uint64().Draw(t, "version")
		reply.Serial = rapid.Uint64().Draw(t, "serial")
	}
	return reply
}

func TestEveryReplySurvives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		req := &node.Request{
			Kind: rapid.SampledFrom([]node.Kind{node.Propose, node.Read, node.ReadLocal}).Draw(t, "kind"),
			Key:  "lifecycle/a", ID: "x", Attempt: rapid.Uint32().Draw(t, "attempt"), To: "Running",
		}
		reply := replyTo(t, req)
		a := overHTTP(t, req, reply)
		require.Equal(t, reply, a.Reply)
		if reply.Outcome != node.Committed && reply.Reason != node.NotLearnt {
			require.Equal(t, "text", a.Text)
		}
		if req.Kind == node.ReadLocal && reply.Outcome == node.Committed || reply.Reason == node.NotLearnt {
			require.Equal(t, responder, a.From)
		}
	})
}

// Each field of a reply is carried, or is the request's.
func TestEveryFieldOfAReplySurvives(t *testing.T) {
	ofRequest := map[string]bool{"Reply.Kind": true, "Reply.Key": true, "Reply.ID": true, "Reply.Attempt": true}
	walker := fieldtest.Walker{Fill: func(place reflect.Value) bool {
		switch place.Type() {
		case reflect.TypeFor[node.Reason]():
			place.SetString(string(node.VersionMismatch))
		case reflect.TypeFor[node.Outcome]():
			place.SetUint(uint64(node.Unknown))
		default:
			return false
		}
		return true
	}}
	req := &node.Request{Kind: node.Propose, Key: "lifecycle/a", ID: "x", Attempt: 2, To: "Running"}
	for _, place := range walker.Places(reflect.TypeFor[node.Reply]()) {
		if ofRequest[place.Path] {
			continue
		}
		reply := &node.Reply{Kind: node.Propose, Key: req.Key, ID: req.ID, Attempt: 2, Outcome: node.Rejected, Reason: node.Illegal, State: "Init", Version: 1, Serial: 2}
		place.Set(reply)
		require.Equal(t, reply, overHTTP(t, req, reply).Reply, place.Path)
	}
}

// Each field of a proposal survives on its way to the server, but for the number of
// the attempt: an exchange has one. An operation that is sent once is named by the
// server.
func TestEveryFieldOfARequestSurvives(t *testing.T) {
	requests := []node.Request{
		{ID: "x"}, {ID: "x", Retry: true}, {ID: "x", Watermark: 9, Retry: true}, {ID: "x", Expects: true}, {ID: "x", Expects: true, Expect: 1 << 60},
		{ID: node.Stamp("lifecycle/a", 7, "x")}, {ID: node.Once("x")}, {ID: node.Once("x"), Expects: true, Expect: 3},
	}
	var all []*node.Request
	for _, r := range requests {
		r.Kind, r.Key, r.To, r.Attempt = node.Propose, "lifecycle/a", "a \"b\"\n<&>", 1
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
	req := &node.Request{Kind: node.Propose, Key: "lifecycle/a", ID: "x", Attempt: 1}
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
	req := &node.Request{Kind: node.Propose, Key: "lifecycle/a", ID: "x", Attempt: 1}
	for outcome, want := range map[string]node.Outcome{"rejected": node.Rejected, "unknown": node.Unknown, "": node.Unknown, "pending": node.Unknown} {
		a, err := httpapi.Decode(req, 503, []byte(`{"error":{"code":"stopping"},"outcome":"`+outcome+`","final":true}`))
		require.NoError(t, err)
		require.Equal(t, want, a.Reply.Outcome)
		require.Equal(t, want == node.Rejected, a.Reply.Final)
	}
}
