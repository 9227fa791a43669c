package node

import (
	"time"

	"github.com/lockstep-dst/lockstep/node/internal/invariant"
)

// reader is a node's state as the reader of one machine. A read needs one round trip
// if a quorum reports the same accepted ballot (rule 8). The value at that ballot is
// then chosen. No later value was chosen before the request was sent, since a member
// of the quorum would have reported it.
type reader struct {
	readQueue  []*operation // for the next quorum read
	quorumRead quorumRead
}

// quorumRead is one exchange of requests and reports. Operations that arrive during
// it wait for the next one, so that its requests are sent after they arrived.
type quorumRead struct {
	id       ReadID // zero: none
	batch    []*operation
	reported memberSet
	ballots  [MaxMembers]Ballot
	values   [MaxMembers]*Value
	deadline time.Duration // after it a round decides
}

func (n *Node) read(m *machine, o *operation) {
	n.attachWork(m)
	if len(m.readQueue) >= n.cfg.Queue {
		n.giveUp(o, Overloaded)
		return
	}
	m.readQueue = append(m.readQueue, o)
	invariant.Check(len(m.readQueue) <= n.cfg.Queue, "node: the reads that wait are within their limit")
	n.startQuorumRead(m)
}

// startQuorumRead has a quorum read begin at the end of the step, if reads are queued and
// none is in progress.
func (n *Node) startQuorumRead(m *machine) {
	if m.quorumRead.id == (ReadID{}) && len(m.readQueue) > 0 {
		n.beginLater(m)
	}
}

func (n *Node) beginQuorumRead(m *machine) {
	x := &m.quorumRead
	if x.id != (ReadID{}) || len(m.readQueue) == 0 {
		return
	}
	n.counts.QuorumReads++
	batch := append(x.batch[:0], m.readQueue...)
	clear(m.readQueue)
	m.readQueue = m.readQueue[:0]
	*x = quorumRead{
		id: n.newReadID(), batch: batch,
		deadline: min(n.now+n.cfg.ResendTimeout, batch[0].deadline), // the first is the oldest
	}
	req := n.requests.Make(arenaBlock)
	*req = ReadRequest{Key: m.key, Read: x.id, First: x.batch[0].req.ID}
	for _, id := range n.cfg.Members {
		n.sendWhenDurable(id, req, 0)
	}
	n.scheduleWake(m, x.deadline)
}

func (n *Node) handleReadReport(from ID, r *ReadReport) {
	m := n.findMachine(r.Key)
	v := m.sharedValue(r.Accepted, r.Value)
	if r.Read.Node != n.cfg.ID || m != nil && !n.validAccepted(m, r.Accepted, v) {
		n.counts.Discarded++
		return
	}
	if m == nil {
		n.discardLateResponse(r.Key)
		return
	}
	if m.work == nil {
		return // a late report
	}
	x, i := &m.quorumRead, n.member(from)
	if x.id != r.Read || x.reported.has(i) {
		return
	}
	x.reported.add(i)
	x.ballots[i], x.values[i] = r.Accepted, v
	same, most := n.mostReported(x)
	switch {
	case same >= 0 && most >= n.majority:
		invariant.Check(most <= x.reported.len() && x.reported.len() <= len(n.cfg.Members), "node: each member's report counts once")
		invariant.Check(len(x.batch) > 0, "node: a quorum read is for somebody")
		if v := x.values[same]; v != nil {
			n.learn(m, x.ballots[same], v)
		}
		n.mark(MarkReadQuorumAgreed)
		n.finishQuorumRead(m, n.valueOrInitial(m, x.values[same]))
		n.releaseWork(m)
	case most+len(n.cfg.Members)-x.reported.len() < n.majority:
		n.mark(MarkReadQuorumDiffered)
		n.decideByRound(m)
	}
}

// mostReported finds the ballot that most members reported. It returns the index of
// one of these members, and their count; -1 and 0 if there is no report.
func (n *Node) mostReported(x *quorumRead) (same, most int) {
	same = -1
	for i := range n.cfg.Members {
		if !x.reported.has(i) {
			continue
		}
		count := 0
		for j := range n.cfg.Members {
			if x.reported.has(j) && x.ballots[j] == x.ballots[i] {
				count++
			}
		}
		if count > most {
			same, most = i, count
		}
	}
	return same, most
}

func (n *Node) finishQuorumRead(m *machine, v *Value) {
	x := &m.quorumRead
	for _, o := range x.batch {
		n.respond(o, committedReply(v))
	}
	clear(x.batch)
	*x = quorumRead{batch: x.batch[:0]}
	n.startQuorumRead(m)
}

// decideByRound queues the reads for a round. It is a no-op round if there are no
// other operations.
func (n *Node) decideByRound(m *machine) {
	x := &m.quorumRead
	batch := x.batch
	*x = quorumRead{}
	for _, o := range batch {
		if o.deadline <= n.now {
			n.giveUp(o, Timeout)
			continue
		}
		n.counts.NoOpReads++
		n.enqueue(m, o)
	}
	n.startQuorumRead(m)
}

// expireQuorumRead ends the wait for reports at the deadline.
func (n *Node) expireQuorumRead(m *machine) {
	x := &m.quorumRead
	switch {
	case x.id == (ReadID{}):
	case n.now < x.deadline:
		n.scheduleWake(m, x.deadline)
	default:
		n.mark(MarkReadQuorumTimeout)
		n.decideByRound(m)
	}
}
