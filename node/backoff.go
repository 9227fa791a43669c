package node

import "time"

// rttEstimate is the round trip time to a majority, smoothed as in TCP (RFC 6298)
// over rounds in which nothing was sent again. Zero means not measured yet.
type rttEstimate time.Duration

func (t *rttEstimate) update(sample time.Duration) {
	if *t == 0 {
		*t = rttEstimate(sample)
	}
	*t += (rttEstimate(sample) - *t) / 8
}

// roundsDuration estimates how long count rounds of other nodes take, each from
// prepare to commit. It is at most the resend timeout, also without an estimate
// of the round trip.
func (n *Node) roundsDuration(count int) time.Duration {
	if n.rtt <= 0 {
		return n.cfg.ResendTimeout
	}
	return max(1, min(2*time.Duration(n.rtt)*time.Duration(count), n.cfg.ResendTimeout))
}

// cutBackoffShort ends m's backoff early after committer has finished a round,
// never in the middle of one. If this node follows committer in the order of
// members, its round begins at once; else after the nodes between have had time
// for theirs. So nodes with clients of the same machine take turns, each with all
// operations that it cannot forward. A node that does not back off is in no duel.
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
	resumeAt := n.now
	if ahead := (n.member(n.cfg.ID) - i - 1 + len(n.cfg.Members)) % len(n.cfg.Members); ahead > 0 {
		resumeAt += n.roundsDuration(ahead)
	}
	if resumeAt < m.backoffUntil {
		n.mark(MarkBackoffCutShort)
		m.backoffUntil = resumeAt
		n.startRound(m)
	}
}
