package lockstep

import (
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// question is what somebody has asked for under the name of an operation. There
// may be several: nothing keeps clients from using a name twice.
type question struct {
	of       string // the operation of the plan
	to       string
	expects  bool // it is to be carried out at version expect only
	expect   uint64
	base     uint64 // that its client claims to have known before
	rejected bool   // its client was told that it has no effect
}

func (q *question) String() string {
	if q == nil {
		return "nothing"
	}
	if q.expects {
		return fmt.Sprintf("%s at version %d", q.to, q.expect)
	}
	return q.to
}

// made reports whether a transition to a state, which made a version, is what q
// asks for.
func (q *question) made(state string, version uint64) bool {
	return q.to == state && (!q.expects || q.expect+1 == version)
}

// ask finds or makes the question of an operation of the plan.
func (s *operation) ask(op *scenarios.Operation) *question {
	for i := range s.questions {
		if s.questions[i].of == op.ID {
			return &s.questions[i]
		}
	}
	if s.questions == nil {
		s.questions = s.asked[:0]
	}
	q := question{of: op.ID, to: op.To, base: op.Watermark}
	if op.Expect != nil {
		q.expects, q.expect = true, *op.Expect
	}
	s.questions = append(s.questions, q)
	return &s.questions[len(s.questions)-1]
}

// question is what a client has asked for in an attempt; nil if that is not known.
func (s *operation) question(client sim.ID, attempt uint32) *question {
	of := s.trial(client, attempt).of
	for i := range s.questions {
		if s.questions[i].of == of {
			return &s.questions[i]
		}
	}
	return nil
}

// wanted: what is carried out is what somebody has asked for, at the version at which
// it was to be, who was not told that it has no effect. A base that the machine had
// not reached is no permission.
func (o *oracle) wanted(key string, s *operation, serial, version uint64, e *node.Entry) *scenarios.Violation {
	legal, early, ahead := len(s.questions) == 0, false, false
	for i := range s.questions {
		switch q := &s.questions[i]; {
		case q.to != e.To:
		case !q.made(e.To, version):
			early = true
		case q.rejected:
			return o.violation("exactly-once", "rejected-applied", key, "has %s lead %s to entry %d, whose client was told that it has no effect", e.ID, key, serial)
		case q.base >= serial:
			ahead = true
		default:
			legal = true
		}
	}
	switch {
	case legal:
		return nil
	case ahead:
		return o.violation("exactly-once", "watermark-ahead", key, "has %s lead %s to entry %d, whose client claims to have known that or a later one before", e.ID, key, serial)
	case early:
		return o.violation("outcomes", "unexpected-version", key, "has %s lead %s on from version %d, at which nobody wants it to", e.ID, key, version-1)
	}
	return o.violation("exactly-once", "never-invoked", key, "has %s lead %s to %s, which nobody has asked for", e.ID, key, e.To)
}

// at reports whether e, which led to version, is of a question that expects the
// version before. Such a one is carried out once by that alone, whatever else was
// asked under its name: only one operation can lead on from a version.
func (s *operation) at(e *node.Entry, version uint64) bool {
	return e.Kind == node.EntryTransition && slices.ContainsFunc(s.questions, func(q question) bool { return q.expects && q.made(e.To, version) })
}

// answer is the chosen entry of an operation that is what q asks for, by number;
// 0 if there is none.
func (t *truth) answer(s *operation, q *question) uint64 {
	for _, n := range s.serials {
		if e := &t.entries[n-1]; e.Kind == node.EntryTransition && q.made(e.To, t.versions[n-1]) {
			return n
		}
	}
	return 0
}

// conflicting: who is told that the operation has asked for something else, has
// done so: there is an entry, and none that is an answer.
func (o *oracle) conflicting(t *truth, s *operation, q *question, r *node.Reply) *scenarios.Violation {
	if len(s.serials) > 0 && q != nil && t.answer(s, q) == 0 {
		return nil
	}
	return o.violation("outcomes", "false-conflict", t.key, "answers %v, and %s has led to nothing else than what is asked", r, r.ID)
}

// final: what is rejected for good has a void entry, or expects a version at which
// another operation was carried out, or it is illegal; or its machine is retired.
func (o *oracle) final(t *truth, s *operation, q *question, r *node.Reply) *scenarios.Violation {
	void := func(n uint64) bool { return t.entries[n-1].Kind != node.EntryTransition }
	switch {
	case r.Reason == node.IDConflict:
		return o.conflicting(t, s, q, r)
	case r.Reason == node.UnknownDefinition || r.Reason == node.UnknownState || r.Reason == node.BadRequest:
		return nil // nobody would ever carry it out
	case slices.ContainsFunc(s.serials, void):
		return nil
	case q == nil && len(s.serials) > 0, q != nil && t.answer(s, q) != 0:
	case q != nil && q.expects && r.Reason == node.VersionMismatch && q.expect < t.version():
		return nil
	case q != nil && q.expects && r.Reason == node.Illegal && q.expect == r.Version:
		return nil
	case len(t.entries) > 0 && t.entries[len(t.entries)-1].To == fsm.Retired:
		return nil
	}
	return o.violation("outcomes", "not-final", r.Key, "answers %v, and no chosen entry keeps it from taking effect", r)
}

// version is the latest that was chosen.
func (t *truth) version() uint64 {
	if n := len(t.versions); n > 0 {
		return t.versions[n-1]
	}
	return 0
}
