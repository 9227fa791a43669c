package lockstep

import (
	"slices"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/node/session"
	"github.com/lockstep-dst/lockstep/sim"
)

// marks counts what a run comes by.
type marks struct {
	node    node.Marks
	member  member.Marks
	session session.Marks
	ready   []int  // by id: the last life that got so far
	again   uint64 // lives that follow one that did not
}

// markNames names what Marks counts, in that order.
func markNames() []string {
	var names []string
	for m := range len(node.Marks{}) {
		names = append(names, "node/"+node.Mark(m).String())
	}
	for m := range len(member.Marks{}) {
		names = append(names, "member/"+member.Mark(m).String())
	}
	for m := range len(session.Marks{}) {
		names = append(names, "session/"+session.Mark(m).String())
	}
	return append(names, "run/crash-in-recovery")
}

// Marks implements scenarios.Marker.
func (r *run) Marks() []uint64 {
	m := &r.marks
	return append(slices.Concat(m.node[:], m.member[:], m.session[:]), m.again)
}

// born takes note of a life of a node. A node cannot tell that it crashed while
// it recovered from that it crashed later.
func (m *marks) born(id sim.ID, life int) {
	if m.ready[id] < life-1 {
		m.again++
	}
}
