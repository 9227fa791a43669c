package node

import "slices"

// answerWaiting looks for the operations that wait in a value that was just learnt, at
// ballot b. What another node has carried out is answered; of the others it is known
// now that they are in no entry up to this one. So an operation that waits while others
// go ahead is not forgotten, as long as this node hears of what is chosen: its base says what
// its client has seen, and this what the node has.
//
// It gives how many were found.
func (n *Node) answerWaiting(m *machine, b Ballot) (found int) {
	if m.work == nil {
		return 0
	}
	if m.round.phase == Accept && m.round.ballot != b { // of its own value the round answers
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
			if reply, ok := dedupLookup(m.chosen, o.req); ok {
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

// supersede takes note that a value without o was chosen at ballot b: no accept with it that was
// sent at a lower one has had an effect, or ever will, since nobody can go on from that.
func (o *operation) supersede(v *Value, b Ballot) {
	if o.acceptBallot.Less(b) && v.Serial <= max(o.watermark, o.absentUpTo) {
		o.acceptSent = false
	}
}

// unansweredBy is how many operations wait that a chosen value does not answer.
func (m *machine) unansweredBy(v *Value) (count int) {
	for _, o := range m.queue {
		if o.req.Kind != Propose || !o.isIn(v) {
			count++
		}
	}
	return count
}

// isIn looks for o among the recent entries of a chosen value that are not
// known yet to be of others. If it is in none, they are from now on.
func (o *operation) isIn(v *Value) bool {
	known := max(o.watermark, o.absentUpTo)
	if v.Serial <= known {
		return false
	}
	fresh := v.Window[len(v.Window)-int(min(v.Serial-known, uint64(len(v.Window)))):]
	for i := range fresh {
		if fresh[i].ID.equal(o.req.ID) {
			return true
		}
	}
	o.noteAbsent(v)
	return false
}

// noteAbsent takes note that o is in none of the recent entries of a chosen value.
func (o *operation) noteAbsent(v *Value) {
	if v.lastEvicted() <= max(o.watermark, o.absentUpTo) {
		o.absentUpTo = max(o.absentUpTo, v.Serial)
	}
}

// batchLimit is how many operations a round may carry that goes on from a value. In a
// duel each round goes on from what the last has left unfinished. If entries left the
// ring before they are known to be chosen, those who wait could not be told whether theirs
// are among them: so a value that is not known to be chosen is accepted again first. Beyond
// the ring it is the commits that are missing, and that would help nobody.
func (n *Node) batchLimit(m *machine, from *Value) int {
	if m.chosen == nil || from.Serial <= m.chosen.Serial {
		return n.cfg.Batch
	}
	unsure := from.Serial - m.chosen.Serial
	if unsure > uint64(n.cfg.DedupWindow) {
		return n.cfg.Batch
	}
	return min(n.cfg.Batch, n.cfg.DedupWindow-int(unsure))
}
