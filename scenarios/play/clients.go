package play

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// clientQueue holds the operations that a client has not ended; the first is in
// progress.
type clientQueue struct{ operations []*scenarios.Operation }

// scheduleClients invokes each client's first operation.
func (s *runner) scheduleClients() {
	for i := range s.plan.Operations {
		o := &s.plan.Operations[i]
		id := scenarios.ClientID(o.Client)
		q := s.queues[id]
		if q == nil {
			q = &clientQueue{}
			s.queues[id] = q
			s.busyClients++
		}
		q.operations = append(q.operations, o)
	}
	for c := 1; c <= s.plan.Clients; c++ {
		if q := s.queues[scenarios.ClientID(c)]; q != nil {
			s.invoke(q.operations[0])
		}
	}
}

// invoke schedules the invocation of o at its time, but after the current event.
func (s *runner) invoke(o *scenarios.Operation) {
	at := o.At
	if now := s.world.Now(); now > 0 {
		at = max(at, now+1)
	}
	s.history.invoke(o, at)
	call := s.invocations.Make(64)
	call.Operation = o
	s.world.Invoke(at, scenarios.ClientID(o.Client), call)
}

func (s *runner) onResponse(at scenarios.Duration, id sim.ID, r *scenarios.Response) {
	if v := s.responseMisuse(at, id, r); v != nil {
		s.violate(v)
		return
	}
	if !s.history.respond(at, r) {
		if s.violation == nil {
			s.violation = unexpectedReturn(at, r)
		}
		return
	}
	if r.Operation.Client == scenarios.HealClient {
		s.onHealOpResponse(r)
		return
	}
	q := s.queues[id]
	q.operations = q.operations[1:]
	if len(q.operations) > 0 {
		s.invoke(q.operations[0])
		return
	}
	s.busyClients--
	s.whenClientsDone()
}

func unexpectedReturn(at scenarios.Duration, r *scenarios.Response) *scenarios.Violation {
	return &scenarios.Violation{
		Property: "client", Class: "unexpected-return", At: at, Machine: r.Operation.Key,
		Sentence: fmt.Sprintf("Client %d returned %v with no operation in progress", r.Operation.Client, r),
	}
}

func (s *runner) clientStuck() *scenarios.Violation {
	v := &scenarios.Violation{Property: "liveness", Class: "client-stuck", At: s.world.Now()}
	for c := 1; c <= s.plan.Clients; c++ {
		if q := s.queues[scenarios.ClientID(c)]; q != nil && len(q.operations) > 0 {
			o := q.operations[0]
			v.Machine = o.Key
			v.Sentence = fmt.Sprintf("Client %d still waits for %s (%v on %s) when nothing moves any more", c, o.ID, o, o.Key)
			break
		}
	}
	return v
}
