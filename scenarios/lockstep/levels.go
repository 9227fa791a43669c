package lockstep

import (
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/configuration"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/node/wire"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// levels are the format levels of the nodes' present lives, by id; all 0 in a plan in which
// nodes do not differ in it. A life of a level stands for a build of it: its messages have
// the form of the lower level of both ends, as by package tcp, and it knows of changes of
// members only from node.LevelMembers on.
type levels []node.Level

// beginLevel sets the level of a life that begins.
func (r *run) beginLevel(id sim.ID, life int) {
	if !r.plan.HasLevels() {
		return
	}
	level := node.LatestLevel
	if l := r.plan.LevelOf(id, life); l != 0 {
		level = node.Level(l)
	}
	switch before := r.levels[id]; {
	case life == 1:
	case before < level:
		r.marks.levelsRaised++
	case before > level:
		r.marks.levelsLowered++
	}
	r.levels[id] = level
}

// rememberDelay is the delay of notes of peers. Lives of plans with levels are shorter than the
// usual one, so there it is a resend timeout.
func (r *run) rememberDelay() time.Duration {
	if !r.plan.HasLevels() {
		return 0
	}
	return time.Duration(r.plan.Knobs.ResendTimeout)
}

// forReceiver returns the message that a node is sent, and the level of its form. It is nil if
// there is none for that receiver.
func (p *process) forReceiver(s node.Send) (node.Message, node.Level) {
	own := p.run.levels[p.id]
	if own == 0 || scenarios.IsClient(sim.ID(s.To)) {
		return s.Message, 0
	}
	form := min(own, p.run.levels[s.To])
	m := wire.AtLevel(s.Message, form)
	if m != s.Message {
		p.run.marks.olderForms++
	}
	return m, form
}

// fromEndedConnection reports whether a message is in the form for a build that its receiver
// runs no more: the connection that it was sent on has ended with that.
func (p *process) fromEndedConnection(ev *sim.Event) bool {
	e, ok := ev.Message.(*envelope)
	if !ok || ev.Kind != sim.Receive || e.form == 0 || e.form == min(e.level, p.run.levels[p.id]) {
		return false
	}
	p.run.marks.endedForms++
	return true
}

// checkForm: a build is sent only messages that it reads.
func (p *process) checkForm(from sim.ID, e *envelope) {
	if e.form != 0 && isBeyond(e.form, e.Message) {
		key, _ := e.About()
		p.breach("wire", "beyond-level", key, "is sent %v by node %d, on a connection of %v", e.Message, from, e.form)
	}
}

// isBeyond reports whether builds of a level refuse a message, or take it for an attack. It
// repeats the nodes' rules on purpose: the oracle must not share a mistake of theirs.
func isBeyond(l node.Level, m node.Message) bool {
	if key, _ := m.About(); key == configuration.Key && l < 4 {
		return true
	}
	unread := func(r node.Reason) bool { return l < 3 && (r == node.QuotaReached || r == node.BaseNotHeld) }
	switch m := m.(type) {
	case *node.Proposal:
		return l < 3 && m.Extension != nil
	case *node.Commit:
		return l < 3 && m.Value == nil
	case *node.Reject:
		return unread(m.Reason)
	case *node.Reply:
		return unread(m.Reason)
	case *member.Introduction:
		return l < 4 && (len(m.More) > 0 || len(m.Members) > node.MaxMembers)
	}
	return false
}

// checkLevels: members change only when all of them are of builds that know it.
func (r *run) checkLevels(o *oracle, c *configuration.Configuration) *scenarios.Violation {
	for _, id := range append([]node.ID{node.ID(o.id)}, c.Voters...) {
		if l := r.levels[id]; l != 0 && l < 4 {
			return o.violation("members", "older-level", "", "adopts %v, and node %d is of %v", c, id, l)
		}
	}
	return nil
}
