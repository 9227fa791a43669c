package node

import (
	"slices"
	"time"
)

// repair is a node's part in rule 10: what it lacks it pulls from its peers, one
// request at a time.
type repair struct {
	agreed    memberSet // peers whose digest was this node's, which has not changed since
	peers     [MaxMembers]repairPeer
	pull      pull
	blocked   []blockedValue
	jitterSeq uint64        // of jitter
	wakeAt    time.Duration // one timer at a time; zero: none
}

// repairPeer is what a node knows of a peer that has not agreed.
type repairPeer struct {
	nextAt   time.Duration // when to compare digests
	failures int           // comparisons without success since the last one with, or since the peer was silent
	timedOut bool          // it did not answer the last request in time
	timeouts int           // requests that it did not answer in time: each doubles the time
}

// pull is one exchange with a peer: digests first, then what is in the ranges
// that differ, then the values.
type pull struct {
	active            bool
	waiting           bool // for the report; else the pace asks for a pause
	peer              int  // its position among the members
	id                ReadID
	until             time.Duration // to wait or to pause
	probing           bool          // the digest was asked for
	requestedRanges   []HashRange
	requestedWants    int         // wants[:wanted] were asked for
	ranges            []HashRange // that differ, the next ones last
	wants             []string    // keys whose values the peer has and this node lacks
	bytesSinceRequest int         // bytes since the last request
	changed           bool        // it has brought something
}

// blockedValue is a value that may not be accepted, since a higher ballot is promised
// whose proposer may be gone.
type blockedValue struct {
	m        *machine
	promised Ballot
	ballot   Ballot // of the value
	at       time.Duration
}

const (
	repairToken    = 1 << 63 // of the timer; machines have theirs from 0
	maxRanges      = 32      // of one request
	maxWants       = 256
	maxAnswerBytes = 64 << 10 // bytes of values, about, in one answer
	maxBlocked     = 64       // refusals that are looked after at a time
	maxDefer       = 3        // times to wait for a peer that is behind to pull first
)

// digestChanged has all peers' digests compared again, when there has been time for
// the change to reach them.
func (n *Node) digestChanged() {
	r := &n.repair
	if r.agreed == 0 {
		return
	}
	for i := range n.cfg.Members {
		if r.agreed.has(i) {
			n.scheduleComparison(i)
		}
	}
	r.agreed = 0
	n.startNextPull()
}

// beginRepair is for a node that has booted: it may have slept.
func (n *Node) beginRepair() {
	for i, id := range n.cfg.Members {
		if id != n.cfg.ID {
			n.repair.agreed.add(i)
		}
	}
	n.digestChanged()
}

// scheduleComparison sets the time of the next comparison with a peer: the more have
// failed the later.
func (n *Node) scheduleComparison(i int) {
	r := &n.repair
	delay := n.cfg.RepairDelay << min(r.peers[i].failures, maxBackoff)
	r.jitterSeq++
	r.peers[i].nextAt = n.now + delay + time.Duration(jitter(n.cfg.Jitter, n.boot, "", r.jitterSeq)%uint64(delay/2+1))
}

// startNextPull begins with the peer that is due first, or asks to be woken when one
// is. There is one exchange at a time. When all have agreed the node is silent.
func (n *Node) startNextPull() {
	r := &n.repair
	if n.cfg.RepairDelay == 0 || r.pull.active || !n.ready {
		return
	}
	next := -1
	for i, id := range n.cfg.Members {
		if id != n.cfg.ID && !r.agreed.has(i) && (next < 0 || r.peers[i].nextAt < r.peers[next].nextAt) {
			next = i
		}
	}
	switch {
	case next < 0:
	case n.now < r.peers[next].nextAt:
		n.scheduleRepairWake(r.peers[next].nextAt)
	default:
		n.beginPull(next)
	}
}

func (n *Node) scheduleRepairWake(at time.Duration) {
	r := &n.repair
	if r.wakeAt != 0 && r.wakeAt <= at {
		return
	}
	r.wakeAt = max(at, n.now+1)
	n.out.Timers = append(n.out.Timers, SetTimer{repairToken, r.wakeAt - n.now})
}

// wakeRepair looks after everything that time changes.
func (n *Node) wakeRepair() {
	r := &n.repair
	if r.wakeAt == 0 || n.now < r.wakeAt {
		return // an older timer, which a later one has replaced
	}
	r.wakeAt = 0
	switch p := &r.pull; {
	case !p.active:
		n.startNextPull()
	case n.now < p.until:
		n.scheduleRepairWake(p.until)
	case p.waiting:
		n.mark(MarkRepairTimeout)
		c := &r.peers[p.peer]
		c.timedOut, c.timeouts = true, min(c.timeouts+1, maxBackoff)
		n.endPull()
	default:
		n.sendRepairRequest()
	}
}

// beginPull compares digests with a peer.
func (n *Node) beginPull(peer int) {
	r := &n.repair
	n.counts.DigestsCompared++
	r.blocked = slices.DeleteFunc(r.blocked, func(x blockedValue) bool {
		return x.m.promised != x.promised || !x.m.accepted.Less(x.ballot)
	})
	p := &r.pull
	*p = pull{active: true, peer: peer, probing: true, requestedRanges: p.requestedRanges[:0], ranges: p.ranges[:0], wants: p.wants[:0]}
	n.sendRepairRequest()
}

// sendRepairRequest sends the next request. A disk that does not keep up is waited for.
func (n *Node) sendRepairRequest() {
	r := &n.repair
	p := &r.pull
	if n.logBacklogFull() {
		n.pauseRepair(n.cfg.RepairDelay)
		return
	}
	n.lastExchange++
	p.id = ReadID{n.cfg.ID, n.boot, n.lastExchange}
	req := &RepairRequest{Exchange: p.id, Digest: n.digest.root.sum, Progress: n.digest.progress}
	p.requestedWants = min(len(p.wants), maxWants)
	req.Wants = slices.Clone(p.wants[:p.requestedWants])
	p.requestedRanges = p.requestedRanges[:0]
	if p.requestedWants < maxWants {
		rest := len(p.ranges) - min(len(p.ranges), maxRanges)
		p.requestedRanges = append(p.requestedRanges, p.ranges[rest:]...)
		p.ranges = p.ranges[:rest]
		req.Ranges = slices.Clone(p.requestedRanges)
	}
	p.waiting = true
	c := &r.peers[p.peer]
	p.until = n.now + n.cfg.RepairDelay<<min(max(c.failures, c.timeouts), maxBackoff)
	n.scheduleRepairWake(p.until)
	n.sendWhenDurable(n.cfg.Members[p.peer], req, n.log.End())
}

// pauseRepair waits before the next request.
func (n *Node) pauseRepair(d time.Duration) {
	p := &n.repair.pull
	p.waiting, p.until = false, n.now+d
	n.scheduleRepairWake(p.until)
}

// handleRepairReport takes what a peer says that it holds.
func (n *Node) handleRepairReport(from ID, rep *RepairReport) {
	p, i := &n.repair.pull, n.member(from)
	if rep.Exchange.Node != n.cfg.ID {
		n.counts.Discarded++
		return
	}
	if !p.waiting || i != p.peer || rep.Exchange != p.id {
		return
	}
	p.waiting = false
	n.peerResponded(i)
	switch {
	case rep.Digest == n.digest.root.sum:
		n.digestsEqual(i)
		return
	case p.probing:
		p.probing = false
		if rep.Progress < n.digest.progress && n.repair.peers[i].failures < maxDefer {
			n.mark(MarkRepairDeferred)
			n.endPull() // it knows now that it is behind, and what it pulls may be all
			return
		}
		p.ranges = append(p.ranges, HashRange{})
	case !n.applyReport(rep):
		n.counts.Discarded++
		n.endPull()
		return
	}
	if len(p.ranges)+len(p.wants) == 0 {
		n.endPull()
		return
	}
	pace := time.Duration(p.bytesSinceRequest) * time.Second / time.Duration(n.cfg.RepairRate)
	p.bytesSinceRequest = 0
	if pace > 0 {
		n.pauseRepair(pace)
		return
	}
	n.sendRepairRequest()
}

// peerResponded begins anew with a peer that was silent: the pauses that grew meanwhile
// are for a peer that is not there.
func (n *Node) peerResponded(i int) {
	if c := &n.repair.peers[i]; c.timedOut {
		c.timedOut, c.failures = false, 0
	}
}

// applyReport finds out what to ask for next. It is false if the report does not
// answer the request.
func (n *Node) applyReport(rep *RepairReport) bool {
	p := &n.repair.pull
	done, sent := int(rep.RangesAnswered), int(rep.WantsAnswered)
	if done > len(p.requestedRanges) || sent > p.requestedWants || done+sent == 0 {
		return false
	}
	p.wants = slices.Delete(p.wants, 0, sent)
	p.ranges = append(p.ranges, p.requestedRanges[done:]...)
	for _, r := range rep.Ranges {
		if !r.Valid() || r.Depth == 0 || !slices.Contains(p.requestedRanges[:done], r.parent()) {
			return false
		}
		if sum, _ := n.rangeDigest(r); sum != r.Digest {
			p.ranges = append(p.ranges, HashRange{Path: r.Path, Depth: r.Depth})
		}
	}
	p.bytesSinceRequest += rangeSize * len(rep.Ranges)
	for i := range rep.Items {
		p.bytesSinceRequest += itemSize + len(rep.Items[i].Key)
		if done > 0 {
			n.compareItem(&rep.Items[i])
		}
	}
	return true
}

// What things weigh on the wire, about.
const (
	rangeSize = 16
	itemSize  = 12
	valueSize = 40
	entrySize = 6
)

// compareItem decides whether the peer has something that this node lacks.
func (n *Node) compareItem(x *RepairItem) {
	m := n.findMachine(x.Key)
	switch {
	case !n.validBallot(x.Ballot):
		n.counts.Discarded++
	case n.findDefinition(x.Key) == nil:
		n.counts.Skipped++
		n.fetchDefinition(x.Key)
	case m == nil || m.accepted.Less(x.Ballot) && !x.Ballot.Less(m.promised):
		n.repair.pull.wants = append(n.repair.pull.wants, x.Key)
	case m.accepted.Less(x.Ballot):
		n.noteBlocked(m, x.Ballot)
	case m.accepted == x.Ballot && x.Chosen && m.chosenAt.Less(x.Ballot):
		n.counts.Confirmed++
		n.mark(MarkRepairConfirmed)
		n.learnFromPeer(m, x.Ballot, m.value)
	}
}

// handleRepairValue takes a value as if it were the accept of the ballot's proposer
// that comes late (rule 1). It asks for no promise.
func (n *Node) handleRepairValue(from ID, r *RepairValue) {
	if p := &n.repair.pull; p.active && p.peer == n.member(from) {
		p.bytesSinceRequest += wireSize(r)
	}
	if n.logBacklogFull() {
		return // it will be found missing again
	}
	if n.findDefinition(r.Key) == nil {
		n.counts.Skipped++
		n.fetchDefinition(r.Key)
		return
	}
	m := n.ensureMachine(r.Key)
	if r.Value == nil || !n.validAccepted(m, r.Ballot, r.Value) || r.Ballot == m.accepted && !m.value.Equal(r.Value) {
		n.counts.Discarded++
		return
	}
	switch {
	case !m.accepted.Less(r.Ballot):
		n.mark(MarkRepairSuperseded)
	case r.Ballot.Less(m.promised):
		n.noteBlocked(m, r.Ballot)
	default:
		n.counts.Pulled++
		n.mark(MarkRepairPulled)
		n.repair.pull.changed = true
		n.accept(m, &Proposal{Ballot: r.Ballot, Value: r.Value})
	}
	if r.Chosen && m.chosenAt.Less(r.Ballot) {
		n.learnFromPeer(m, r.Ballot, r.Value)
	}
}

// learnFromPeer learns a value that a peer knows to be chosen.
func (n *Node) learnFromPeer(m *machine, b Ballot, v *Value) {
	n.repair.pull.changed = true
	n.learn(m, b, v)
	n.observe(Observation{Kind: Learnt, Key: m.key, Ballot: b, Value: v})
}

// refused: a promise that has stood since the last comparison keeps m from
// catching up, and its proposer may be gone. A round of m's own, without
// operations, gives all nodes the same again.
func (n *Node) noteBlocked(m *machine, b Ballot) {
	n.mark(MarkRepairBlockedByPromise)
	r := &n.repair
	i := slices.IndexFunc(r.blocked, func(x blockedValue) bool { return x.m == m })
	switch {
	case i < 0 && len(r.blocked) < maxBlocked:
		r.blocked = append(r.blocked, blockedValue{m, m.promised, b, n.now})
	case i < 0:
	case r.blocked[i].promised != m.promised:
		r.blocked[i] = blockedValue{m, m.promised, b, n.now}
	case n.now-r.blocked[i].at >= n.cfg.RepairDelay && m.idle(n.now):
		r.blocked = slices.Delete(r.blocked, i, i+1)
		n.startNoOpRound(m)
	}
}

// startNoOpRound begins an identity round.
func (n *Node) startNoOpRound(m *machine) {
	n.attachWork(m)
	n.counts.NoOpRounds++
	n.mark(MarkRepairNoOpRound)
	n.repair.pull.changed = true
	n.counts.PrepareRounds++
	m.round = round{phase: Prepare, ballot: n.newBallot(m), first: noOperation, batch: m.round.batch[:0]}
	n.sendRound(m)
}

// digestsEqual takes note that a peer holds what this node holds.
func (n *Node) digestsEqual(i int) {
	n.mark(MarkRepairDigestsEqual)
	r := &n.repair
	r.agreed.add(i)
	r.peers[i] = repairPeer{}
	if r.pull.active && r.pull.peer == i {
		r.pull.active, r.pull.waiting = false, false
	}
	n.startNextPull()
}

// endPull ends an exchange after which the digests still differ, or of which the
// answer is missing.
func (n *Node) endPull() {
	p := &n.repair.pull
	p.active, p.waiting = false, false
	c := &n.repair.peers[p.peer]
	if p.changed {
		c.failures /= 2
	} else {
		c.failures = min(c.failures+1, maxBackoff)
	}
	n.scheduleComparison(p.peer)
	n.startNextPull()
}

func wireSize(r *RepairValue) int {
	size := valueSize + len(r.Key)
	if r.Value != nil {
		for i := range r.Value.Window {
			e := &r.Value.Window[i]
			size += entrySize + len(e.ID) + len(e.To)
		}
	}
	return size
}
