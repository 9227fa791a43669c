package lockstep

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// checkExchange notes the knowledge of a client about one of its attempts: it has no
// effect if a reply rejects it, or if it was never sent. Then it has not arrived at
// any node. A lost attempt may take effect. A reply reaches the client as its node
// gave it.
func (o *oracle) checkExchange(f *exchangeEnded) *scenarios.Violation {
	client, r := scenarios.ClientID(f.operation.Client), f.request
	s := o.operation(o.machine(r.Key), r.ID)
	a := s.attempt(client, r.Attempt)
	switch reply := f.end.Reply; {
	case reply != nil && a.reply != nil && *reply != *a.reply:
		v := o.violation("wire", "reply-changed", r.Key, "")
		v.Sentence = fmt.Sprintf("Client %d takes %+v, and node %d has sent %+v", f.operation.Client, *reply, a.arrivedAt, *a.reply)
		return v
	case reply != nil:
		a.refuted = reply.Outcome == node.Rejected
		if reply.Final {
			o.invoke(s, f.operation).final = true
		}
	case f.end.NeverSent:
		a.refuted, a.neverSent = true, true
		if a.arrivedAt != 0 {
			return o.neverSentArrived(client, r)
		}
	}
	return nil
}

func (o *oracle) neverSentArrived(client sim.ID, r *node.Request) *scenarios.Violation {
	v := o.violation("client", "never-sent-arrived", r.Key, "")
	v.Sentence = fmt.Sprintf("Client %d is told that it could not send %v, which arrives at a node", scenarios.ClientNumber(client), r)
	return v
}

// checkKnowledge: a client that says that its transition was rejected has a reply that
// rejects all attempts, or knows of each of its attempts that it has no effect. A
// lost attempt, or one without an answer, may take effect. A client that says that
// the outcome is unknown has made an attempt that may, or was given its id.
func (o *oracle) checkKnowledge(r *scenarios.Response, s *operation, q *invocation) *scenarios.Violation {
	op := r.Operation
	open := s.openAttempt(op)
	violation := func(class, knowledge string) *scenarios.Violation {
		v := o.violation("client", class, op.Key, "")
		v.Sentence = fmt.Sprintf("Client %d says that %s was %s, and %s", op.Client, op.ID, r.Outcome, knowledge)
		return v
	}
	switch given := op.IDScheme == scenarios.OwnID || op.IDScheme == scenarios.ForgedID; {
	case op.Kind != scenarios.Propose:
	case r.Outcome == scenarios.Rejected && !q.final && open != nil:
		return violation("rejected-while-open", fmt.Sprintf("its attempt %d may take effect", open.number))
	case r.Outcome == scenarios.Unknown && !given && open == nil:
		return violation("unknown-though-refuted", "none of its attempts can take effect")
	}
	return nil
}

// openAttempt returns an attempt of op that may take effect as far as its client
// knows; nil if there is none.
func (s *operation) openAttempt(op *scenarios.Operation) *attemptState {
	for i := range s.attempts {
		if a := &s.attempts[i]; a.planOp == op.ID && a.client == scenarios.ClientID(op.Client) && !a.refuted {
			return a
		}
	}
	return nil
}
