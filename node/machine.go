package node

import (
	"strings"
	"time"

	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/wal"
)

// machine is what a node knows of one machine. Most machines are at rest, so
// what they need only at work is kept apart.
type machine struct {
	key   string
	def   *fsm.Definition
	index int    // of Node.byIndex; the token of its timer
	hash  uint64 // its place in the digest

	// Acceptor, durable once the log has reached pos.
	promised  Ballot
	accepted  Ballot
	value     *Value
	durableAt wal.LSN
	recordLinks

	// Learner.
	chosenAt Ballot
	chosen   *Value // the latest known to be chosen, or nil

	// Proposer.
	cachedPromise    Ballot        // promised by a majority that accepted chosen; zero: none
	highestRound     uint64        // the highest round number asked for or seen
	failures         uint8         // rounds that failed since some succeeded
	otherActiveUntil time.Duration // until then another node, that of chosenAt, is taken to be at work
	*work                          // nil at rest

	// One timer at a time; zero: none.
	wakeAt time.Duration
}

// work is what is under way on a machine.
type work struct {
	proposer
	reader
}

// attachWork gives m what it needs for work.
func (n *Node) attachWork(m *machine) {
	if m.work != nil {
		return
	}
	if last := len(n.workPool) - 1; last >= 0 {
		m.work, n.workPool = n.workPool[last], n.workPool[:last]
		return
	}
	m.work = &work{}
}

// releaseWork takes back what m has for work if nothing is under way.
func (n *Node) releaseWork(m *machine) {
	w := m.work
	if w == nil || w.round.phase != 0 || len(w.queue)+len(w.forwarded) > 0 || w.quorumRead.id != (ReadID{}) || len(w.readQueue) > 0 {
		return
	}
	*w = work{
		proposer{queue: w.queue[:0], forwarded: w.forwarded[:0], round: round{batch: w.round.batch[:0]}},
		reader{readQueue: w.readQueue[:0], quorumRead: quorumRead{batch: w.quorumRead.batch[:0]}},
	}
	m.work = nil
	if len(n.workPool) < maxWorkPool {
		n.workPool = append(n.workPool, w)
	}
	n.dropIfEmpty(m)
}

// dropIfEmpty drops a machine that nothing is known of.
func (n *Node) dropIfEmpty(m *machine) {
	if m.work == nil && m.promised.IsZero() && m.accepted.IsZero() && m.chosen == nil && m.highestRound == 0 {
		delete(n.machines, m.key)
		n.machineCache = [cacheSlots]*machine{}
		n.byIndex[m.index] = nil
		n.freeIndexes = append(n.freeIndexes, m.index)
	}
}

// idle reports whether m could begin a round of its own.
func (m *machine) idle(now time.Duration) bool {
	return m.work == nil || m.round.phase == 0 && len(m.queue)+len(m.forwarded) == 0 && now >= m.backoffUntil
}

// maxWorkPool is how many pieces of work are kept for reuse.
const maxWorkPool = 1024

// ensureMachine finds or makes the machine with a key. It is nil if the definition is
// unknown or the key is none.
func (n *Node) ensureMachine(key string) *machine {
	if m := n.findMachine(key); m != nil {
		return m
	}
	def := n.findDefinition(key)
	if def == nil {
		return nil
	}
	return n.createMachine(key, def)
}

// findMachine is the machine with a key; it is nil if there is none.
func (n *Node) findMachine(key string) *machine {
	last := &n.machineCache[cacheSlot(key)]
	if *last == nil || (*last).key != key {
		*last = n.machines[key]
	}
	return *last
}

// cacheSlots is how many machines of late a node remembers things of.
const cacheSlots = 4

// cacheSlot is the one of a machine.
func cacheSlot(key string) int {
	if key == "" {
		return 0
	}
	return int(key[len(key)-1] % cacheSlots)
}

func (n *Node) createMachine(key string, def *fsm.Definition) *machine {
	m := &machine{key: key, def: def, index: len(n.byIndex), hash: n.hash(key)}
	n.machines[key] = m
	if isLocalKey(key) {
		n.localMachines++
	}
	if last := len(n.freeIndexes) - 1; last >= 0 {
		m.index, n.freeIndexes = n.freeIndexes[last], n.freeIndexes[:last]
		n.byIndex[m.index] = m
	} else {
		n.byIndex = append(n.byIndex, m)
	}
	return m
}

// validAccepted reports whether an acceptor can have accepted v at b, or nothing.
func (n *Node) validAccepted(m *machine, b Ballot, v *Value) bool {
	if v == nil {
		return b.IsZero()
	}
	return n.validBallot(b) && (v == m.value || v.check(m.def) == nil)
}

// definitionOf finds the definition of a key, as define does.
func (n *Node) definitionOf(key string) *fsm.Definition {
	if m := n.findMachine(key); m != nil && !isLocalKey(key) {
		return m.def
	}
	return n.findDefinition(key)
}

// findDefinition finds the definition of a key; it is nil if there is none, or the key
// is none.
func (n *Node) findDefinition(key string) *fsm.Definition {
	name, _, _ := strings.Cut(key, "/")
	def := n.defs[name]
	if def == nil {
		return nil
	}
	if _, _, err := fsm.SplitKey(key); err != nil {
		return nil
	}
	return def
}

// valueOrInitial is the value to go on from when v was accepted.
func (m *machine) valueOrInitial(v *Value) *Value {
	if v == nil {
		return initial(m.def)
	}
	return v
}

// learn takes note of a chosen value, and tells the runtime. It ends the use of a
// promise below it. It gives how many operations that waited here are answered by it.
func (n *Node) learn(m *machine, b Ballot, v *Value) (found int) {
	n.out.Chosen = append(n.out.Chosen, ChosenValue{m.key, b, v})
	if !m.chosenAt.Less(b) {
		return 0
	}
	if m.def.Name == fsm.MetaName {
		n.adoptDefinition(m.key, v.State)
	}
	before := m.contribution()
	m.chosenAt, m.chosen = b, v
	n.updateDigest(m, before)
	m.highestRound = max(m.highestRound, b.Round)
	if m.cachedPromise.Less(b) {
		if !m.cachedPromise.IsZero() {
			n.mark(MarkCachedPromiseDropped)
		}
		m.cachedPromise = Ballot{}
	}
	return n.answerWaiting(m, b)
}

// scheduleWake asks to be woken at the given time at the latest.
func (n *Node) scheduleWake(m *machine, at time.Duration) {
	if m.wakeAt != 0 && m.wakeAt <= at {
		return
	}
	m.wakeAt = max(at, n.now+1)
	n.out.Timers = append(n.out.Timers, SetTimer{uint64(m.index), m.wakeAt - n.now})
}

// wake looks after everything of m that time changes, and asks for the next
// time that this is needed.
func (n *Node) wake(m *machine) {
	if m == nil || m.wakeAt == 0 || n.now < m.wakeAt {
		return // an older timer, which a later one has replaced
	}
	m.wakeAt = 0
	if m.work == nil {
		return
	}
	n.expireDeadlines(m)
	n.checkRound(m)
	n.expireQuorumRead(m)
	n.expireForwarded(m)
	n.startRound(m)
	n.releaseWork(m)
}

// handleCommit is the learner's part.
func (n *Node) handleCommit(c *Commit) {
	m := n.ensureMachine(c.Key)
	if m == nil || c.Value == nil || !n.validAccepted(m, c.Ballot, c.Value) {
		n.counts.Discarded++
		return
	}
	if c.Ballot.Less(m.chosenAt) {
		n.mark(MarkStaleCommit)
	}
	known := m.valueOrInitial(m.chosen).Serial
	found := n.learn(m, c.Ballot, c.Value)
	m.noteOtherActive(c, known+uint64(found), n.now+n.cfg.ResendTimeout)
	n.observe(Observation{Kind: Learnt, Key: c.Key, Ballot: c.Ballot, Value: c.Value})
	n.cutBackoffShort(m, c.Ballot.Node)
}
