package member

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/wal"
)

// Member is a node among others. Make it with New, and give it a Boot event
// first. It is used from one place at a time.
type Member struct {
	cfg   Config
	node  *node.Node
	ids   []node.ID // of all members, in order
	peers []peer    // the others, in that order
	now   time.Duration
	err   error

	own       Identity
	life      Life   // this one
	past      []Life // those before it, by number
	livesAt   wal.LSN
	open      bool // the life is durable: the member may introduce itself
	cluster   Cluster
	clusterAt wal.LSN
	joined    Stage // of cluster, as is durable
	disputes  []Dispute

	wakeAt  time.Duration // of the timer; 0: none
	next    time.Duration // when something is due; 0: nothing is
	busy    bool          // there may be something to do, or next may have changed
	waits   bool          // something waits for the log to be durable
	seen    wal.LSN       // up to where it was when that was looked at last
	scratch fields        // memory for a note
	pass    []node.Event  // what the node gets in this step
	sends   []node.Send   // what the member says in this step
}

// peer is what is known of another member.
type peer struct {
	id      node.ID
	note    string        // the name of the one about it
	memory  Memory        // of it
	saved   Memory        // as it was appended to the log last
	savedAt wal.LSN       // and from where on that is durable
	durable Memory        // as the log has it durably; others are told of no more
	syncing bool          // saved is not durable
	late    time.Duration // when memory is to be written down at the latest; 0: it is

	last     *Introduction // the last one heard; nil: none in this life
	hearsay  []Testimony   // what others remember of it
	admitted []uint64      // ids of its lives that are heard, the last one first
	waiting  *Introduction // admitted when memory is durable
	untold   bool          // it is refused for what is remembered, and that is not durable yet
	shown    uint64        // the earlier life of this log that it was shown last, because it asked
	trouble  string        // why it is not admitted; empty: nothing is known against it

	sentAt time.Duration // when the last introduction was sent to it; 0: none was
	tries  int           // introductions sent since it was heard of last
	due    time.Duration // of the next; 0: none
}

// memberToken is that of the member's timer; the node has others.
const memberToken = 1 << 62

// maxLives bounds the lives that a log lists. A member that has met none of them
// never hears the node again: it cannot be shown that nothing is lost, nor that
// anything is.
const maxLives = 1 << 12

// maxAdmitted bounds the lives of a peer whose late messages are heard.
const maxAdmitted = 4

// New makes a member that has not booted.
func New(cfg Config) (*Member, error) {
	n, err := node.New(cfg.Node)
	if err != nil {
		return nil, err
	}
	if cfg.RememberBytes == 0 {
		cfg.RememberBytes = DefaultRememberBytes
	}
	if cfg.RememberDelay == 0 {
		cfg.RememberDelay = DefaultRememberDelay
	}
	m := &Member{cfg: cfg, node: n, ids: slices.Sorted(slices.Values(cfg.Node.Members))}
	m.peers = make([]peer, 0, len(m.ids)-1)
	for _, id := range m.ids {
		if id != cfg.Node.ID {
			m.peers = append(m.peers, peer{id: id, note: peerNote + strconv.Itoa(int(id))})
		}
	}
	return m, nil
}

// Node is the node, to be looked at.
func (m *Member) Node() *node.Node { return m.node }

// Ready reports whether the member takes part: its cluster is formed, as is
// durable, and nobody disputes its log.
func (m *Member) Ready() bool {
	return m.err == nil && m.open && m.joined == Formed && len(m.disputes) == 0
}

// Answers reports whether clients are answered, be it that the member abstains.
// Until its cluster is formed they had better wait.
func (m *Member) Answers() bool { return m.Ready() || m.open && len(m.disputes) > 0 }

// Open reports whether the boot and the life of the member are durable. Before,
// nobody must hear of them.
func (m *Member) Open() bool { return m.err == nil && m.open }

// StepAll is the only way in, as node.Node.StepAll is. A Boot is the first event of
// its step. The effects are valid until the next step. A non-nil error ends the member.
func (m *Member) StepAll(now time.Duration, evs []node.Event) (*node.Effects, error) {
	m.now = max(m.now, now)
	m.sends = m.sends[:0]
	effects, err := m.node.StepAll(m.now, m.passing(evs))
	if len(evs) > 0 && evs[0].Kind == node.Boot && err == nil {
		m.fail(m.begin(&evs[0]))
	}
	if err == nil && m.err == nil {
		m.keep(effects)
		if m.busy || m.waits && m.node.Durable() > m.seen || m.next > 0 && m.next <= m.now {
			m.proceed()
			m.tend()
			m.node.Flush()
			m.setTimer(effects)
		}
		if len(m.sends) > 0 {
			effects.Sends = append(effects.Sends, m.sends...)
		}
	}
	if err == nil && m.err != nil {
		effects.Sends, effects.Timers, effects.Disk = nil, nil, nil
		err = m.err
	}
	return effects, err
}

func (m *Member) fail(err error) {
	if m.err == nil && err != nil {
		m.err = fmt.Errorf("%w: %w", node.ErrStopped, err)
	}
}

// begin reads what the log says of the cluster, of earlier lives and of others.
func (m *Member) begin(ev *node.Event) error {
	m.busy = true
	m.own = Identity{m.cfg.Node.ID, m.node.Incarnation()}
	m.life = Life{Boot: m.node.Boots(), ID: ev.Life}
	if err := m.recall(); err != nil {
		return err
	}
	if err := m.inherit(); err != nil {
		return err
	}
	if last := len(m.past) - 1; last >= 0 && m.past[last].End == 0 {
		m.past[last].End = uint64(m.node.EndOf(m.past[last].Boot))
	}
	m.past = m.past[max(0, len(m.past)-maxLives):]
	m.saveLives()
	for i := range m.peers {
		p := &m.peers[i]
		if p.memory.Incarnation == [16]byte{} {
			p.memory.Incarnation = m.cluster.incarnation(p.id)
			p.saved.Incarnation, p.durable.Incarnation = p.memory.Incarnation, p.memory.Incarnation
		}
	}
	for _, d := range m.disputes {
		if m.cfg.Notify != nil {
			m.notice(Alarm, d.By, "it abstains, as in its last life: %v", m.words(d))
		}
	}
	return nil
}

// inherit sees to it that a log which holds something is of a cluster, and of the
// one that the member was started for.
func (m *Member) inherit() error {
	switch {
	case m.cluster.Stage != Empty:
		if ids := idsOf(m.cluster.Members); !same(ids, m.ids) {
			return fmt.Errorf("%w: its log is of a cluster of members %s, and it was started for %s: start it with the members of its log, which cannot change",
				ErrMembers, lists(ids), lists(m.ids))
		}
		m.joined = m.cluster.Stage
		return nil
	case !m.node.Blank():
		m.cluster = inherited(m.cfg.Node.Cluster, m.own, m.ids)
	case m.cfg.Formed != nil && slices.Contains(m.cfg.Formed, m.own):
		m.cluster = form(m.cfg.Node.Cluster, m.cfg.Formed)
		m.cluster.Stage = Formed
	case len(m.peers) == 0:
		m.cluster = form(m.cfg.Node.Cluster, []Identity{m.own})
		m.cluster.Stage = Formed
	default:
		return nil
	}
	m.saveCluster()
	return nil
}

// passing are the events that the node gets. Mostly these are all.
func (m *Member) passing(evs []node.Event) []node.Event {
	for i := range evs {
		if m.passes(&evs[i]) {
			continue
		}
		m.pass = append(m.pass[:0], evs[:i]...)
		for j := i + 1; j < len(evs); j++ {
			if m.passes(&evs[j]) {
				m.pass = append(m.pass, evs[j])
			}
		}
		return m.pass
	}
	return evs
}

// passes takes what is the member's own, and reports whether the node gets an
// event.
func (m *Member) passes(ev *node.Event) bool {
	switch {
	case ev.Kind == node.Receive:
		return m.receives(ev)
	case ev.Kind == node.Timer && ev.Token == memberToken:
		m.wakeAt, m.busy = 0, true // what is due may be something else by now
		return false
	}
	return true
}

// receives reports whether the node gets a message.
func (m *Member) receives(ev *node.Event) bool {
	i := m.place(ev.From)
	if i < 0 {
		return m.serves(ev)
	}
	p := &m.peers[i]
	if in, ok := ev.Message.(*Introduction); ok {
		if m.open { // before, it cannot answer
			m.busy = true
			m.meet(p, in)
		}
		return false
	}
	if !m.hears(p, ev) {
		m.mark(MarkUnheard)
		m.ask(p)
		return false
	}
	return true
}

// place is the position of a member among the peers, or -1.
func (m *Member) place(id node.ID) int {
	for i := range m.peers {
		if m.peers[i].id == id {
			return i
		}
	}
	return -1
}

// hears reports whether a peer's message counts, and takes from it what it shows of
// the peer's log. Only acknowledgments and read reports show what the peer has
// accepted: a proposal may be made by whoever has accepted nothing.
func (m *Member) hears(p *peer, ev *node.Event) bool {
	if !m.Ready() || !slices.Contains(p.admitted, ev.Life) {
		return false
	}
	at, shows := uint64(0), false
	switch msg := ev.Message.(type) {
	case *node.Acknowledgment:
		at, shows = msg.At, true
	case *node.ReadReport:
		at, shows = msg.At, true
	}
	switch {
	case shows && p.memory.Life != ev.Life:
		return false // late: where that life left the log may be before what this shows
	case shows:
		m.remember(p, at)
	}
	return true
}

// remember notes that a peer's log is durable up to a position.
func (m *Member) remember(p *peer, at uint64) {
	if at <= p.memory.Position {
		return
	}
	if p.late == 0 {
		p.late, m.busy = m.now+m.cfg.RememberDelay, true
	}
	p.memory.Position = at
	if at-p.saved.Position >= m.cfg.RememberBytes {
		m.saveMemories()
	}
}

// serves reports whether a client's request goes to the node. A node that
// abstains says so: of a first attempt it is certain that nothing came of it.
func (m *Member) serves(ev *node.Event) bool {
	r, ok := ev.Message.(*node.Request)
	if !ok || m.Ready() || !m.open {
		return true
	}
	reply := &node.Reply{Kind: r.Kind, Key: r.Key, ID: r.ID, Attempt: r.Attempt, Outcome: node.Rejected, Reason: node.Abstains}
	if r.Retry && r.Kind == node.Propose {
		reply.Outcome = node.Unknown
	}
	m.sends = append(m.sends, node.Send{To: ev.From, Message: reply})
	m.mark(MarkTurnedAway)
	if o := m.cfg.Node.Observer; o != nil {
		o.Observe(node.Fact{Kind: node.Answered, Client: ev.From, Key: r.Key, Reply: reply})
	}
	return false
}

// keep takes out of the effects what the node must not say, and adds to what it
// says how far its log is durable.
func (m *Member) keep(e *node.Effects) {
	if len(e.Sends) > 0 && !m.Ready() {
		e.Sends = slices.DeleteFunc(e.Sends, func(s node.Send) bool { return m.place(s.To) >= 0 })
	}
	for i := range e.Sends {
		switch msg := e.Sends[i].Message.(type) {
		case *node.Acknowledgment:
			msg.At = uint64(m.node.Durable())
		case *node.ReadReport:
			msg.At = uint64(m.node.Durable())
		}
	}
}

// proceed does what has waited for the log.
func (m *Member) proceed() {
	durable := m.node.Durable()
	m.seen = durable
	if !m.open && m.node.Ready() && durable >= m.livesAt && durable >= m.clusterAt {
		m.open = true
		m.fact(Fact{Kind: Introduced, Log: m.log(), Position: uint64(durable), Cluster: m.recorded()})
		if m.joined == m.cluster.Stage {
			m.introduceToAll()
		}
	}
	if !m.open {
		return
	}
	if m.joined != m.cluster.Stage && durable >= m.clusterAt {
		m.join()
	}
	for i := range m.peers {
		if p := &m.peers[i]; p.syncing && durable >= p.savedAt {
			p.durable, p.syncing = p.saved, false
		}
	}
	for i := range m.peers {
		if p := &m.peers[i]; p.untold && !p.syncing {
			p.untold = false
			m.spread(p)
			m.introduce(p, true)
		}
	}
	for i := range m.peers {
		if p := &m.peers[i]; p.waiting != nil && durable >= p.savedAt {
			m.admit(p)
		}
	}
}

// log is what the member's own log says about itself.
func (m *Member) log() Log {
	return Log{Incarnation: m.own.Incarnation, Boot: m.life.Boot, Life: m.life.ID, Past: m.past, Whole: true}
}

// recorded is the cluster that the log says durably that it is of.
func (m *Member) recorded() Cluster {
	c := m.cluster
	c.Stage = m.joined
	if m.joined == Empty {
		return Cluster{}
	}
	return c
}

// setTimer asks to be woken for the earliest thing that is to be done.
func (m *Member) setTimer(e *node.Effects) {
	m.next, m.busy, m.waits = 0, !m.open, m.joined != m.cluster.Stage
	for i := range m.peers {
		p := &m.peers[i]
		m.waits = m.waits || p.waiting != nil || p.syncing
		for _, at := range [...]time.Duration{p.due, p.late} {
			if at > 0 && (m.next == 0 || at < m.next) {
				m.next = at
			}
		}
	}
	if m.next == 0 || m.wakeAt != 0 && m.wakeAt <= m.next && m.wakeAt > m.now {
		return
	}
	m.wakeAt = max(m.next, m.now+1)
	e.Timers = append(e.Timers, node.SetTimer{Token: memberToken, After: m.wakeAt - m.now})
}

// tend does what time has made due.
func (m *Member) tend() {
	if !m.open {
		return
	}
	late := false
	for i := range m.peers {
		p := &m.peers[i]
		if p.due > 0 && p.due <= m.now {
			p.due = 0
			p.tries++
			m.introduce(p, false)
		}
		late = late || p.late > 0 && p.late <= m.now
	}
	if late {
		m.saveMemories()
	}
}
