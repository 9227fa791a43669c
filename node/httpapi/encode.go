package httpapi

import "github.com/lockstep-dst/lockstep/node/op"

// Responder is the life of a node that gives a reply.
type Responder struct {
	Node op.NodeID
	Boot uint64
}

// Response is an HTTP response: its status, and the value whose JSON form is its
// body.
type Response struct {
	Status int
	Body   any
}

// Encode returns the response that carries a node's reply to req. text explains a
// reply that is not a commit to people.
func Encode(req *op.Request, reply *op.Reply, from Responder, text string) Response {
	switch {
	case reply.Outcome == op.Committed && req.Kind == op.ReadLocal:
		return Response{statusOK, Local{Machine: machine(req, reply), Node: from.Node, Boot: from.Boot}}
	case reply.Outcome == op.Committed:
		return Response{statusOK, machine(req, reply)}
	case reply.Reason == op.NotLearnt:
		return Response{statusOK, Unlearnt{Key: req.Key, Unknown: true, Node: from.Node, Boot: from.Boot}}
	}
	f := failure(req, reply, text)
	return Response{f.Status, f}
}

func machine(req *op.Request, reply *op.Reply) Machine {
	return Machine{Key: req.Key, State: reply.State, Version: reply.Version, Serial: reply.Serial}
}

// failure returns the reason why an operation was not committed.
func failure(req *op.Request, reply *op.Reply, text string) Failure {
	f := NewFailure(StatusOf(reply.Reason), reply.Reason, text)
	f.Outcome, f.Final = reply.Outcome.String(), reply.Final
	if reply.State != "" {
		m := machine(req, reply)
		f.Current = &m
	}
	if reply.Reason == op.IDConflict && reply.Outcome == op.Rejected {
		f.Outcome, f.Recorded, f.Current = conflict, f.Current, nil
	}
	return f
}
