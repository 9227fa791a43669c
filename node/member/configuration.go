package member

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/configuration"
	"github.com/lockstep-dst/lockstep/node/internal/invariant"
	"github.com/lockstep-dst/lockstep/node/internal/tlv"
)

// The members of a cluster change by rule 12. The configuration is a register of the node
// (node/register.go). A member that learns of a later one that is chosen, from the register or from a
// peer's introduction, writes it down, and adopts it when it is durable: the node goes on
// in its epoch, and the peers are its members. From then on the log has the members, and
// the ones that the member was started with say nothing.

// ErrRemoved is wrapped by the error of a member that is none any more.
var ErrRemoved = errors.New("this node is not a member any more")

// configurationNote is the name of the note with the text of the last configuration.
const configurationNote = "configuration"

// leftNote is the name of the note of a node that has left: the others can do without it.
const leftNote = "left"

// Epoch is the epoch that the member has adopted.
func (m *Member) Epoch() uint32 {
	if m.configuration == nil {
		return configuration.First
	}
	return m.configuration.Epoch
}

// shownEpoch is the epoch that introductions show; 0 for the first.
func (m *Member) shownEpoch() uint32 {
	if m.configuration == nil {
		return 0
	}
	return m.configuration.Epoch
}

// Configuration is the configuration that the member has adopted; nil in a cluster with the
// members that formed it, or as long as the member is in none.
func (m *Member) Configuration() *configuration.Configuration { return m.configuration }

// founded is the configuration of a cluster with the members that formed it, in which
// memories are this member's. It is none, since no change leads to it.
func (m *Member) founded() *configuration.Configuration {
	c := &configuration.Configuration{Epoch: configuration.First, Voters: slices.Clone(m.ids), LastID: m.ids[len(m.ids)-1]}
	for _, id := range m.ids {
		c.Members = append(c.Members, configuration.Member{ID: id, Incarnation: configuration.Incarnation(m.incarnationOf(id))})
	}
	return c
}

// incarnationOf returns the incarnation of a member's log, also this one's; zero if unknown.
func (m *Member) incarnationOf(id node.ID) [16]byte {
	if id == m.self.ID {
		return m.self.Incarnation
	}
	return m.knownIncarnation(&m.peers[m.peerIndex(id)])
}

// current is the configuration that changes begin from.
func (m *Member) current() *configuration.Configuration {
	if m.configuration != nil {
		return m.configuration
	}
	return m.founded()
}

// loadConfiguration reads the note, in the step in which the node has booted.
func (m *Member) loadConfiguration() error {
	var c *configuration.Configuration
	if note := m.node.Note(configurationNote); note != nil {
		var err error
		if c, err = configuration.Parse(string(note)); err != nil {
			return fmt.Errorf("%w: note %q: %w", node.ErrRecord, configurationNote, err)
		}
	}
	if m.node.Note(leftNote) != nil {
		return m.removedBy(c)
	}
	if c == nil {
		return nil
	}
	if c.Has(m.self.ID) && !sameIDs(c.IDs(), m.ids) {
		m.notice(Info, 0, "the members are those of its log, %v; it was started for members %s", c, formatIDs(m.ids))
	}
	m.configuration, m.ids = c, c.IDs()
	m.peers = newPeers(m.self.ID, m.ids)
	return nil
}

// learnConfiguration takes the latest configuration that the register is known to hold.
func (m *Member) learnConfiguration() {
	if m.progress.proposeAt == 0 && m.node.MembershipUndecided() {
		m.pendingWork = true
	}
	text, version := m.node.Membership()
	if version == m.registerVersion {
		return
	}
	m.registerVersion = version
	if c, err := configuration.Parse(text); err == nil {
		m.takeConfiguration(c)
	}
}

// takeConfiguration writes a chosen configuration down, unless a later one is.
func (m *Member) takeConfiguration(c *configuration.Configuration) {
	if c.Epoch <= m.Epoch() || m.pendingConfiguration != nil && c.Epoch <= m.pendingConfiguration.Epoch {
		return
	}
	m.pendingConfiguration, m.pendingWork = c, true
	m.configurationLSN = m.node.SetNote(configurationNote, []byte(c.Text()))
}

// adoptConfiguration goes on in the epoch of the configuration that is durable now.
func (m *Member) adoptConfiguration() {
	c := m.pendingConfiguration
	invariant.Check(c.Epoch > m.Epoch(), "member: the epoch never goes back")
	m.pendingConfiguration = nil
	m.mark(MarkConfigurationAdopted)
	m.enter(c)
	m.observe(Observation{Kind: Adopted, Configuration: c, Position: uint64(m.configurationLSN)})
	m.notice(Info, 0, "the members are: %v", c)
	if m.lifeDurable {
		m.sendIntroductions()
	}
}

// A node that is no member in the configuration that it adopts takes part no more, and ends
// when a majority of the voters has adopted it too. Until then it may be the only one that
// knows that the configuration was chosen, and the others may have no quorum without it to
// find that out.

// checkLeft ends a leaving member if the others can do without it.
func (m *Member) checkLeft() {
	c := m.configuration
	adopted := m.peersThat(func(p *peer) bool {
		return p.saysRemoved || p.introduction != nil && p.introduction.shown().epoch >= c.Epoch
	})
	switch {
	case m.leftLSN != 0 && m.node.Durable() >= m.leftLSN:
		m.fail(m.removedBy(c))
	case m.leftLSN == 0 && configuration.IsMajority(adopted, c.Voters):
		m.leftLSN = m.node.SetNote(leftNote, []byte{1})
	}
}

// enter has the member and its node go on in an epoch.
func (m *Member) enter(c *configuration.Configuration) {
	m.configuration, m.ids, m.progress = c, c.IDs(), progress{}
	m.guides = slices.DeleteFunc(m.guides, func(g guide) bool { return g.id <= c.LastID })
	m.leaving = !c.Has(m.self.ID)
	peers := make([]peer, 0, len(m.ids))
	for i := range c.Members {
		if x := &c.Members[i]; x.ID != m.self.ID {
			peers = append(peers, m.peerOf(x))
		}
	}
	m.peers = peers
	m.cluster.Members = identitiesOf(c)
	for i := range m.peers {
		if p := &m.peers[i]; p.memory != p.saved {
			m.saveMemory(p)
		}
	}
	if m.leaving {
		m.progress.introduceAt = m.now + m.cfg.Node.ResendTimeout
		return
	}
	err := m.node.Reconfigure(m.ids, node.Membership{Epoch: c.Epoch, Voters: c.Voters, Next: c.Next})
	invariant.Check(err == nil, "member: a valid configuration is one of a node")
	for i := range m.peers {
		if p := &m.peers[i]; p.introduction != nil && memoryIn(c, p.id).compare(p.introduction.log()).provesLoss() {
			m.recheck(p) // it was heard before the cluster's memory of it was known
		}
	}
}

// peerOf is the state of a member of a configuration: as it was, with the cluster's
// memory of its log.
func (m *Member) peerOf(x *configuration.Member) peer {
	p := newPeer(x.ID)
	if i := m.peerIndex(x.ID); i >= 0 {
		p = m.peers[i]
	}
	if p.memory.Incarnation == [16]byte{} {
		p.memory.Incarnation = x.Incarnation
	}
	if remembered := memoryIn(m.configuration, x.ID); p.memory.olderThan(remembered) {
		if p.memory.Life != remembered.Life { // it has to show that it goes on from that life
			p.pendingAdmission, p.admittedLives = nil, nil
		}
		p.memory = remembered
	}
	return p
}

// The numbers of the fields of Introduction.More about changes of members.
const (
	moreConfiguration = 2 // a part of the text of the sender's configuration: see chunks
	moreEpoch         = 3 // the sender's; none in the first
	moreJoining       = 4 // the sender is of no cluster, and waits to be added to one
	moreCaughtUp      = 5 // the epoch in which the sender has caught up
	moreCarriedOver   = 6 // the joint epoch in which it has carried over all its keys
	moreEndpoint      = 7 // where the sender serves clients, at most 255 bytes of text
	moreBuild         = 8 // the version of the sender's program, at most 255 bytes of text
)

// shown is the part of an introduction about changes of members.
type shown struct {
	configuration         []byte // text; nil: none
	epoch                 uint32
	joining               bool
	caughtUp, carriedOver uint32 // epochs
	endpoint, build       string
}

// append appends the fields of s to the rest of an introduction.
func (s *shown) append(more []byte) []byte {
	number := func(field byte, v uint32) {
		if v != 0 {
			more = tlv.Append(more, field, binary.AppendUvarint(nil, uint64(v)))
		}
	}
	number(moreEpoch, s.epoch)
	number(moreCaughtUp, s.caughtUp)
	number(moreCarriedOver, s.carriedOver)
	if s.joining {
		more = tlv.Append(more, moreJoining, nil)
	}
	if s.endpoint != "" {
		more = tlv.Append(more, moreEndpoint, []byte(s.endpoint))
	}
	if s.build != "" {
		more = tlv.Append(more, moreBuild, []byte(s.build))
	}
	for part := range slices.Chunk(s.configuration, 255) {
		more = tlv.Append(more, moreConfiguration, part)
	}
	return more
}

// shown returns that part of the introduction. It passes over other fields, and over
// unreadable ones.
func (i *Introduction) shown() (s shown) {
	for more := i.More; len(more) > 0; {
		number, data, rest, ok := tlv.Next(more)
		if !ok {
			return s
		}
		v, n := binary.Uvarint(data)
		if n != len(data) || v > 1<<32-1 {
			v = 0
		}
		switch number {
		case moreConfiguration:
			s.configuration = append(s.configuration, data...)
		case moreEpoch:
			s.epoch = uint32(v)
		case moreJoining:
			s.joining = true
		case moreCaughtUp:
			s.caughtUp = uint32(v)
		case moreCarriedOver:
			s.carriedOver = uint32(v)
		case moreEndpoint:
			s.endpoint = string(data)
		case moreBuild:
			s.build = string(data)
		}
		more = rest
	}
	return s
}

// shownTo is the part of an introduction to a peer about changes of members. It has the
// configuration if the peer is not known to have it.
func (m *Member) shownTo(p *peer) shown {
	s := shown{joining: m.joins(), endpoint: m.endpoint, build: m.build}
	if m.configuration == nil || s.joining { // a joining log that knows it, and not the cluster yet, is to be told both
		return s
	}
	s.epoch = m.configuration.Epoch
	if p == nil || p.introduction == nil || p.introduction.shown().epoch < s.epoch {
		s.configuration = []byte(m.configuration.Text())
	}
	if m.leaving || len(m.disputes) > 0 {
		return s
	}
	if m.node.CaughtUp() {
		s.caughtUp = s.epoch
	}
	if m.node.CarriedOver() {
		s.carriedOver = s.epoch
	}
	return s
}

// takeShown takes the configuration of a peer's introduction, if it is a later one of this
// cluster.
func (m *Member) takeShown(in *Introduction) {
	s := in.shown()
	joins := m.cluster.Stage == Empty && m.cfg.Join
	if in.Stage != Formed || s.epoch <= m.Epoch() && !joins || s.configuration == nil {
		return
	}
	c, err := configuration.Parse(string(s.configuration))
	if err != nil || c.Epoch != s.epoch || m.namesOtherLog(c) {
		return
	}
	switch {
	case m.cluster.Stage == Formed && in.Cluster == m.cluster.ID:
		m.mark(MarkConfigurationTold)
		m.takeConfiguration(c)
	case joins:
		m.join(in.Cluster, c)
	}
}

// namesOtherLog reports whether a configuration has another log of this node: it is of another
// cluster, or somebody lies.
func (m *Member) namesOtherLog(c *configuration.Configuration) bool {
	i := c.Index(m.self.ID)
	return i >= 0 && c.Members[i].Incarnation != configuration.Incarnation{} && c.Members[i].Incarnation != configuration.Incarnation(m.self.Incarnation)
}

// join joins a formed cluster if its configuration has this log.
func (m *Member) join(cluster [16]byte, c *configuration.Configuration) {
	i := c.Index(m.self.ID)
	if i < 0 && c.LastID >= m.self.ID {
		m.fail(m.removedBy(c)) // before it has joined
		return
	}
	if i < 0 || c.Members[i].Incarnation != m.self.Incarnation {
		return
	}
	m.mark(MarkJoinedConfiguration)
	m.takeConfiguration(c)
	m.cluster = Cluster{Formed, cluster, identitiesOf(c)}
	m.saveCluster()
}

// identitiesOf returns the members of a configuration as a cluster's record has them.
func identitiesOf(c *configuration.Configuration) []Identity {
	ids := make([]Identity, len(c.Members))
	for i := range c.Members {
		ids[i] = Identity{c.Members[i].ID, c.Members[i].Incarnation}
	}
	return ids
}

// answerFormer tells a node that is no member, and was one, that it is none: whatever it has
// sent, since it may have nothing else to say. in is what it has introduced itself with; nil: it sent
// something else.
func (m *Member) answerFormer(from node.ID, in *Introduction) {
	last := m.configuration != nil && from <= m.configuration.LastID
	known := in == nil || in.Cluster == m.cluster.ID || in.Stage == Empty && in.shown().joining
	if !m.Ready() || !last || !known || m.formerAnsweredAt > 0 && m.now-m.formerAnsweredAt < m.cfg.Node.ResendTimeout {
		return
	}
	m.formerAnsweredAt = m.now
	answer := m.introduction()
	answer.Cluster, answer.Answer = m.cluster.ID, true
	s := m.shownTo(nil)
	answer.More = s.append(answer.More)
	m.sends = append(m.sends, node.Send{To: from, Message: answer})
}

// compareEpochs has two members that are in different epochs show each other theirs: the
// one that is behind learns the configuration.
func (m *Member) compareEpochs(p *peer, msg node.Message) {
	epoch := uint32(0)
	switch msg := msg.(type) {
	case *node.Proposal:
		epoch = msg.Ballot.Epoch
	case *node.ReadRequest:
		epoch = msg.Read.Epoch()
	}
	if epoch != 0 && epoch != m.Epoch() && p.introductionDue == 0 && m.lifeDurable {
		p.introductionDue, m.pendingWork = max(m.now+1, p.introducedAt+m.cfg.Node.ResendTimeout/4), true
	}
}
