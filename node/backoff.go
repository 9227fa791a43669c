package node

import "time"

// rttEstimate is how long a round trip to a majority takes, smoothed over some rounds as
// TCP does it (RFC 6298), in which nothing was sent again. Zero: not known yet.
type rttEstimate time.Duration

func (t *rttEstimate) update(sample time.Duration) {
	if *t == 0 {
		*t = rttEstimate(sample)
	}
	*t += (rttEstimate(sample) - *t) / 8
}

// roundsDuration is how long so many rounds of other nodes take, each from its prepare to its
// commit: but at most the retry delay, and that if it is not known.
func (n *Node) roundsDuration(count int) time.Duration {
	if n.rtt <= 0 {
		return n.cfg.ResendTimeout
	}
	return max(1, min(2*time.Duration(n.rtt)*time.Duration(count), n.cfg.ResendTimeout))
}

// cutBackoffShort begins the next round of a machine that others are at work on when they
// have ended one, and not in the middle of it: at once if this node comes after the
// one that has committed, in the order of members; else when those between have had the
// time for theirs. So nodes whose clients want the same machine go in turn, each
// with all that it cannot hand over. A node that is not in a pause is not in a duel.
func (n *Node) cutBackoffShort(m *machine, committer ID) {
	if m.work == nil || m.round.phase != 0 || n.now >= m.backoffUntil {
		return
	}
	if n.forwardQueue(m); len(m.queue) == 0 {
		return
	}
	i := n.member(committer)
	if i < 0 || committer == n.cfg.ID {
		return
	}
	turn := n.now
	if between := (n.member(n.cfg.ID) - i - 1 + len(n.cfg.Members)) % len(n.cfg.Members); between > 0 {
		turn += n.roundsDuration(between)
	}
	if turn < m.backoffUntil {
		n.mark(MarkBackoffCutShort)
		m.backoffUntil = turn
		n.startRound(m)
	}
}
