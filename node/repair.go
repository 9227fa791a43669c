package node

import (
	"cmp"
	"slices"
	"time"

	"github.com/lockstep-dst/lockstep/node/hash64"
	"github.com/lockstep-dst/lockstep/node/internal/invariant"
	"github.com/lockstep-dst/lockstep/node/wal"
)

// repair is anti-entropy repair (rule 10) at one node. The node pulls values that it
// lacks from its peers, one request at a time.
type repair struct {
	node    repairNode
	cfg     *Config
	counts  *Counters
	limits  repairLimits
	boot    uint64 // of this life
	running bool   // the node may send messages

	digest    digest
	agreed    memberSet // peers with an equal digest, as of the last change of this node's
	caughtUp  memberSet // peers of which this node has had all that they held when an exchange of this epoch began
	peers     [MaxParticipants]repairPeer
	pull      pull
	blocked   []blockedValue
	jitterSeq uint64        // counts uses of jitter
	wakeAt    time.Duration // when its only timer fires; zero: none
}

// repairNode is what repair asks of its node, and all that it does to it.
type repairNode interface {
	clock() time.Duration
	setTimer(token uint64, at time.Duration)
	mark(Mark)

	newReadID() ReadID // for the next exchange
	logEnd() wal.LSN
	logBacklogFull() bool
	sendsWaiting() int // messages that await a sync
	sendWhenDurable(to ID, m Message, after wal.LSN)

	findMachine(key string) *machine
	receivedMachine(from ID, key string, b Ballot, v *Value) *machine // nil: dropped
	requireDefinition(peer ID, key string) bool                       // of what a peer has sent; if it is unknown, the node looks it up
	validBallot(b Ballot) bool
	Epoch() uint32
	accept(m *machine, p *Proposal, value *Value) // of an acceptor
	learnFromPeer(m *machine, b Ballot, v *Value) // of a learner
	startNoOpRound(m *machine, known Ballot)      // of a proposer; m must be idle, and somebody has accepted known
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
	missed            bool        // something that the peer has was not taken
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
	repairToken = 1 << 63 // of the timer; machines have theirs from 0
	maxDefer    = 3       // times to let a peer that is behind pull first
)

// newRepair returns the repair of a node that has not booted. machines is the node's
// table of machines, which it only reads.
func newRepair(n repairNode, cfg *Config, counts *Counters, machines *[]*machine) repair {
	limits := newRepairLimits(cmp.Or(cfg.RepairList, MaxRepairList))
	return repair{node: n, cfg: cfg, counts: counts, limits: limits, digest: digest{salt: salt(cfg.Cluster), limits: limits, machines: machines}}
}

// update brings the digest up to date when m has changed; old was m's contribution.
func (r *repair) update(m *machine, old contribution) {
	if r.digest.update(m, old) {
		r.digestChanged()
	}
}

// digestChanged schedules comparisons with all peers, after a delay in which the
// change can reach them.
func (r *repair) digestChanged() {
	if r.agreed == 0 {
		return
	}
	for i := range r.cfg.Members {
		if r.agreed.has(i) {
			r.scheduleComparison(i)
		}
	}
	r.agreed = 0
	r.startNextPull()
}

// begin starts repair after a boot: the node may have missed changes.
func (r *repair) begin(boot uint64) {
	r.boot, r.running = boot, true
	for i, id := range r.cfg.Members {
		if id != r.cfg.ID {
			r.agreed.add(i)
		}
	}
	r.digestChanged()
}

// beginEpoch has the node compare with all members of another epoch.
func (r *repair) beginEpoch() {
	r.peers, r.pull, r.agreed, r.caughtUp = [MaxParticipants]repairPeer{}, pull{}, 0, 0
	if r.running {
		r.begin(r.boot)
	}
}

// scheduleComparison sets the time of the next comparison with a peer. The delay
// doubles with failures.
func (r *repair) scheduleComparison(i int) {
	delay := r.cfg.RepairDelay << min(r.peers[i].failures, maxBackoff)
	r.jitterSeq++
	r.peers[i].nextAt = r.node.clock() + delay + time.Duration(hash64.Keyed(r.cfg.Jitter, r.boot, "", r.jitterSeq)%uint64(delay/2+1))
}

// startNextPull begins the exchange that is due first, or schedules it. There is one
// exchange at a time. When the digests of all peers are equal the node is silent.
func (r *repair) startNextPull() {
	if r.cfg.RepairDelay == 0 || r.pull.active || !r.running {
		return
	}
	next := -1
	for i, id := range r.cfg.Members {
		if id != r.cfg.ID && !r.agreed.has(i) && (next < 0 || r.peers[i].nextAt < r.peers[next].nextAt) {
			next = i
		}
	}
	switch {
	case next < 0:
	case r.node.clock() < r.peers[next].nextAt:
		r.scheduleWake(r.peers[next].nextAt)
	default:
		r.beginPull(next)
	}
}

func (r *repair) scheduleWake(at time.Duration) {
	if r.wakeAt != 0 && r.wakeAt <= at {
		return
	}
	r.wakeAt = max(at, r.node.clock()+1)
	r.node.setTimer(repairToken, r.wakeAt)
}

// wake handles everything of repair that is due.
func (r *repair) wake() {
	if r.wakeAt == 0 || r.node.clock() < r.wakeAt {
		return // an older timer: a later one has replaced it
	}
	r.wakeAt = 0
	switch p := &r.pull; {
	case !p.active:
		r.startNextPull()
	case r.node.clock() < p.until:
		r.scheduleWake(p.until)
	case p.waiting:
		r.node.mark(MarkRepairTimeout)
		c := &r.peers[p.peer]
		c.timedOut, c.timeouts = true, min(c.timeouts+1, maxBackoff)
		r.endPull()
	default:
		r.sendRequest()
	}
}

// beginPull begins an exchange with a peer by comparing digests.
func (r *repair) beginPull(peer int) {
	r.counts.DigestsCompared++
	r.blocked = slices.DeleteFunc(r.blocked, func(x blockedValue) bool {
		return x.m.promised != x.promised || !x.m.accepted.Less(x.ballot)
	})
	p := &r.pull
	*p = pull{active: true, peer: peer, probing: true, requestedRanges: p.requestedRanges[:0], ranges: p.ranges[:0], wants: p.wants[:0]}
	r.sendRequest()
}

// sendRequest sends the next request of the exchange, or pauses while the disk
// falls behind.
func (r *repair) sendRequest() {
	p := &r.pull
	if r.node.logBacklogFull() {
		r.pause(r.cfg.RepairDelay)
		return
	}
	p.id = r.node.newReadID()
	req := &RepairRequest{Exchange: p.id, Digest: r.digest.root.sum, Progress: r.digest.progress}
	p.requestedWants = min(len(p.wants), r.limits.wants)
	req.Wants = slices.Clone(p.wants[:p.requestedWants])
	p.requestedRanges = p.requestedRanges[:0]
	if p.requestedWants < r.limits.wants {
		rest := len(p.ranges) - min(len(p.ranges), r.limits.ranges)
		p.requestedRanges = append(p.requestedRanges, p.ranges[rest:]...)
		p.ranges = p.ranges[:rest]
		req.Ranges = slices.Clone(p.requestedRanges)
	}
	invariant.Check(p.active && r.cfg.Members[p.peer] != r.cfg.ID, "node: repair requests are part of an exchange with a peer")
	invariant.Check(len(p.requestedRanges) <= r.limits.ranges && p.requestedWants <= r.limits.wants, "node: a repair request is within its limits")
	p.waiting = true
	c := &r.peers[p.peer]
	p.until = r.node.clock() + r.cfg.RepairDelay<<min(max(c.failures, c.timeouts), maxBackoff)
	r.scheduleWake(p.until)
	r.node.sendWhenDurable(r.cfg.Members[p.peer], req, r.node.logEnd())
}

// pause delays the next request by d.
func (r *repair) pause(d time.Duration) {
	p := &r.pull
	p.waiting, p.until = false, r.node.clock()+d
	r.scheduleWake(p.until)
}

// handleReport handles a peer's report of the values that it holds.
func (r *repair) handleReport(from ID, rep *RepairReport) {
	p, i := &r.pull, slices.Index(r.cfg.Members, from)
	if rep.Exchange.Node != r.cfg.ID {
		r.counts.Discarded++
		return
	}
	if !p.waiting || i != p.peer || rep.Exchange != p.id {
		return
	}
	p.waiting = false
	r.peerResponded(i)
	switch {
	case rep.Digest == r.digest.root.sum:
		r.digestsEqual(i)
		return
	case p.probing:
		p.probing = false
		if rep.Progress < r.digest.progress && r.peers[i].failures < maxDefer {
			r.node.mark(MarkRepairDeferred)
			r.endPull() // now the peer knows that it is behind; its pull may be enough
			return
		}
		p.ranges = append(p.ranges, HashRange{})
	case !r.applyReport(rep):
		r.counts.Discarded++
		r.endPull()
		return
	}
	if len(p.ranges)+len(p.wants) == 0 {
		if !p.missed {
			r.caughtUp.add(i)
		}
		r.endPull()
		return
	}
	pace := time.Duration(p.bytesSinceRequest) * time.Second / time.Duration(r.cfg.RepairRate)
	p.bytesSinceRequest = 0
	if pace > 0 {
		r.pause(pace)
		return
	}
	r.sendRequest()
}

// peerResponded resets the failures of a peer that was silent: they stand for pauses
// that only an absent peer calls for.
func (r *repair) peerResponded(i int) {
	if c := &r.peers[i]; c.timedOut {
		c.timedOut, c.failures = false, 0
	}
}

// applyReport determines the next ranges and keys to request. It reports false if the
// report does not match the request.
func (r *repair) applyReport(rep *RepairReport) bool {
	p := &r.pull
	done, sent := int(rep.RangesAnswered), int(rep.WantsAnswered)
	if done > len(p.requestedRanges) || sent > p.requestedWants || done+sent == 0 {
		return false
	}
	p.wants = slices.Delete(p.wants, 0, sent)
	p.ranges = append(p.ranges, p.requestedRanges[done:]...)
	for _, part := range rep.Ranges {
		if !part.Valid() || part.Depth == 0 || !slices.Contains(p.requestedRanges[:done], part.parent()) {
			return false
		}
		if sum, _ := r.digest.of(part); sum != part.Digest {
			p.ranges = append(p.ranges, HashRange{Path: part.Path, Depth: part.Depth})
		}
	}
	p.bytesSinceRequest += rangeSize * len(rep.Ranges)
	for i := range rep.Items {
		p.bytesSinceRequest += itemSize + len(rep.Items[i].Key)
		if done > 0 {
			r.compareItem(&rep.Items[i])
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
func (r *repair) compareItem(x *RepairItem) {
	m := r.node.findMachine(x.Key)
	switch {
	case x.Ballot.Epoch > r.node.Epoch():
		r.pull.missed = true
	case !r.node.validBallot(x.Ballot):
		r.counts.Discarded++
	case !r.node.requireDefinition(r.cfg.Members[r.pull.peer], x.Key):
		r.counts.Skipped++
		r.pull.missed = true
	case m == nil || m.accepted.Less(x.Ballot) && !x.Ballot.Less(m.promised):
		r.pull.wants = append(r.pull.wants, x.Key)
	case m.accepted.Less(x.Ballot):
		r.noteBlocked(m, x.Ballot)
	case m.accepted == x.Ballot && x.Chosen && m.chosenAt.Less(x.Ballot):
		r.counts.Confirmed++
		r.node.mark(MarkRepairConfirmed)
		r.learn(m, x.Ballot, m.value)
	}
}

// handleValue accepts a value as if it were a late accept from the ballot's
// proposer (rule 1), without a next ballot to promise.
func (r *repair) handleValue(from ID, v *RepairValue) {
	if p := &r.pull; p.active && p.peer == slices.Index(r.cfg.Members, from) {
		p.bytesSinceRequest += wireSize(v)
	}
	if r.node.logBacklogFull() {
		r.pull.missed = true
		return // a later exchange will pull it again
	}
	if !r.node.requireDefinition(from, v.Key) {
		r.counts.Skipped++
		r.pull.missed = true
		return
	}
	m := r.node.receivedMachine(from, v.Key, v.Ballot, v.Value)
	if m == nil {
		r.pull.missed = true
		return // if it is too far ahead, a later exchange will pull it again
	}
	switch {
	case !m.accepted.Less(v.Ballot):
		r.node.mark(MarkRepairSuperseded)
	case v.Ballot.Less(m.promised):
		r.noteBlocked(m, v.Ballot)
	default:
		r.counts.Pulled++
		r.node.mark(MarkRepairPulled)
		r.pull.changed = true
		r.node.accept(m, &Proposal{Ballot: v.Ballot}, v.Value)
	}
	if v.Chosen && m.chosenAt.Less(v.Ballot) {
		r.learn(m, v.Ballot, v.Value)
	}
}

// learn learns a value that a peer knows to be chosen.
func (r *repair) learn(m *machine, b Ballot, v *Value) {
	r.pull.changed = true
	r.node.learnFromPeer(m, b, v)
}

// noteBlocked records that a promise keeps m from accepting the value at b. If the
// promise has stood for RepairDelay, its proposer may be gone: this node then begins
// a no-op round, after which all nodes hold the same value.
func (r *repair) noteBlocked(m *machine, b Ballot) {
	r.node.mark(MarkRepairBlockedByPromise)
	invariant.Check(len(r.blocked) <= r.limits.blocked, "node: blocked values are tracked within their limit")
	i := slices.IndexFunc(r.blocked, func(x blockedValue) bool { return x.m == m })
	switch {
	case i < 0 && len(r.blocked) < r.limits.blocked:
		r.blocked = append(r.blocked, blockedValue{m, m.promised, b, r.node.clock()})
	case i < 0:
	case r.blocked[i].promised != m.promised:
		r.blocked[i] = blockedValue{m, m.promised, b, r.node.clock()}
	case r.node.clock()-r.blocked[i].at >= r.cfg.RepairDelay && m.idle(r.node.clock()):
		r.blocked = slices.Delete(r.blocked, i, i+1)
		r.counts.NoOpRounds++
		r.node.mark(MarkRepairNoOpRound)
		r.pull.changed = true
		r.node.startNoOpRound(m, b)
	}
}

// digestsEqual records that a peer holds the same values as this node.
func (r *repair) digestsEqual(i int) {
	r.node.mark(MarkRepairDigestsEqual)
	r.agreed.add(i)
	r.caughtUp.add(i)
	r.peers[i] = repairPeer{}
	if r.pull.active && r.pull.peer == i {
		r.pull.active, r.pull.waiting = false, false
	}
	r.startNextPull()
}

// endPull ends an exchange after which the digests still differ, or that got no
// response.
func (r *repair) endPull() {
	p := &r.pull
	p.active, p.waiting = false, false
	c := &r.peers[p.peer]
	invariant.Check(c.failures >= 0 && c.failures <= maxBackoff && c.timeouts <= maxBackoff, "node: the pauses of repair are bounded")
	if p.changed {
		c.failures /= 2
	} else {
		c.failures = min(c.failures+1, maxBackoff)
	}
	r.scheduleComparison(p.peer)
	r.startNextPull()
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
