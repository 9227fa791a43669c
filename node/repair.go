package node

import (
	"slices"
	"time"

	"github.com/lockstep-dst/lockstep/node/hash64"
	"github.com/lockstep-dst/lockstep/node/invariant"
)

// repair is a node's state of anti-entropy repair (rule 10). The node pulls values
// that it lacks from its peers, one request at a time.
type repair struct {
	agreed    memberSet // peers with an equal digest, as of the last change of this node's
	peers     [MaxMembers]repairPeer
	pull      pull
	blocked   []blockedValue
	jitterSeq uint64        // counts uses of jitter
	wakeAt    time.Duration // when its only timer fires; zero: none
}

// repairPeer is the state of repair with a peer whose digest differs.
type repairPeer struct {
	nextAt   time.Duration // when to compare digests next
	failures int           // exchanges without progress; halved by progress, zero after silence
	timedOut bool          // no response to the last request in time
	timeouts int           // requests without a response in time: each doubles the wait
}

// pull is one exchange with a peer: the digests, then the content of the ranges that
// differ, then the values.
type pull struct {
	active            bool
	waiting           bool // for the report; false: a pause for the rate
	peer              int  // its index in the members
	id                ReadID
	until             time.Duration // end of the wait or pause
	probing           bool          // the request was for the digest alone
	requestedRanges   []HashRange
	requestedWants    int         // wants[:requestedWants] were requested
	ranges            []HashRange // that differ, the next to request last
	wants             []string    // keys whose values the peer has and this node lacks
	bytesSinceRequest int         // bytes received since the last request
	changed           bool        // the exchange has brought something new
}

// blockedValue is a value that may not be accepted because of a promise of a higher
// ballot: its proposer may be gone.
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
	maxAnswerBytes = 64 << 10 // approximate bytes of values in one response
	maxBlocked     = 64       // blocked values tracked at a time
	maxDefer       = 3        // times to let a peer that is behind pull first
)

// digestChanged schedules comparisons with all peers, after a delay in which the
// change can reach them.
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

// beginRepair starts repair after a boot: the node may have missed changes.
func (n *Node) beginRepair() {
	for i, id := range n.cfg.Members {
		if id != n.cfg.ID {
			n.repair.agreed.add(i)
		}
	}
	n.digestChanged()
}

// scheduleComparison sets the time of the next comparison with a peer. The delay
// doubles with failures.
func (n *Node) scheduleComparison(i int) {
	r := &n.repair
	delay := n.cfg.RepairDelay << min(r.peers[i].failures, maxBackoff)
	r.jitterSeq++
	r.peers[i].nextAt = n.now + delay + time.Duration(hash64.Keyed(n.cfg.Jitter, n.boot, "", r.jitterSeq)%uint64(delay/2+1))
}

// startNextPull begins the exchange that is due first, or schedules it. There is one
// exchange at a time. When the digests of all peers are equal the node is silent.
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

// wakeRepair handles everything of repair that is due.
func (n *Node) wakeRepair() {
	r := &n.repair
	if r.wakeAt == 0 || n.now < r.wakeAt {
		return // an older timer: a later one has replaced it
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

// beginPull begins an exchange with a peer by comparing digests.
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

// sendRepairRequest sends the next request of the exchange, or pauses while the disk
// falls behind.
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
	invariant.Check(p.active && n.cfg.Members[p.peer] != n.cfg.ID, "node: repair requests are part of an exchange with a peer")
	invariant.Check(len(p.requestedRanges) <= maxRanges && p.requestedWants <= maxWants, "node: a repair request is within its limits")
	p.waiting = true
	c := &r.peers[p.peer]
	p.until = n.now + n.cfg.RepairDelay<<min(max(c.failures, c.timeouts), maxBackoff)
	n.scheduleRepairWake(p.until)
	n.sendWhenDurable(n.cfg.Members[p.peer], req, n.log.End())
}

// pauseRepair delays the next request by d.
func (n *Node) pauseRepair(d time.Duration) {
	p := &n.repair.pull
	p.waiting, p.until = false, n.now+d
	n.scheduleRepairWake(p.until)
}

// handleRepairReport handles a peer's report of the values that it holds.
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
			n.endPull() // now the peer knows that it is behind; its pull may be enough
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

// peerResponded resets the failures of a peer that was silent: they stand for pauses
// that only an absent peer calls for.
func (n *Node) peerResponded(i int) {
	if c := &n.repair.peers[i]; c.timedOut {
		c.timedOut, c.failures = false, 0
	}
}

// applyReport determines the next ranges and keys to request. It reports false if the
// report does not match the request.
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

// Approximate sizes on the wire, in bytes.
const (
	rangeSize = 16
	itemSize  = 12
	valueSize = 40
	entrySize = 6
)

// compareItem determines whether the peer has a value, or knows it to be chosen, that
// this node lacks.
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

// handleRepairValue accepts a value as if it were a late accept from the ballot's
// proposer (rule 1), without a next ballot to promise.
func (n *Node) handleRepairValue(from ID, r *RepairValue) {
	if p := &n.repair.pull; p.active && p.peer == n.member(from) {
		p.bytesSinceRequest += wireSize(r)
	}
	if n.logBacklogFull() {
		return // a later exchange will pull it again
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

// noteBlocked records that a promise keeps m from accepting the value at b. If the
// promise has stood for RepairDelay, its proposer may be gone: this node then begins
// a no-op round, after which all nodes hold the same value.
func (n *Node) noteBlocked(m *machine, b Ballot) {
	n.mark(MarkRepairBlockedByPromise)
	r := &n.repair
	invariant.Check(len(r.blocked) <= maxBlocked, "node: blocked values are tracked within their limit")
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

// startNoOpRound begins a no-op round.
func (n *Node) startNoOpRound(m *machine) {
	n.attachWork(m)
	n.counts.NoOpRounds++
	n.mark(MarkRepairNoOpRound)
	n.repair.pull.changed = true
	n.counts.PrepareRounds++
	m.round = round{phase: Prepare, ballot: n.newBallot(m), first: noOperation, batch: m.round.batch[:0]}
	n.sendRound(m)
}

// digestsEqual records that a peer holds the same values as this node.
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

// endPull ends an exchange after which the digests still differ, or that got no
// response.
func (n *Node) endPull() {
	p := &n.repair.pull
	p.active, p.waiting = false, false
	c := &n.repair.peers[p.peer]
	invariant.Check(c.failures >= 0 && c.failures <= maxBackoff && c.timeouts <= maxBackoff, "node: the pauses of repair are bounded")
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
