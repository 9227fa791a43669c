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
	promised Ballot
	accepted Ballot
	value    *Value
	pos      wal.LSN
	links

	// Learner.
	chosenAt Ballot
	chosen   *Value // the latest known to be chosen, or nil

	// Proposer.
	cache    Ballot        // promised by a majority that accepted chosen; zero: none
	top      uint64        // the highest round number asked for or seen
	failures uint8         // rounds that failed since some succeeded
	rival    time.Duration // until then another node, that of chosenAt, is taken to be at work
	*work                  // nil at rest

	// One timer at a time; zero: none.
	wakeAt time.Duration
}

// work is what is under way on a machine.
type work struct {
	proposer
	reader
}

// occupy gives m what it needs for work.
func (n *Node) occupy(m *machine) {
	if m.work != nil {
		return
	}
	if last := len(n.spare) - 1; last >= 0 {
		m.work, n.spare = n.spare[last], n.spare[:last]
		return
	}
	m.work = &work{}
}

// rest takes back what m has for work if nothing is under way.
func (n *Node) rest(m *machine) {
	w := m.work
	if w == nil || w.round.phase != 0 || len(w.queue)+len(w.away) > 0 || w.exchange.id != (ReadID{}) || len(w.waiting) > 0 {
		return
	}
	*w = work{
		proposer{queue: w.queue[:0], away: w.away[:0], round: round{batch: w.round.batch[:0]}},
		reader{waiting: w.waiting[:0], exchange: exchange{batch: w.exchange.batch[:0]}},
	}
	m.work = nil
	if len(n.spare) < maxSpare {
		n.spare = append(n.spare, w)
	}
	n.forget(m)
}

// forget drops a machine that nothing is known of.
func (n *Node) forget(m *machine) {
	if m.work == nil && m.promised.IsZero() && m.accepted.IsZero() && m.chosen == nil && m.top == 0 {
		delete(n.machines, m.key)
		n.last = [slots]*machine{}
		n.byIndex[m.index] = nil
		n.vacant = append(n.vacant, m.index)
	}
}

// idle reports whether m could begin a round of its own.
func (m *machine) idle(now time.Duration) bool {
	return m.work == nil || m.round.phase == 0 && len(m.queue)+len(m.away) == 0 && now >= m.pause
}

// maxSpare is how many pieces of work are kept for reuse.
const maxSpare = 1024

// machine finds or makes the machine with a key. It is nil if the definition is
// unknown or the key is none.
func (n *Node) machine(key string) *machine {
	if m := n.known(key); m != nil {
		return m
	}
	def := n.define(key)
	if def == nil {
		return nil
	}
	return n.create(key, def)
}

// known is the machine with a key; it is nil if there is none.
func (n *Node) known(key string) *machine {
	last := &n.last[slot(key)]
	if *last == nil || (*last).key != key {
		*last = n.machines[key]
	}
	return *last
}

// slots is how many machines of late a node remembers things of.
const slots = 4

// slot is the one of a machine.
func slot(key string) int {
	if key == "" {
		return 0
	}
	return int(key[len(key)-1] % slots)
}

func (n *Node) create(key string, def *fsm.Definition) *machine {
	m := &machine{key: key, def: def, index: len(n.byIndex), hash: n.hash(key)}
	n.machines[key] = m
	if pinned(key) {
		n.pins++
	}
	if last := len(n.vacant) - 1; last >= 0 {
		m.index, n.vacant = n.vacant[last], n.vacant[:last]
		n.byIndex[m.index] = m
	} else {
		n.byIndex = append(n.byIndex, m)
	}
	return m
}

// holdable reports whether an acceptor can have accepted v at b, or nothing.
func (n *Node) holdable(m *machine, b Ballot, v *Value) bool {
	if v == nil {
		return b.IsZero()
	}
	return n.plausible(b) && (v == m.value || v.check(m.def) == nil)
}

// definition finds the definition of a key, as define does.
func (n *Node) definition(key string) *fsm.Definition {
	if m := n.known(key); m != nil && !pinned(key) {
		return m.def
	}
	return n.define(key)
}

// define finds the definition of a key; it is nil if there is none, or the key
// is none.
func (n *Node) define(key string) *fsm.Definition {
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

// base is the value to go on from when v was accepted.
func (m *machine) base(v *Value) *Value {
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
	if m.def.Name == fsm.Meta {
		n.adopt(m.key, v.State)
	}
	before := m.standing()
	m.chosenAt, m.chosen = b, v
	n.account(m, before)
	m.top = max(m.top, b.Round)
	if m.cache.Less(b) {
		if !m.cache.IsZero() {
			n.mark(MarkCacheDropped)
		}
		m.cache = Ballot{}
	}
	return n.attend(m, b)
}

// alarm asks to be woken at the given time at the latest.
func (n *Node) alarm(m *machine, at time.Duration) {
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
	n.expire(m)
	n.tendRound(m)
	n.tendReads(m)
	n.tendAway(m)
	n.advance(m)
	n.rest(m)
}

// commit is the learner's part.
func (n *Node) commit(c *Commit) {
	m := n.machine(c.Key)
	if m == nil || c.Value == nil || !n.holdable(m, c.Ballot, c.Value) {
		n.counts.Failed++
		return
	}
	if c.Ballot.Less(m.chosenAt) {
		n.mark(MarkOldNews)
	}
	known := m.base(m.chosen).Serial
	found := n.learn(m, c.Ballot, c.Value)
	m.sees(c, known+uint64(found), n.now+n.cfg.RetryDelay)
	n.fact(Fact{Kind: Learnt, Key: c.Key, Ballot: c.Ballot, Value: c.Value})
	n.takeTurn(m, c.Ballot.Node)
}
