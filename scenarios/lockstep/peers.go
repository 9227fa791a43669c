package lockstep

import (
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// What the server's handshake does between nodes, the processes here do by
// themselves: a node remembers the incarnation of each peer, and neither hears
// nor tells one that comes back with another (rule 11).
//
// The server learns an incarnation when it first meets a peer. Here every node
// knows it as soon as there is one, as in a cluster all of whose members have met
// before anything goes wrong.

// meet compares the incarnation of a node that is ready with the one that its
// peers know.
func (p *process) meet() {
	p.met = true
	now, r := p.node.Incarnation(), p.run
	if r.incarnations[p.id] == [16]byte{} {
		r.incarnations[p.id] = now
	}
	if r.incarnations[p.id] != now && !r.bug.deaf {
		r.strange[p.id], p.strange = true, true
		r.lives[p.id] = 0 // what it does counts for nothing
	}
}

// estranged reports whether a message is from a node that is not the one it was,
// or to one. Either way it is not heard.
func (p *process) estranged(ev *sim.Event, out *sim.Effects) bool {
	if ev.From == p.id || ev.From > 100 {
		return false
	}
	stranger := ev.Message.(*envelope).stranger
	if hears := p.run.bug.hears; hears != nil {
		return !hears(p.id, ev.From, stranger) || !hears(ev.From, p.id, p.strange)
	}
	if stranger {
		out.Fact(&scenarios.Disowned{Node: ev.From})
		return true
	}
	return p.strange
}
