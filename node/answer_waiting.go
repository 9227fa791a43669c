package node

import (
	"slices"
	"time"
)

// answerWaiting looks for m's waiting operations in m.chosen, which was just
// learnt at ballot b. It responds to the operations that another node has
// carried out, and returns how many they are. The others are now known to be
// absent from all entries up to this one. So an operation that waits while
// others go ahead does not become window-expired, as long as this node receives
// the commits: the watermark covers the entries that its client has seen,
// absentUpTo the entries that this node has seen.
func (n *Node) answerWaiting(m *machine, b Ballot) (found int) {
	if m.work == nil {
		return 0
	}
	if m.round.phase == Accept && m.round.ballot != b { // the round responds for its own value
		found = n.answerFoundIn(m, m.round.batch, b)
	}
	for _, list := range [...]*[]*operation{&m.queue, &m.forwarded} {
		if len(*list) > 0 {
			found += n.answerFoundIn(m, *list, b)
			*list = slices.DeleteFunc(*list, func(o *operation) bool { return o.answered })
		}
	}
	return found
}

func (n *Node) answerFoundIn(m *machine, list []*operation, b Ballot) (found int) {
	for _, o := range list {
		if o.answered || o.req.Kind != Propose {
			continue
		}
		if o.isIn(m.chosen) {
			if reply, ok := dedupLookup(m.chosen, o); ok {
				found++
				n.mark(MarkDedupHitInQueue)
				n.respond(o, reply)
				continue
			}
		}
		o.supersede(m.chosen, b)
	}
	return found
}

// supersede records that v, a value without o, was chosen at ballot b. An accept
// with o at a lower ballot has had no effect and never will: no round goes on
// from it.
func (o *operation) supersede(v *Value, b Ballot) {
	if o.acceptBallot.Less(b) && v.Serial <= max(o.watermark, o.absentUpTo) {
		o.acceptSent = false
	}
}

// unansweredBy counts the queued operations that have no entry in v and are not overdue:
// of a step that takes up many events, timers may come after the messages.
func (m *machine) unansweredBy(v *Value, now time.Duration) (count int) {
	for _, o := range m.queue {
		if o.deadline > now && (o.req.Kind != Propose || !o.isIn(v)) {
			count++
		}
	}
	return count
}

// isIn reports whether o has an entry in the dedup window of v, a chosen value.
// It skips the entries up to which o is known to be absent, and extends that
// range to v if it finds none.
func (o *operation) isIn(v *Value) bool {
	absentUpTo := max(o.watermark, o.absentUpTo)
	if v.Serial <= absentUpTo {
		return false
	}
	unseen := v.Window[len(v.Window)-int(min(v.Serial-absentUpTo, uint64(len(v.Window)))):]
	for i := range unseen {
		if unseen[i].ID.Equal(o.req.ID) {
			return true
		}
	}
	o.noteAbsent(v)
	return false
}

// noteAbsent records that o has no entry in the window of v, a chosen value.
func (o *operation) noteAbsent(v *Value) {
	if v.lastEvicted() <= max(o.watermark, o.absentUpTo) {
		o.absentUpTo = max(o.absentUpTo, v.Serial)
	}
}

// batchLimit is the maximum number of operations in a round that goes on from a
// value. In a duel, each round goes on from the value that the last one left
// unfinished. If entries left the dedup window before they are known to be
// chosen, waiting operations could not be looked up among them. So the limit
// falls to 0 as unchosen entries fill the window: the value is then accepted
// again, without operations. With more unchosen entries than the window holds,
// commits are missing, and a limit would not help.
func (n *Node) batchLimit(m *machine, from *Value) int {
	if m.chosen == nil || from.Serial <= m.chosen.Serial {
		return n.cfg.Batch
	}
	unchosen := from.Serial - m.chosen.Serial
	if unchosen > uint64(n.cfg.DedupWindow) {
		return n.cfg.Batch
	}
	return min(n.cfg.Batch, n.cfg.DedupWindow-int(unchosen))
}
