package lockstep

import (
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/node/session"
	"github.com/lockstep-dst/lockstep/sim"
)

// markCounts counts how often a run hits each coverage mark.
type markCounts struct {
	node            node.Marks
	member          member.Marks
	session         session.Marks
	lastReady       []int  // by id: the last life that became ready
	recoveryCrashes uint64 // lives that follow one that never became ready
	doubleChanges   uint64 // steps in which a node learnt two values of one machine
	streamDamages   uint64 // chunks of connections with damaged bytes
	streamResets    uint64 // connections that have ended by a reset or a gap
	streamWaits     uint64 // requests that waited for credit
	streamCancels   uint64 // requests that were cancelled
	callExpired     uint64 // calls that came too late for their clients
	levelsRaised    uint64 // lives of a later build than the one before
	levelsLowered   uint64 // lives of an earlier one
	olderForms      uint64 // messages that were sent in another form, or not at all, for an earlier build
	endedForms      uint64 // messages in a form for a build that their receiver ran before
}

// markNames returns the names of the coverage marks, in the order of AppendMarks.
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
	return append(names, "run/crash-in-recovery", "run/two-changes-in-step",
		"run/stream-damaged", "run/stream-reset", "run/stream-credit-awaited", "run/stream-cancelled", "run/call-expired",
		"run/level-raised", "run/level-lowered", "run/older-form", "run/form-of-ended-connection")
}

// AppendMarks implements scenarios.MarkCounter.
func (r *run) AppendMarks(list []uint64) []uint64 {
	m := &r.marks
	list = append(list, m.node[:]...)
	list = append(list, m.member[:]...)
	list = append(list, m.session[:]...)
	return append(list, m.recoveryCrashes, m.doubleChanges, m.streamDamages, m.streamResets, m.streamWaits, m.streamCancels, m.callExpired,
		m.levelsRaised, m.levelsLowered, m.olderForms, m.endedForms)
}

// beginLife notes that a life of a node begins. The run counts crashes during recovery,
// since a node cannot tell whether it crashed before or after it was ready.
func (m *markCounts) beginLife(id sim.ID, life int) {
	if m.lastReady[id] < life-1 {
		m.recoveryCrashes++
	}
}

// noteShown counts a step that has shown two values of one machine.
func (m *markCounts) noteShown(values []node.ChosenValue) {
	for i := range values {
		for j := range i {
			if values[j].Key == values[i].Key {
				m.doubleChanges++
				return
			}
		}
	}
}
