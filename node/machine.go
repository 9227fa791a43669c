package node

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-dst/lockstep/node/configuration"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/internal/invariant"
	"github.com/lockstep-dst/lockstep/node/wal"
)

// machine is a node's state of one machine. Most machines are at rest, so the
// state of work in progress is kept apart.
type machine struct {
	key      string
	def      *fsm.Definition
	hash     uint64 // its place in the digest
	index    uint32 // of Node.byIndex; the token of its timer
	sameHash chainLink
	failures uint8  // as a proposer: failed rounds; halved by a success that was quick
	kept     bool   // it counts towards the quotas
	liveSize uint32 // bytes that a full record would have now

	*open         // nil while it is folded
	folded string // the content of open, then

	// Acceptor, durable once the log is durable up to durableAt.
	promised  Ballot
	accepted  Ballot
	durableAt wal.LSN
	recordLinks
	recordSize uint32 // bytes of the last full record
	epoch      uint32 // of cachedPromise, holders and toldWithout: see enterEpoch

	// When its only timer fires; zero: none.
	wakeAt time.Duration
}

// work is the state of work in progress on a machine.
type work struct {
	proposer
	reader
	place       int    // of its machine in Node.busy
	reported    Ballot // the highest at which others have reported a value as accepted
	beginsLater bool   // it is in Node.toBegin
}

// attachWork ensures that m has a work, from the pool if possible.
func (n *Node) attachWork(m *machine) {
	if m.work != nil {
		return
	}
	invariant.Check(m.epoch == n.epoch, "node: work on a machine is of this epoch")
	if last := len(n.workPool) - 1; last >= 0 {
		m.work, n.workPool = n.workPool[last], n.workPool[:last]
	} else {
		m.work = &work{}
	}
	m.place = len(n.busy)
	n.busy = append(n.busy, m)
}

// releaseWork returns m's work to the pool if none is in progress.
func (n *Node) releaseWork(m *machine) {
	w := m.work
	if w == nil || w.round.phase != 0 || len(w.queue)+len(w.forwarded) > 0 || w.reader.busy() {
		return
	}
	last := len(n.busy) - 1
	n.busy[w.place], n.busy[last].place = n.busy[last], w.place
	n.busy[last] = nil
	n.busy = n.busy[:last]
	*w = work{
		proposer: proposer{queue: w.queue[:0], forwarded: w.forwarded[:0], round: round{batch: w.round.batch[:0]}},
		reader:   reader{readQueue: w.readQueue[:0], quorumRead: w.quorumRead.empty()},
	}
	m.work = nil
	invariant.Check(len(w.round.batch) == 0 && len(w.quorumRead.batch) == 0, "node: a machine at rest has no operations")
	if len(n.workPool) < maxWorkPool {
		n.workPool = append(n.workPool, w)
	}
	n.dropIfEmpty(m)
}

// busyInOrder returns the machines with work, in the order of their indexes: that of busy
// depends on how they came to it.
func (n *Node) busyInOrder() []*machine {
	busy := slices.Clone(n.busy)
	slices.SortFunc(busy, func(a, b *machine) int { return cmp.Compare(a.index, b.index) })
	return busy
}

// dropIfEmpty deletes m if it has no state and no work.
func (n *Node) dropIfEmpty(m *machine) {
	if m.work == nil && m.promised.IsZero() && m.accepted.IsZero() && m.chosen == nil && m.highestRound == 0 {
		invariant.Check(m.recordEnd == 0, "node: a machine with a record in the log is kept")
		invariant.Check(n.byIndex[m.index] == m, "node: a machine has its index")
		n.machines.remove(m)
		n.folder.remove(m)
		n.machineCache = [cacheSlots]*machine{}
		n.byIndex[m.index] = nil
		if n.register == m {
			n.register = nil
		}
		n.freeIndexes = append(n.freeIndexes, m.index)
	}
}

// idle reports whether m could begin a round of its own.
func (m *machine) idle(now time.Duration) bool {
	return m.work == nil || m.round.phase == 0 && m.waiting() == 0 && now >= m.backoffUntil
}

// maxWorkPool bounds the works that are kept for reuse.
const maxWorkPool = 1024

// ensureMachine finds or creates the machine with a key. It returns nil if the
// definition is unknown or the key is invalid.
func (n *Node) ensureMachine(key string) *machine {
	if m := n.findMachine(key); m != nil {
		return m
	}
	def := n.definitions.find(key)
	if def == nil {
		return nil
	}
	return n.createMachine(strings.Clone(key), def) // it may be part of a message's memory
}

// findMachine returns the machine with a key, or nil.
func (n *Node) findMachine(key string) *machine {
	last := &n.machineCache[cacheSlot(key)]
	if *last == nil || (*last).key != key {
		*last = n.machines.get(key)
	}
	if *last != nil {
		n.use(*last)
	}
	return *last
}

// use opens m in this epoch.
func (n *Node) use(m *machine) {
	n.unfold(m)
	n.enterEpoch(m)
}

// atWork reports whether m has a work, also while it is folded: then it has none.
func (m *machine) atWork() bool { return m.open != nil && m.work != nil }

// cacheSlots is the number of slots of machineCache.
const cacheSlots = 4

// cacheSlot is the slot of a key: by its last byte.
func cacheSlot(key string) int {
	if key == "" {
		return 0
	}
	return int(key[len(key)-1] % cacheSlots)
}

func (n *Node) createMachine(key string, def *fsm.Definition) *machine {
	m := &machine{key: key, def: def, index: uint32(len(n.byIndex)), hash: n.repair.digest.place(key), epoch: n.epoch}
	n.folder.attach(m)
	if key == configuration.Key {
		n.register = m
	}
	if isLocalKey(key) {
		n.localMachines++
	}
	if last := len(n.freeIndexes) - 1; last >= 0 {
		m.index, n.freeIndexes = n.freeIndexes[last], n.freeIndexes[:last]
		invariant.Check(n.byIndex[m.index] == nil, "node: a free index has no machine")
		n.byIndex[m.index] = m
	} else {
		n.byIndex = append(n.byIndex, m)
	}
	n.machines.put(m)
	return m
}

// sharedValue returns m's accepted value if v is said to be accepted at the same ballot
// and is equal, else v: a copy that came in a message is then not kept. m may be nil.
func (m *machine) sharedValue(b Ballot, v *Value) *Value {
	if m != nil && v != nil && v != m.value && b == m.accepted && v.Equal(m.value) {
		return m.value
	}
	return v
}

// validAccepted reports whether an acceptor can have accepted v at b. A nil v with a
// zero b is valid: it has accepted nothing.
func (n *Node) validAccepted(m *machine, b Ballot, v *Value) bool {
	if v == nil {
		return b.IsZero()
	}
	return n.validBallot(b) && (v == m.value || v.check(m.def, n.firstSerial) == nil)
}

// definitionOf returns the definition of a key, or nil. It is faster for a known machine.
func (n *Node) definitionOf(key string) *fsm.Definition {
	if m := n.findMachine(key); m != nil && !isLocalKey(key) {
		return m.def
	}
	return n.definitions.find(key)
}

// valueOrInitial returns v, a value of m, or m's initial value if v is nil.
func (n *Node) valueOrInitial(m *machine, v *Value) *Value {
	if v == nil {
		return initial(m.def, n.firstSerial)
	}
	return v
}

// learn records that v was chosen at b, and reports it in Effects.Chosen. It drops a
// cached promise below b. It returns the number of waiting operations that it
// answered.
func (n *Node) learn(m *machine, b Ballot, v *Value) (found int) {
	n.out.Chosen = append(n.out.Chosen, ChosenValue{m.key, b, v, m.chosen})
	if !m.chosenAt.Less(b) {
		return 0
	}
	if m.def.Name == fsm.MetaName {
		n.definitions.adopt(m.key, v.State)
	}
	invariant.Check(v != nil, "node: a value is learnt")
	n.keep(m)
	before := m.contribution()
	m.chosenAt, m.chosen = b, v
	m.holders, m.toldWithout = 0, 0
	n.repair.update(m, before)
	m.highestRound = max(m.highestRound, b.Round)
	if m.cachedPromise.Less(b) {
		if !m.cachedPromise.IsZero() {
			n.mark(MarkCachedPromiseDropped)
		}
		m.cachedPromise = Ballot{}
	}
	invariant.Check(m.cachedPromise.IsZero() || !m.cachedPromise.Less(m.chosenAt), "node: a cached promise is not below what is chosen")
	return n.answerWaiting(m, b)
}

// scheduleWake ensures that wake is called for m, at the given time at the latest.
func (n *Node) scheduleWake(m *machine, at time.Duration) {
	if m.wakeAt != 0 && m.wakeAt <= at {
		return
	}
	m.wakeAt = max(at, n.now+1)
	invariant.Check(n.byIndex[m.index] == m, "node: a timer is for a machine at its index")
	n.out.Timers = append(n.out.Timers, SetTimer{uint64(m.index), m.wakeAt - n.now})
}

// wake handles everything of m that is due, and schedules the next wake-up if one
// is needed.
func (n *Node) wake(m *machine) {
	if m == nil || m.wakeAt == 0 || n.now < m.wakeAt {
		return // an older timer: a later one has replaced it
	}
	m.wakeAt = 0
	if !m.atWork() {
		return
	}
	n.expireDeadlines(m)
	n.checkRound(m)
	n.expireQuorumRead(m)
	n.expireForwarded(m)
	n.startRound(m)
	n.releaseWork(m)
}

// canBeAccepted reports whether the message of a member that v was accepted at b can be
// true. One ballot has one value: another one than this node has accepted or learnt at b
// is a lie. m is nil if this node has no such machine, whose definition is def.
func (n *Node) canBeAccepted(m *machine, def *fsm.Definition, b Ballot, v *Value) bool {
	switch {
	case v == nil:
		return false
	case m == nil:
		return n.validBallot(b) && v.check(def, n.firstSerial) == nil
	}
	return n.validAccepted(m, b, v) && (b != m.accepted || v.Equal(m.value)) && (b != m.chosenAt || v.Equal(m.chosen))
}

// receivedMachine finds or creates the machine about which a member says that v was
// accepted at b. It returns nil, and creates nothing, if the message is to be dropped. It
// is counted then.
func (n *Node) receivedMachine(from ID, key string, b Ballot, v *Value) *machine {
	m, def := n.findMachine(key), n.definitionOf(key)
	switch {
	case def == nil:
		n.discardUnjudged()
		return nil
	case !n.canBeAccepted(m, def, b, v):
		n.counts.Discarded++
		return nil
	case m == nil:
		m = n.ensureMachine(key)
	}
	if !n.reaches(from, m, b.Round) {
		n.dropIfEmpty(m)
		return nil
	}
	return m
}

// handleCommit handles a Commit as the learner. It comes from the node of its ballot.
func (n *Node) handleCommit(from ID, c *Commit) {
	if c.Ballot.Node != from {
		n.counts.Discarded++
		return
	}
	v, ok := n.committedValue(from, c)
	if !ok {
		return
	}
	m := n.receivedMachine(from, c.Key, c.Ballot, v)
	if m == nil {
		return
	}
	if c.Ballot.Less(m.chosenAt) {
		n.mark(MarkStaleCommit)
	}
	known := n.valueOrInitial(m, m.chosen).Serial
	found := n.learn(m, c.Ballot, v)
	m.noteOtherActive(c.Ballot, v, known+uint64(found), n.now+n.cfg.ResendTimeout)
	n.observe(Observation{Kind: Learnt, Key: c.Key, Ballot: c.Ballot, Value: v})
	n.cutBackoffShort(m, c.Ballot.Node)
}

// committedValue returns the value of a commit. A commit without one is of the value that
// this node has accepted at its ballot. If it has not, the sender is asked for the value,
// unless a later one is known; ok is false then.
func (n *Node) committedValue(from ID, c *Commit) (v *Value, ok bool) {
	m := n.findMachine(c.Key)
	switch {
	case c.Value != nil:
		return m.sharedValue(c.Ballot, c.Value), true
	case m != nil && m.accepted == c.Ballot:
		n.mark(MarkCommitWithoutValue)
		return m.value, true
	case m != nil && !m.chosenAt.Less(c.Ballot):
		n.mark(MarkStaleCommit)
	case n.definitionOf(c.Key) == nil:
		n.discardUnjudged()
	case !n.validBallot(c.Ballot):
		n.counts.Discarded++
	default:
		n.rejectBase(from, c.Key, c.Ballot, c.First)
	}
	return nil, false
}
