package lockstep

import (
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// invocation is one request for a transition under the name of an operation. There may
// be several: clients may use a name twice.
type invocation struct {
	planOp    string // id of the operation in the plan
	to        string
	expects   bool // only at version expect
	expect    uint64
	watermark uint64 // claimed by its client
	rejected  bool   // the client's response was: rejected
	final     bool   // the client has a reply that rejects all attempts
}

func (q *invocation) String() string {
	if q == nil {
		return "nothing"
	}
	if q.expects {
		return fmt.Sprintf("%s at version %d", q.to, q.expect)
	}
	return q.to
}

// matches reports whether a transition to a state, which made a version, is the one that
// q requests.
func (q *invocation) matches(state string, version uint64) bool {
	return q.to == state && (!q.expects || q.expect+1 == version)
}

// invoke returns the invocation of an operation of the plan; it makes one if there is
// none.
func (o *oracle) invoke(s *operation, op *scenarios.Operation) *invocation {
	for i := range s.invocations {
		if s.invocations[i].planOp == op.ID {
			return &s.invocations[i]
		}
	}
	if s.invocations == nil {
		s.invocations = s.invocationBuf[:0]
	}
	q := invocation{planOp: op.ID, to: o.plan.Requested(op), watermark: op.Watermark}
	if op.Expect != nil {
		q.expects, q.expect = true, *op.Expect
	}
	s.invocations = append(s.invocations, q)
	return &s.invocations[len(s.invocations)-1]
}

// invocation returns the invocation behind a client's attempt; nil if it is not known.
func (s *operation) invocation(client sim.ID, attempt uint32) *invocation {
	planOp := s.attempt(client, attempt).planOp
	for i := range s.invocations {
		if s.invocations[i].planOp == planOp {
			return &s.invocations[i]
		}
	}
	return nil
}

// checkInvoked: a transition was requested by a client, at the version that the client
// expects, and was not rejected to that client. An invocation whose watermark the
// machine had not reached permits no entry up to it.
func (o *oracle) checkInvoked(key string, s *operation, serial, version uint64, e *node.Entry) *scenarios.Violation {
	legal, early, ahead := len(s.invocations) == 0, false, false
	for i := range s.invocations {
		switch q := &s.invocations[i]; {
		case q.to != e.To:
		case !q.matches(e.To, version):
			early = true
		case q.rejected:
			return o.violation("exactly-once", "rejected-applied", key, "makes %s entry %d of %s, though its client has received a rejection", e.ID, serial, key)
		case q.watermark >= serial:
			ahead = true
		default:
			legal = true
		}
	}
	switch {
	case legal:
		return nil
	case ahead:
		return o.violation("exactly-once", "watermark-ahead", key, "makes %s entry %d of %s, which is not above its watermark", e.ID, serial, key)
	case early:
		return o.violation("outcomes", "unexpected-version", key, "makes %s a transition of %s at version %d, which no request for it expects", e.ID, key, version-1)
	}
	return o.violation("exactly-once", "never-invoked", key, "makes %s a transition of %s to %s, which no client has requested", e.ID, key, e.To)
}

// atExpectedVersion reports whether e, which made version, is of an invocation that
// expects the version before. The expectation alone has it carried out at most once,
// whatever else was invoked under its name: only one operation can follow a version.
func (s *operation) atExpectedVersion(e *node.Entry, version uint64) bool {
	return e.Kind == node.EntryTransition && slices.ContainsFunc(s.invocations, func(q invocation) bool { return q.expects && q.matches(e.To, version) })
}

// entryFor returns the serial of the operation's chosen transition that q requests; 0 if
// there is none.
func (t *machineTruth) entryFor(s *operation, q *invocation) uint64 {
	for _, n := range s.serials {
		if e := &t.entries[n-1]; e.Kind == node.EntryTransition && q.matches(e.To, t.versions[n-1]) {
			return n
		}
	}
	return 0
}

// checkConflict: a rejection for an id conflict is right if the operation has chosen
// entries, and none is the transition that q requests.
func (o *oracle) checkConflict(t *machineTruth, s *operation, q *invocation, r *node.Reply) *scenarios.Violation {
	if len(s.serials) > 0 && q != nil && t.entryFor(s, q) == 0 {
		return nil
	}
	return o.violation("outcomes", "false-conflict", t.key, "answers %v, though %s has made no other transition than the requested one", r, r.ID)
}

// checkFinal: an operation that is rejected finally never takes effect. Either it has an
// abort tombstone; or it expects a version that another operation has followed, or at
// which it is illegal; or no transition leaves the state of its machine; or no node would carry it out.
// checkConflict judges id conflicts.
func (o *oracle) checkFinal(t *machineTruth, s *operation, q *invocation, r *node.Reply) *scenarios.Violation {
	tombstone := func(n uint64) bool { return t.entries[n-1].Kind != node.EntryTransition }
	switch {
	case r.Reason == node.IDConflict:
		return o.checkConflict(t, s, q, r)
	case r.Reason == node.UnknownDefinition || r.Reason == node.UnknownState || r.Reason == node.BadRequest:
		return nil // no node would ever carry it out
	case slices.ContainsFunc(s.serials, tombstone):
		return nil
	case q == nil && len(s.serials) > 0, q != nil && t.entryFor(s, q) != 0:
	case q != nil && q.expects && r.Reason == node.VersionMismatch && q.expect < t.lastVersion():
		return nil
	case q != nil && q.expects && r.Reason == node.Illegal && q.expect == r.Version:
		return nil
	case o.staysIllegal(t):
		return nil
	}
	return o.violation("outcomes", "not-final", r.Key, "answers %v, though no chosen entry keeps the operation from taking effect", r)
}

// staysIllegal reports whether the machine is in a state that no transition leaves: what
// is illegal there is so for ever.
func (o *oracle) staysIllegal(t *machineTruth) bool {
	d, _ := o.definition(t.key)
	state := d.Initial
	if o.isUsed(t) {
		state = t.entries[len(t.entries)-1].To
	}
	return (state != fsm.Undefined || d.Name != fsm.MetaName) && !slices.ContainsFunc(d.States, func(to string) bool { return d.Legal(state, to) })
}

// lastVersion returns the latest chosen version.
func (t *machineTruth) lastVersion() uint64 {
	if n := len(t.versions); n > 0 {
		return t.versions[n-1]
	}
	return 0
}
