package member

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/configuration"
	"github.com/lockstep-dst/lockstep/node/internal/invariant"
	"github.com/lockstep-dst/lockstep/node/wal"
)

// Member is a node with its membership in a cluster. Make it with New, and give it
// a Boot event first. It is not safe for concurrent use.
type Member struct {
	cfg   Config
	node  *node.Node
	ids   []node.ID // of all members, in order
	peers []peer    // the others, in the order of ids
	now   time.Duration
	err   error

	self         Identity
	life         Life   // the current one
	pastLives    []Life // earlier ones, by boot
	livesLSN     wal.LSN
	lifeDurable  bool // the member may introduce itself
	cluster      Cluster
	clusterLSN   wal.LSN
	durableStage Stage // durable stage of cluster
	disputes     []Dispute

	configuration        *configuration.Configuration // that it has adopted; nil: the cluster as it was formed
	leaving              bool                         // configuration is without this node: see checkLeft
	leftLSN              wal.LSN                      // of the note that it has left; 0: it has not
	disputesLSN          wal.LSN                      // of the note of disputes; 0: none was written in this life
	pendingConfiguration *configuration.Configuration // that it adopts when it is durable; nil: none
	configurationLSN     wal.LSN                      // of the last one
	registerVersion      uint64                       // of the register, when it was looked at last
	progress             progress
	endpoint             string        // where this node serves clients, as introductions show it; empty: not shown
	build                string        // version of this node's program, as introductions show it; empty: not shown
	guides               []guide       // that have not answered
	formerAnsweredAt     time.Duration // when a former member was last told so; 0: never
	unheard              uint64        // messages that the node did not get: see Unheard

	timerAt     time.Duration // when the timer fires; 0: it is not set
	nextDue     time.Duration // time of the next introduction or write of a memory; 0: none
	pendingWork bool          // there may be work now, or nextDue may have changed
	waits       bool          // something waits for the log to be durable
	seen        wal.LSN       // durable end of the log at the last call of onDurable
	scratch     noteFields    // buffer for a note
	levelsDue   time.Duration // when the note of levels is to be written; 0: it is
	forNode     []node.Event  // events for the node in this step
	sends       []node.Send   // the member's own messages in this step
}

// peer is the state that a member keeps of another one.
type peer struct {
	id       node.ID
	noteName string        // of the note with memory
	memory   Memory        // of the peer's log
	saved    Memory        // memory as appended to the log last
	savedLSN wal.LSN       // saved is durable from this position on
	durable  Memory        // durable memory; testimonies are of this
	syncing  bool          // saved is not durable yet
	late     time.Duration // when memory is to be written at the latest; 0: it is written

	level            node.Level    // of its build, as it was last heard; 0: never
	introduction     *Introduction // the last one received; nil: none in this life
	testimonies      []Testimony   // of others about the peer
	admittedLives    []uint64      // ids of its lives, the last one first
	pendingAdmission *Introduction // admitted when memory is durable
	rejectionPending bool          // it is rejected for a memory that is not durable yet
	shownLife        uint64        // earlier life of this log that it requested and was shown last
	rejection        string        // why it is not admitted; empty: nothing is known against it
	otherLog         string        // why another log was refused in its name; empty: none since it was last heard
	lied             bool          // a refuted testimony of it was noticed
	saysRemoved      bool          // it has refused this node as a former member, since it was last introduced

	introducedAt    time.Duration // when the last introduction was sent to it; 0: never
	attempts        int           // introductions sent by timer since the peer's life or stage last changed
	introductionDue time.Duration // when to send the next; 0: never
}

// memberTimer is the token of the member's timer. The node's timers have others.
const memberTimer = 1 << 62

// Wake is an event that has a member look for work that is due: after Change.
func Wake() node.Event { return node.Event{Kind: node.Timer, Token: memberTimer} }

// maxLives bounds the lives that a log lists. A member that has met none of them
// never admits the node again: neither a loss nor its absence can be shown.
const maxLives = 1 << 12

// maxAdmitted bounds the lives of a peer from which late messages are accepted.
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
	m.peers = newPeers(cfg.Node.ID, m.ids)
	return m, nil
}

// newPeers returns the others of some members, with nothing known of them.
func newPeers(self node.ID, ids []node.ID) []peer {
	peers := make([]peer, 0, len(ids))
	for _, id := range ids {
		if id != self {
			peers = append(peers, newPeer(id))
		}
	}
	return peers
}

func newPeer(id node.ID) peer {
	return peer{id: id, noteName: peerNotePrefix + strconv.Itoa(int(id))}
}

// Node returns the node, for inspection.
func (m *Member) Node() *node.Node { return m.node }

// Ready reports whether the member takes part: its cluster is formed, durably, and
// its log is not disputed.
func (m *Member) Ready() bool {
	return m.err == nil && m.lifeDurable && m.durableStage == Formed && len(m.disputes) == 0 && !m.leaving
}

// AnswersClients reports whether clients get responses, if only rejections since
// the member abstains. Until the cluster is formed, their requests should wait.
func (m *Member) AnswersClients() bool {
	return m.Ready() || m.lifeDurable && (len(m.disputes) > 0 || m.leaving)
}

// LifeDurable reports whether the member's boot and life are durable. Before that,
// they must not be sent to anyone.
func (m *Member) LifeDurable() bool { return m.err == nil && m.lifeDurable }

// StepAll carries out a step, as node.Node.StepAll does. A Boot is the first event
// of its step. The effects are valid until the next step. A non-nil error stops
// the member.
func (m *Member) StepAll(now time.Duration, evs []node.Event) (*node.Effects, error) {
	m.now = max(m.now, now)
	m.sends = m.sends[:0]
	effects, err := m.node.StepAll(m.now, m.filterEvents(evs))
	if len(evs) > 0 && evs[0].Kind == node.Boot && err == nil {
		m.fail(m.boot(&evs[0]))
	}
	if err == nil && m.err == nil {
		m.filterEffects(effects)
		m.learnConfiguration()
		if m.pendingWork || m.waits && m.node.Durable() > m.seen || m.nextDue > 0 && m.nextDue <= m.now {
			m.onDurable()
			m.tick()
			m.node.Flush()
			m.filterEffects(effects)
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

// boot reads the notes on the cluster, earlier lives, peers and disputes.
func (m *Member) boot(ev *node.Event) error {
	m.pendingWork = true
	m.self = Identity{m.cfg.Node.ID, m.node.Incarnation()}
	m.life = Life{Boot: m.node.BootNumber(), ID: ev.Life}
	if err := m.loadNotes(); err != nil {
		return err
	}
	if m.configuration != nil {
		m.enter(m.configuration)
		m.observe(Observation{Kind: Adopted, Configuration: m.configuration})
	}
	if err := m.ensureCluster(); err != nil {
		return err
	}
	if last := len(m.pastLives) - 1; last >= 0 && m.pastLives[last].End == 0 {
		m.pastLives[last].End = uint64(m.node.BootEnd(m.pastLives[last].Boot))
	}
	m.pastLives = m.pastLives[max(0, len(m.pastLives)-maxLives):]
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
			m.notice(Critical, d.By, "it abstains, as in its last life: %v", m.describeDispute(d))
		}
	}
	return m.lostPromises()
}

// ensureCluster checks that a log that is not empty is of a cluster, and of the
// one that the member was started for. One that was restored is of none yet.
func (m *Member) ensureCluster() error {
	switch {
	case m.cluster.Stage != Empty:
		if ids := idsOf(m.cluster.Members); m.configuration == nil && !sameIDs(ids, m.ids) {
			return fmt.Errorf("%w: its log is of a cluster of members %s, and it was started for %s: start it with the members of its log; they change by the command members, and not by flags",
				ErrMembers, formatIDs(ids), formatIDs(m.ids))
		}
		m.durableStage = m.cluster.Stage
		return nil
	case !m.node.IsEmpty() && m.node.Origin() == nil:
		m.cluster = legacyCluster(m.cfg.Node.Cluster, m.self, m.ids)
	case m.cfg.Join && m.node.Origin() != nil: // its values are of ballots that the cluster may have used
		return fmt.Errorf("%w: start it with the members that it was restored for; a node that is added begins with an empty directory", ErrRestored)
	case m.cfg.Join:
		return nil
	case m.cfg.Formed != nil && slices.Contains(m.cfg.Formed, m.self):
		m.cluster = newCluster(m.cfg.Node.Cluster, m.cfg.Formed)
		m.cluster.Stage = Formed
	case len(m.peers) == 0:
		m.cluster = newCluster(m.cfg.Node.Cluster, []Identity{m.self})
		m.cluster.Stage = Formed
	default:
		return nil
	}
	m.saveCluster()
	return nil
}

// filterEvents returns the events for the node. In most steps these are all.
func (m *Member) filterEvents(evs []node.Event) []node.Event {
	for i := range evs {
		if m.acceptEvent(&evs[i]) {
			continue
		}
		m.forNode = append(m.forNode[:0], evs[:i]...)
		for j := i + 1; j < len(evs); j++ {
			if m.acceptEvent(&evs[j]) {
				m.forNode = append(m.forNode, evs[j])
			}
		}
		return m.forNode
	}
	return evs
}

// acceptEvent handles an event of the member's own, and reports whether the node
// gets it.
func (m *Member) acceptEvent(ev *node.Event) bool {
	switch {
	case ev.Kind == node.Receive:
		return m.acceptMessage(ev)
	case ev.Kind == node.Timer && ev.Token == memberTimer:
		m.timerAt, m.pendingWork = 0, true // other work may be due by now
		return false
	}
	return true
}

// acceptMessage reports whether the node gets a message.
func (m *Member) acceptMessage(ev *node.Event) bool {
	i := m.peerIndex(ev.From)
	in, isIntroduction := ev.Message.(*Introduction)
	switch {
	case i < 0 && ev.From <= configuration.MaxID: // of one that was a member, or is to become one
		if g := m.guideIndex(ev.From); g >= 0 && m.acceptGuide(g, ev.Message) {
			return false
		}
		if !isIntroduction {
			m.ignore()
		}
		m.answerFormer(ev.From, in)
		return false
	case i < 0:
		return m.acceptRequest(ev)
	}
	p := &m.peers[i]
	if _, ok := ev.Message.(*Removal); ok {
		m.hearRemoval(p)
		return false
	}
	m.noteLevel(p, ev.Level)
	m.compareEpochs(p, ev.Message)
	if isIntroduction {
		if m.lifeDurable { // earlier, the member cannot answer
			m.pendingWork = true
			m.handleIntroduction(p, in)
		}
		return false
	}
	if !m.acceptPeerMessage(p, ev) {
		m.ignore()
		m.requestIntroduction(p, ev.Life)
		return false
	}
	p.otherLog = ""
	return true
}

// ignore counts a message that the node does not get.
func (m *Member) ignore() {
	m.unheard++
	m.mark(MarkMessageNotAdmitted)
}

// peerIndex returns the index of a member in peers, or -1.
func (m *Member) peerIndex(id node.ID) int {
	for i := range m.peers {
		if m.peers[i].id == id {
			return i
		}
	}
	return -1
}

// acceptPeerMessage reports whether the node gets a peer's message, and remembers
// the position of the peer's log that it carries. Only acknowledgments and read
// reports carry one, since they show that the peer has accepted values: a proposal
// can come from a node that has accepted nothing.
func (m *Member) acceptPeerMessage(p *peer, ev *node.Event) bool {
	if !m.Ready() || !slices.Contains(p.admittedLives, ev.Life) {
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
		return false // late: that life's end in the log may be before this position
	case shows:
		m.rememberPosition(p, at)
	}
	return true
}

// rememberPosition records that a peer's log is durable up to a position.
func (m *Member) rememberPosition(p *peer, at uint64) {
	if at <= p.memory.Position {
		return
	}
	invariant.Check(p.saved.Position <= p.memory.Position, "member: what is saved of a peer is not ahead of what is remembered")
	if p.late == 0 {
		p.late, m.pendingWork = m.now+m.cfg.RememberDelay, true
	}
	p.memory.Position = at
	if at-p.saved.Position >= m.cfg.RememberBytes {
		m.saveMemories()
	}
}

// acceptRequest reports whether the node gets a client's request. A node that
// abstains rejects it. Before the life is durable it is dropped, though the node may be
// ready by then.
func (m *Member) acceptRequest(ev *node.Event) bool {
	r, ok := ev.Message.(*node.Request)
	switch {
	case m.Ready() || !ok:
		return true
	case !m.lifeDurable:
		return false
	}
	reply := r.NotCarriedOut(node.Abstains)
	m.sends = append(m.sends, node.Send{To: ev.From, Message: reply})
	m.mark(MarkClientRejected)
	if o := m.cfg.Node.Observer; o != nil {
		o.Observe(node.Observation{Kind: node.Answered, Client: ev.From, Key: r.Key, Reply: reply})
	}
	return false
}

// filterEffects removes messages that the node must not send, and adds the durable
// position of its log to the others.
func (m *Member) filterEffects(e *node.Effects) {
	if len(e.Sends) > 0 && !m.Ready() {
		e.Sends = slices.DeleteFunc(e.Sends, func(s node.Send) bool { return s.To <= configuration.MaxID })
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

// onDurable does the work that has waited for the log to be durable.
func (m *Member) onDurable() {
	durable := m.node.Durable()
	invariant.Check(durable >= m.seen, "member: the durable position of the log never goes back")
	invariant.Check(m.durableStage <= m.cluster.Stage, "member: the stage of the cluster never goes back")
	m.seen = durable
	if durable >= m.disputesLSN {
		if m.fail(m.lostPromises()); m.err != nil {
			return
		}
	}
	if m.pendingConfiguration != nil && durable >= m.configurationLSN {
		if m.adoptConfiguration(); m.err != nil {
			return
		}
	}
	if !m.lifeDurable && m.node.Ready() && durable >= m.livesLSN && durable >= m.clusterLSN {
		m.lifeDurable = true
		m.observe(Observation{Kind: Introduced, Log: m.log(), Position: uint64(durable), Cluster: m.durableCluster()})
		if m.durableStage == m.cluster.Stage {
			m.sendIntroductions()
		}
	}
	if !m.lifeDurable {
		return
	}
	if m.durableStage != m.cluster.Stage && durable >= m.clusterLSN {
		m.onStageDurable()
	}
	for i := range m.peers {
		if p := &m.peers[i]; p.syncing && durable >= p.savedLSN {
			p.durable, p.syncing = p.saved, false
		}
	}
	for i := range m.peers {
		if p := &m.peers[i]; p.rejectionPending && !p.syncing {
			p.rejectionPending = false
			m.broadcastRejection(p)
			m.sendIntroduction(p, true)
		}
	}
	for i := range m.peers {
		if p := &m.peers[i]; p.pendingAdmission != nil && durable >= p.savedLSN {
			m.admit(p)
		}
	}
}

// log returns the lives of the member's own log.
func (m *Member) log() Log {
	return Log{Incarnation: m.self.Incarnation, Boot: m.life.Boot, Life: m.life.ID, Past: m.pastLives, Complete: true}
}

// durableCluster returns the cluster as far as its record is durable.
func (m *Member) durableCluster() Cluster {
	c := m.cluster
	c.Stage = m.durableStage
	if m.durableStage == Empty {
		return Cluster{}
	}
	return c
}

// setTimer sets the timer for the earliest work that is due.
func (m *Member) setTimer(e *node.Effects) {
	m.nextDue, m.pendingWork, m.waits = 0, !m.lifeDurable, m.durableStage != m.cluster.Stage || m.pendingConfiguration != nil || m.leftLSN != 0 || m.disputesLSN > m.seen
	if m.takesPartInChange() || m.leaving && m.lifeDurable {
		m.dueBy(m.progress.proposeAt)
		m.dueBy(m.progress.introduceAt)
	}
	if m.lifeDurable {
		m.dueBy(m.levelsDue)
	}
	for i := range m.guides {
		if m.durableStage == Formed && m.lifeDurable {
			m.dueBy(m.guides[i].due)
		}
	}
	for i := range m.peers {
		p := &m.peers[i]
		m.waits = m.waits || p.pendingAdmission != nil || p.syncing
		m.dueBy(p.introductionDue)
		m.dueBy(p.late)
	}
	if m.nextDue == 0 || m.timerAt != 0 && m.timerAt <= m.nextDue && m.timerAt > m.now {
		return
	}
	m.timerAt = max(m.nextDue, m.now+1)
	invariant.Check(m.timerAt > m.now, "member: a timer is due later")
	e.Timers = append(e.Timers, node.SetTimer{Token: memberTimer, After: m.timerAt - m.now})
}

// dueBy notes that work is due at a time; 0 is never.
func (m *Member) dueBy(at time.Duration) {
	if at > 0 && (m.nextDue == 0 || at < m.nextDue) {
		m.nextDue = at
	}
}

// tick does the work that is due.
func (m *Member) tick() {
	if !m.lifeDurable {
		return
	}
	if m.checkRemoved(); m.err != nil {
		return
	}
	late := false
	for i := range m.peers {
		p := &m.peers[i]
		if p.introductionDue > 0 && p.introductionDue <= m.now {
			p.introductionDue = 0
			p.attempts++
			m.sendIntroduction(p, false)
		}
		late = late || p.late > 0 && p.late <= m.now
	}
	m.askGuides()
	if late {
		m.saveMemories()
	}
	if m.levelsDue > 0 && m.levelsDue <= m.now {
		m.saveLevels()
	}
	m.advanceChange()
}
