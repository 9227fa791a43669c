package node

import (
	"slices"
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
	id        ReadID       // zero: none
	batch     []*operation // reads
	proposals []*operation // see looksFirst
	reported  memberSet
	ballots   [MaxParticipants]Ballot
	values    [MaxParticipants]*Value
	deadline  time.Duration // after it a round decides, or another exchange: see expireQuorumRead
	expired   int           // exchanges on end whose reports have not come by their deadline
}

// empty returns an exchange without operations, which keeps the room for them.
func (x *quorumRead) empty() quorumRead {
	clear(x.batch)
	clear(x.proposals)
	return quorumRead{batch: x.batch[:0], proposals: x.proposals[:0]}
}

// busy reports whether an operation waits for an exchange, or is in one.
func (r *reader) busy() bool {
	return r.quorumRead.id != (ReadID{}) || len(r.readQueue)+len(r.quorumRead.batch) > 0
}

func (n *Node) read(m *machine, o *operation) {
	n.attachWork(m)
	if len(m.readQueue) >= n.cfg.Queue {
		n.giveUp(o, Overloaded)
		return
	}
	n.scheduleWake(m, o.deadline)
	m.readQueue = append(m.readQueue, o)
	invariant.Check(len(m.readQueue) <= n.cfg.Queue, "node: the reads that wait are within their limit")
	n.startQuorumRead(m)
}

// startQuorumRead has a quorum read begin at the end of the step, if reads are queued and
// none is in progress.
func (n *Node) startQuorumRead(m *machine) {
	if m.quorumRead.id == (ReadID{}) && m.reader.busy() {
		n.beginLater(m)
	}
}

// beginQuorumRead begins an exchange for the reads that wait, those of an exchange that is
// made again among them, and for the proposals that look first.
func (n *Node) beginQuorumRead(m *machine) {
	x := &m.quorumRead
	if x.id != (ReadID{}) {
		return
	}
	size := min(len(m.readQueue), n.cfg.Queue-len(x.batch))
	batch, proposals := append(x.batch, m.readQueue[:size]...), x.proposals[:0]
	m.readQueue = slices.Delete(m.readQueue, 0, size)
	if n.looksFirst(m) {
		proposals = append(proposals, m.queue...)
		m.queue = slices.Delete(m.queue, 0, len(m.queue))
	}
	if len(batch)+len(proposals) == 0 {
		return
	}
	n.counts.QuorumReads++
	patience := n.cfg.ResendTimeout << min(x.expired, maxBackoff) // as in resendTimeout
	*x = quorumRead{id: n.newReadID(), batch: batch, proposals: proposals, deadline: n.now + patience, expired: x.expired}
	for _, o := range slices.Concat(batch, proposals) {
		x.deadline = min(x.deadline, o.deadline)
	}
	req := n.requests.Make(arenaBlock)
	*req = ReadRequest{Key: m.key, Read: x.id, First: x.first()}
	for _, id := range n.cfg.Members {
		n.sendWhenDurable(id, req, 0)
	}
	n.scheduleWake(m, x.deadline)
}

// first is the id that the exchange's messages are known by.
func (x *quorumRead) first() OpID {
	if len(x.batch) > 0 {
		return x.batch[0].req.ID
	}
	return x.proposals[0].req.ID
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
	m.reported = maxBallot(m.reported, r.Accepted)
	x, i := &m.quorumRead, n.member(from)
	if x.id != r.Read || x.reported.has(i) {
		return
	}
	x.reported.add(i)
	x.ballots[i], x.values[i] = r.Accepted, v
	same, open := n.agreed(x)
	switch {
	case same >= 0:
		invariant.Check(len(x.batch)+len(x.proposals) > 0, "node: a quorum read is for somebody")
		if v := x.values[same]; v != nil {
			n.learn(m, x.ballots[same], v)
		}
		n.mark(MarkReadQuorumAgreed)
		n.finishQuorumRead(m, x.values[same])
		n.releaseWork(m)
	case !open:
		n.mark(MarkReadQuorumDiffered)
		n.decideByRound(m)
	}
}

// agreed returns the index of a member whose report a quorum agrees with; -1 if there is
// none yet, and then whether there may still be one.
func (n *Node) agreed(x *quorumRead) (same int, open bool) {
	silent := n.all() &^ x.reported
	open = n.quorums.contain(silent)
	for i := range n.cfg.Members {
		if !x.reported.has(i) {
			continue
		}
		var alike memberSet
		for j := range n.cfg.Members {
			if x.reported.has(j) && x.ballots[j] == x.ballots[i] {
				alike.add(j)
			}
		}
		if n.quorums.contain(alike) {
			return i, false
		}
		open = open || n.quorums.contain(alike|silent)
	}
	return -1, open
}

// finishQuorumRead responds to the operations of an exchange in which a majority has
// reported v; nil: that it has accepted nothing.
func (n *Node) finishQuorumRead(m *machine, v *Value) {
	x := &m.quorumRead
	for _, o := range x.batch {
		n.respond(o, committedReply(n.valueOrInitial(m, v)))
	}
	n.finishLook(m, v == nil)
	*x = x.empty()
	n.startQuorumRead(m)
	n.startRound(m)
}

// decideByRound queues the reads for a round. It is a no-op round if there are no
// other operations.
func (n *Node) decideByRound(m *machine) {
	x := &m.quorumRead
	n.requeueLook(m)
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
	n.startRound(m)
}

// readAgain has another exchange begin at the end of the step, for what waits of the
// last one.
func (n *Node) readAgain(m *machine) {
	n.mark(MarkReadAgain)
	x := &m.quorumRead
	n.requeueLook(m)
	x.batch = slices.DeleteFunc(x.batch, func(o *operation) bool {
		if o.deadline <= n.now {
			n.giveUp(o, Timeout)
		}
		return o.answered
	})
	*x = quorumRead{batch: x.batch, proposals: x.proposals[:0], expired: min(x.expired+1, maxBackoff)}
	n.startQuorumRead(m)
	n.startRound(m)
}

// expireQuorumRead ends the wait for reports at the deadline. As long as nobody is known
// to have accepted anything, no round decides: it would leave a promise of a machine that
// may not exist.
func (n *Node) expireQuorumRead(m *machine) {
	x := &m.quorumRead
	switch {
	case x.id == (ReadID{}):
	case n.now < x.deadline:
		n.scheduleWake(m, x.deadline)
	case m.seemsFresh():
		n.readAgain(m)
	default:
		n.mark(MarkReadQuorumTimeout)
		n.decideByRound(m)
	}
}
