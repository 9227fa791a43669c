package node

import (
	"slices"
	"time"
)

// repair is a node's part in rule 10: what it lacks it pulls from its peers, one
// request at a time.
type repair struct {
	agreed  members // peers whose digest was this node's, which has not changed since
	peers   [MaxMembers]contact
	pull    pull
	refused []refusal
	draws   uint64        // of jitter
	wakeAt  time.Duration // one timer at a time; zero: none
}

// contact is what a node knows of a peer that has not agreed.
type contact struct {
	due      time.Duration // when to compare digests
	failures int           // comparisons without success since the last one with, or since the peer was silent
	silent   bool          // it did not answer the last request in time
	timeouts int           // requests that it did not answer in time: each doubles the time
}

// pull is one exchange with a peer: digests first, then what is in the ranges
// that differ, then the values.
type pull struct {
	active  bool
	waiting bool // for the report; else the pace asks for a pause
	peer    int  // its position among the members
	id      ReadID
	until   time.Duration // to wait or to pause
	probing bool          // the digest was asked for
	asked   []Range
	wanted  int      // wants[:wanted] were asked for
	ranges  []Range  // that differ, the next ones last
	wants   []string // keys whose values the peer has and this node lacks
	debt    int      // bytes since the last request
	changed bool     // it has brought something
}

// refusal is a value that may not be accepted, since a higher ballot is promised
// whose proposer may be gone.
type refusal struct {
	m        *machine
	promised Ballot
	ballot   Ballot // of the value
	at       time.Duration
}

const (
	repairToken = 1 << 63 // of the timer; machines have theirs from 0
	maxRanges   = 32      // of one request
	maxWants    = 256
	maxSent     = 64 << 10 // bytes of values, about, in one answer
	maxRefused  = 64       // refusals that are looked after at a time
	maxDefer    = 3        // times to wait for a peer that is behind to pull first
)

// disagree has all peers' digests compared again, when there has been time for
// the change to reach them.
func (n *Node) disagree() {
	r := &n.repair
	if r.agreed == 0 {
		return
	}
	for i := range n.cfg.Members {
		if r.agreed.has(i) {
			n.postpone(i)
		}
	}
	r.agreed = 0
	n.nextPeer()
}

// beginRepair is for a node that has booted: it may have slept.
func (n *Node) beginRepair() {
	for i, id := range n.cfg.Members {
		if id != n.cfg.ID {
			n.repair.agreed.add(i)
		}
	}
	n.disagree()
}

// postpone sets the time of the next comparison with a peer: the more have
// failed the later.
func (n *Node) postpone(i int) {
	r := &n.repair
	delay := n.cfg.RepairDelay << min(r.peers[i].failures, maxBackoff)
	r.draws++
	r.peers[i].due = n.now + delay + time.Duration(jitter(n.cfg.Jitter, n.boot, "", r.draws)%uint64(delay/2+1))
}

// nextPeer begins with the peer that is due first, or asks to be woken when one
// is. There is one exchange at a time. When all have agreed the node is silent.
func (n *Node) nextPeer() {
	r := &n.repair
	if n.cfg.RepairDelay == 0 || r.pull.active || !n.ready {
		return
	}
	next := -1
	for i, id := range n.cfg.Members {
		if id != n.cfg.ID && !r.agreed.has(i) && (next < 0 || r.peers[i].due < r.peers[next].due) {
			next = i
		}
	}
	switch {
	case next < 0:
	case n.now < r.peers[next].due:
		n.repairAlarm(r.peers[next].due)
	default:
		n.beginPull(next)
	}
}

func (n *Node) repairAlarm(at time.Duration) {
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
		n.nextPeer()
	case n.now < p.until:
		n.repairAlarm(p.until)
	case p.waiting:
		n.mark(MarkRepairUnheard)
		c := &r.peers[p.peer]
		c.silent, c.timeouts = true, min(c.timeouts+1, maxBackoff)
		n.endPull()
	default:
		n.ask()
	}
}

// beginPull compares digests with a peer.
func (n *Node) beginPull(peer int) {
	r := &n.repair
	n.counts.Compared++
	r.refused = slices.DeleteFunc(r.refused, func(x refusal) bool {
		return x.m.promised != x.promised || !x.m.accepted.Less(x.ballot)
	})
	p := &r.pull
	*p = pull{active: true, peer: peer, probing: true, asked: p.asked[:0], ranges: p.ranges[:0], wants: p.wants[:0]}
	n.ask()
}

// ask sends the next request. A disk that does not keep up is waited for.
func (n *Node) ask() {
	r := &n.repair
	p := &r.pull
	if n.swamped() {
		n.pause(n.cfg.RepairDelay)
		return
	}
	n.reads++
	p.id = ReadID{n.cfg.ID, n.boot, n.reads}
	req := &RepairRequest{Exchange: p.id, Digest: n.digest.root.sum, Mass: n.digest.mass}
	p.wanted = min(len(p.wants), maxWants)
	req.Wants = slices.Clone(p.wants[:p.wanted])
	p.asked = p.asked[:0]
	if p.wanted < maxWants {
		rest := len(p.ranges) - min(len(p.ranges), maxRanges)
		p.asked = append(p.asked, p.ranges[rest:]...)
		p.ranges = p.ranges[:rest]
		req.Ranges = slices.Clone(p.asked)
	}
	p.waiting = true
	c := &r.peers[p.peer]
	p.until = n.now + n.cfg.RepairDelay<<min(max(c.failures, c.timeouts), maxBackoff)
	n.repairAlarm(p.until)
	n.say(n.cfg.Members[p.peer], req, n.log.End())
}

// pause waits before the next request.
func (n *Node) pause(d time.Duration) {
	p := &n.repair.pull
	p.waiting, p.until = false, n.now+d
	n.repairAlarm(p.until)
}

// repairReport takes what a peer says that it holds.
func (n *Node) repairReport(from ID, rep *RepairReport) {
	p, i := &n.repair.pull, n.member(from)
	if rep.Exchange.Node != n.cfg.ID {
		n.counts.Failed++
		return
	}
	if !p.waiting || i != p.peer || rep.Exchange != p.id {
		return
	}
	p.waiting = false
	n.answered(i)
	switch {
	case rep.Digest == n.digest.root.sum:
		n.agree(i)
		return
	case p.probing:
		p.probing = false
		if rep.Mass < n.digest.mass && n.repair.peers[i].failures < maxDefer {
			n.mark(MarkDeferred)
			n.endPull() // it knows now that it is behind, and what it pulls may be all
			return
		}
		p.ranges = append(p.ranges, Range{})
	case !n.takeReport(rep):
		n.counts.Failed++
		n.endPull()
		return
	}
	if len(p.ranges)+len(p.wants) == 0 {
		n.endPull()
		return
	}
	pace := time.Duration(p.debt) * time.Second / time.Duration(n.cfg.RepairRate)
	p.debt = 0
	if pace > 0 {
		n.pause(pace)
		return
	}
	n.ask()
}

// answered begins anew with a peer that was silent: the pauses that grew meanwhile
// are for a peer that is not there.
func (n *Node) answered(i int) {
	if c := &n.repair.peers[i]; c.silent {
		c.silent, c.failures = false, 0
	}
}

// takeReport finds out what to ask for next. It is false if the report does not
// answer the request.
func (n *Node) takeReport(rep *RepairReport) bool {
	p := &n.repair.pull
	done, sent := int(rep.Done), int(rep.Sent)
	if done > len(p.asked) || sent > p.wanted || done+sent == 0 {
		return false
	}
	p.wants = slices.Delete(p.wants, 0, sent)
	p.ranges = append(p.ranges, p.asked[done:]...)
	for _, r := range rep.Ranges {
		if !r.Sound() || r.Depth == 0 || !slices.Contains(p.asked[:done], r.parent()) {
			return false
		}
		if sum, _ := n.measure(r); sum != r.Digest {
			p.ranges = append(p.ranges, Range{Path: r.Path, Depth: r.Depth})
		}
	}
	p.debt += rangeSize * len(rep.Ranges)
	for i := range rep.Items {
		p.debt += itemSize + len(rep.Items[i].Key)
		if done > 0 {
			n.compare(&rep.Items[i])
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

// compare decides whether the peer has something that this node lacks.
func (n *Node) compare(x *Item) {
	m := n.known(x.Key)
	switch {
	case !n.plausible(x.Ballot):
		n.counts.Failed++
	case n.define(x.Key) == nil:
		n.counts.Skipped++
		n.unheard(x.Key)
	case m == nil || m.accepted.Less(x.Ballot) && !x.Ballot.Less(m.promised):
		n.repair.pull.wants = append(n.repair.pull.wants, x.Key)
	case m.accepted.Less(x.Ballot):
		n.refused(m, x.Ballot)
	case m.accepted == x.Ballot && x.Chosen && m.chosenAt.Less(x.Ballot):
		n.counts.Confirmed++
		n.mark(MarkConfirmed)
		n.taught(m, x.Ballot, m.value)
	}
}

// repairValue takes a value as if it were the accept of the ballot's proposer
// that comes late (rule 1). It asks for no promise.
func (n *Node) repairValue(from ID, r *RepairValue) {
	if p := &n.repair.pull; p.active && p.peer == n.member(from) {
		p.debt += sizeOf(r)
	}
	if n.swamped() {
		return // it will be found missing again
	}
	if n.define(r.Key) == nil {
		n.counts.Skipped++
		n.unheard(r.Key)
		return
	}
	m := n.machine(r.Key)
	if r.Value == nil || !n.holdable(m, r.Ballot, r.Value) || r.Ballot == m.accepted && !m.value.Equal(r.Value) {
		n.counts.Failed++
		return
	}
	switch {
	case !m.accepted.Less(r.Ballot):
		n.mark(MarkRepairSurprise)
	case r.Ballot.Less(m.promised):
		n.refused(m, r.Ballot)
	default:
		n.counts.Pulled++
		n.mark(MarkPulled)
		n.repair.pull.changed = true
		n.accept(m, &Proposal{Ballot: r.Ballot, Value: r.Value})
	}
	if r.Chosen && m.chosenAt.Less(r.Ballot) {
		n.taught(m, r.Ballot, r.Value)
	}
}

// taught learns a value that a peer knows to be chosen.
func (n *Node) taught(m *machine, b Ballot, v *Value) {
	n.repair.pull.changed = true
	n.learn(m, b, v)
	n.fact(Fact{Kind: Learnt, Key: m.key, Ballot: b, Value: v})
}

// refused: a promise that has stood since the last comparison keeps m from
// catching up, and its proposer may be gone. A round of m's own, without
// operations, gives all nodes the same again.
func (n *Node) refused(m *machine, b Ballot) {
	n.mark(MarkRepairRefused)
	r := &n.repair
	i := slices.IndexFunc(r.refused, func(x refusal) bool { return x.m == m })
	switch {
	case i < 0 && len(r.refused) < maxRefused:
		r.refused = append(r.refused, refusal{m, m.promised, b, n.now})
	case i < 0:
	case r.refused[i].promised != m.promised:
		r.refused[i] = refusal{m, m.promised, b, n.now}
	case n.now-r.refused[i].at >= n.cfg.RepairDelay && m.idle(n.now):
		r.refused = slices.Delete(r.refused, i, i+1)
		n.mend(m)
	}
}

// mend begins an identity round.
func (n *Node) mend(m *machine) {
	n.occupy(m)
	n.counts.Mended++
	n.mark(MarkMended)
	n.repair.pull.changed = true
	n.counts.Slow++
	m.round = round{phase: Prepare, ballot: n.newBallot(m), first: noOperation, batch: m.round.batch[:0]}
	n.sendRound(m)
}

// agree takes note that a peer holds what this node holds.
func (n *Node) agree(i int) {
	n.mark(MarkAgreed)
	r := &n.repair
	r.agreed.add(i)
	r.peers[i] = contact{}
	if r.pull.active && r.pull.peer == i {
		r.pull.active, r.pull.waiting = false, false
	}
	n.nextPeer()
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
	n.postpone(p.peer)
	n.nextPeer()
}

func sizeOf(r *RepairValue) int {
	size := valueSize + len(r.Key)
	if r.Value != nil {
		for i := range r.Value.Recent {
			e := &r.Value.Recent[i]
			size += entrySize + len(e.ID) + len(e.To)
		}
	}
	return size
}
