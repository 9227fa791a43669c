package node

import "slices"

// maxRepairWaiting bounds the messages that may await a sync when a peer's request is
// answered: an answer is up to a thousand messages, and a long list. A peer has one
// request under way.
const maxRepairWaiting = 1 << 12

// handleRequest sends a peer the requested values and a report. They are sent
// once the log is durable up to its current end (rule 5).
func (r *repair) handleRequest(from ID, q *RepairRequest) {
	i := slices.Index(r.cfg.Members, from)
	if from == r.cfg.ID || q.Exchange.Node != from || !validRanges(q.Ranges) || len(q.Wants) > MaxRepairList {
		r.counts.Discarded++
		return
	}
	if r.node.sendsWaiting() >= maxRepairWaiting {
		return // the peer asks again
	}
	after := r.node.logEnd()
	rep := &RepairReport{Exchange: q.Exchange, Digest: r.digest.root.sum, Progress: r.digest.progress}
	for _, part := range q.Ranges {
		if !r.digest.describe(part, rep) {
			r.node.mark(MarkRepairReportFull)
			break
		}
		rep.RangesAnswered++
	}
	for size := 0; int(rep.WantsAnswered) < len(q.Wants); rep.WantsAnswered++ {
		if size >= r.limits.answerBytes {
			r.node.mark(MarkRepairAnswerFull)
			break
		}
		if m := r.node.findMachine(q.Wants[rep.WantsAnswered]); m != nil && m.value != nil {
			v := &RepairValue{Key: m.key, Ballot: m.accepted, Value: m.value, Chosen: m.chosenAt == m.accepted}
			size += wireSize(v)
			r.node.sendWhenDurable(from, v, after)
		}
	}
	r.node.sendWhenDurable(from, rep, after)
	if q.Digest == rep.Digest {
		r.digestsEqual(i)
		return
	}
	r.digestsDiffer(i, q)
}

func validRanges(ranges []HashRange) bool {
	for _, r := range ranges {
		if !r.Valid() {
			return false
		}
	}
	return len(ranges) <= MaxRepairList
}

// digestsDiffer schedules a comparison with a peer: at once if this node may be the
// one that is behind, and after the peer's pull if it is pulling. Otherwise there is
// no hurry: the peer knows that it is behind.
func (r *repair) digestsDiffer(i int, q *RepairRequest) {
	c := &r.peers[i]
	pulling := len(q.Ranges)+len(q.Wants) > 0
	switch {
	case r.cfg.RepairDelay == 0 || r.pull.active && r.pull.peer == i:
		return
	case !pulling && r.digest.progress <= q.Progress:
		c.nextAt = min(c.nextAt, r.node.clock()) // not later: others that are silent have their turns as well
		r.leaveSilentPeer()
	case pulling || r.agreed.has(i):
		c.nextAt = max(c.nextAt, r.node.clock()+r.cfg.RepairDelay)
	}
	r.agreed.remove(i)
	r.startNextPull()
}

// leaveSilentPeer ends the wait for a peer that did not respond to the request before
// either: it may be long, and another peer is there.
func (r *repair) leaveSilentPeer() {
	p := &r.pull
	if !p.waiting || !r.peers[p.peer].timedOut {
		return
	}
	r.node.mark(MarkRepairSilentPeerLeft)
	p.active, p.waiting = false, false
	r.scheduleComparison(p.peer)
}
