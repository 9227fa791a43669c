package member

import (
	"cmp"
	"slices"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/configuration"
	"github.com/lockstep-dst/lockstep/node/internal/invariant"
)

// handleIntroduction judges a peer by its introduction, this member's memory and
// the testimonies of others, and judges this log by the peer's testimony. Then it
// admits the peer, or answers with an introduction of its own. Testimonies are true
// however late they are: a peer that was rolled back since may remember less.
func (m *Member) handleIntroduction(p *peer, in *Introduction) {
	if m.isOtherLog(p, in) {
		m.refuseOtherLog(p, in)
		return
	}
	p.otherLog, p.saysRemoved = "", false
	m.recordTestimonies(p, in)
	if m.err != nil {
		return
	}
	if p.introduction != nil && in.sentBefore(p.introduction) {
		m.mark(MarkStaleIntroduction)
		if in.Boot < p.introduction.Boot { // maybe an older copy, which must learn of that
			m.answerIntroduction(p, in)
		}
		return
	}
	if p.introduction == nil || p.introduction.Life != in.Life || p.introduction.Stage != in.Stage {
		p.attempts = 0
	}
	p.introduction = in
	m.takeShown(in)
	before := p.rejection
	if p.rejection = m.rejectionReason(p, in); p.rejection == "" {
		m.afterIntroduction(p, in)
	}
	p.rejectionPending = false
	if p.rejection != "" {
		p.pendingAdmission = nil
		if p.memory != p.saved {
			m.saveMemory(p)
		}
		p.rejectionPending = p.syncing // the peer sends again until it is answered
		if p.rejection != before {
			m.notice(Warn, p.id, "refused: %s", p.rejection)
			m.broadcastRejection(p)
		}
	}
	if p.pendingAdmission == nil && !p.rejectionPending {
		m.answerIntroduction(p, in)
	}
}

// afterIntroduction goes on with a peer that is not rejected: to form the cluster,
// or to admit the peer.
func (m *Member) afterIntroduction(p *peer, in *Introduction) {
	switch {
	case m.cluster.Stage != Formed:
		m.advanceFormation(p, in)
	case in.Stage == Formed:
		m.prepareAdmission(p, in)
	}
}

// broadcastRejection sends the others the memory of a rejected peer: they may know
// no better, and be a majority with it.
func (m *Member) broadcastRejection(refused *peer) {
	for i := range m.peers {
		if p := &m.peers[i]; p != refused && p.introduction != nil {
			m.sendIntroduction(p, true)
		}
	}
}

// recordTestimonies takes the testimonies of an introduction. One about this log
// is checked against it. One about another member is recorded if it is the peer's
// own.
func (m *Member) recordTestimonies(p *peer, in *Introduction) {
	for _, t := range in.Known {
		if t.Of == m.self.ID {
			m.checkTestimony(p, t)
			continue
		}
		if i := m.peerIndex(t.Of); i >= 0 && t.By == p.id && m.peers[i].recordTestimony(t) {
			m.recheck(&m.peers[i])
		}
	}
}

// recordTestimony keeps another member's memory of p, and reports whether it is
// new. A member that remembers less than before has lost its memory, or sent this
// earlier: that changes nothing.
func (p *peer) recordTestimony(t Testimony) bool {
	for i := range p.testimonies {
		if known := &p.testimonies[i]; known.By == t.By {
			if !known.Memory.olderThan(t.Memory) {
				return false
			}
			*known = t
			return true
		}
	}
	p.testimonies = append(p.testimonies, t)
	return true
}

// recheck judges a peer again after its introduction, by testimonies that came
// since.
func (m *Member) recheck(p *peer) {
	if p.introduction == nil || p.rejection != "" {
		return
	}
	switch discrepancy, _ := m.worstDiscrepancy(p, p.introduction.log()); {
	case discrepancy.provesLoss():
		p.rejection = m.rejectionReason(p, p.introduction)
		p.pendingAdmission = nil
		m.notice(Warn, p.id, "refused: %s", p.rejection)
		m.broadcastRejection(p)
		m.sendIntroduction(p, true)
	case discrepancy == Stale:
		p.admittedLives, p.pendingAdmission = nil, nil
		m.sendIntroduction(p, false)
	case discrepancy == Unproven:
		m.requestIntroduction(p, p.introduction.Life)
	}
}

// rejectionReason returns why a peer is not admitted. The text stays the same
// while the reason does. It is empty if nothing speaks against the peer, or if
// that depends on lives that it has not shown yet.
func (m *Member) rejectionReason(p *peer, in *Introduction) string {
	joins := in.shown().joining || m.cfg.Join && m.cluster.Stage == Empty
	if ids := idsOf(in.Members); !joins && in.shown().epoch == m.shownEpoch() && !sameIDs(ids, m.ids) && (in.Stage != Formed || len(ids) > 0) {
		return "it was started for members " + formatIDs(ids) + ", and this node for " + formatIDs(m.ids) + ": give all the same"
	}
	if m.cluster.Stage != Formed && in.Stage != Formed {
		if why := m.otherOrigin(in); why != "" {
			return why
		}
	}
	if m.cluster.Stage == Formed && in.Stage != Empty && in.Cluster != m.cluster.ID {
		return "it is of another cluster, formed by other logs"
	}
	discrepancy, t := m.worstDiscrepancy(p, in.log())
	if !discrepancy.provesLoss() {
		return ""
	}
	p.admittedLives = nil // earlier lives too: which of them were genuine is unknown
	m.mark(MarkPeerRejected)
	if discrepancy == OtherLog {
		return "its directory was wiped or replaced: its promises are lost"
	}
	if t.By != m.self.ID {
		m.mark(MarkPeerRejectedOnTestimony)
	}
	return "its directory is an older copy: its promises since are lost"
}

// worstDiscrepancy returns the worst discrepancy between a peer's log and all
// memories of it, this member's, the others' and the cluster's, and the testimony that shows it.
func (m *Member) worstDiscrepancy(p *peer, log Log) (worst Discrepancy, by Testimony) {
	by = Testimony{Of: p.id, By: m.self.ID, Memory: p.memory}
	worst = p.memory.compare(log)
	for _, t := range p.testimonies {
		if c := t.Memory.compare(log); c > worst {
			worst, by = c, t
		}
	}
	// This member takes over what a configuration remembers when it adopts that: a log has to show
	// before that it goes on from there. Later its last lives are enough, unless they prove a loss.
	if told := memoryIn(m.pendingConfiguration, p.id); told.compare(log) > worst {
		worst, by.By, by.Memory = told.compare(log), m.self.ID, told
	}
	if told := memoryIn(m.configuration, p.id); told.compare(log) > worst && told.compare(log).provesLoss() {
		worst, by.By, by.Memory = told.compare(log), m.self.ID, told
	}
	return worst, by
}

// memoryIn is what a configuration remembers of a member's log; zero if nothing, or c is nil.
func memoryIn(c *configuration.Configuration, id node.ID) (known Memory) {
	if c != nil && c.Has(id) {
		known = rememberedIn(&c.Members[c.Index(id)])
	}
	return known
}

// rememberedIn is the memory of a log in a member's entry of a configuration.
func rememberedIn(x *configuration.Member) Memory {
	return Memory{x.Incarnation, x.Boot, x.Life, x.Position}
}

// prepareAdmission has a peer admitted as soon as the memory of its life is
// durable, if its log continues from all that is known of it.
func (m *Member) prepareAdmission(p *peer, in *Introduction) {
	switch discrepancy, _ := m.worstDiscrepancy(p, in.log()); discrepancy {
	case Unproven:
		m.mark(MarkProofRequested)
		return // the answer requests the proof
	case Stale:
		m.mark(MarkStaleIntroduction)
		return
	}
	if p.memory.Boot == in.Boot && p.memory.Life == in.Life {
		m.rememberPosition(p, in.Position)
		if slices.Contains(p.admittedLives, in.Life) {
			return
		}
	} else {
		p.memory = Memory{in.Incarnation, in.Boot, in.Life, in.Position}
	}
	if p.memory != p.saved {
		m.saveMemory(p)
	}
	p.pendingAdmission = in
}

// admit accepts messages of a peer's life from now on: the memory of it is durable.
func (m *Member) admit(p *peer) {
	in := p.pendingAdmission
	invariant.Check(m.lifeDurable && m.durableStage == Formed, "member: a peer is admitted to a cluster that is formed")
	invariant.Check(p.saved.Boot == in.Boot && p.saved.Life == in.Life && p.saved.Incarnation == in.Incarnation, "member: a peer is admitted in the life that is remembered")
	p.pendingAdmission, p.rejection = nil, ""
	if !slices.Contains(p.admittedLives, in.Life) {
		p.admittedLives = append([]uint64{in.Life}, p.admittedLives...)
		for i := len(in.Past) - 1; i >= 0 && len(p.admittedLives) < maxAdmitted; i-- {
			if id := in.Past[i].ID; !slices.Contains(p.admittedLives, id) {
				p.admittedLives = append(p.admittedLives, id)
			}
		}
		p.admittedLives = p.admittedLives[:min(len(p.admittedLives), maxAdmitted)]
		invariant.Check(len(p.admittedLives) > 0 && len(p.admittedLives) <= maxAdmitted, "member: the lives of a peer that are admitted are within their limit")
		m.mark(MarkLifeAdmitted)
		m.observe(Observation{Kind: Admitted, Peer: p.id, Memory: p.saved})
		m.noticeAdmitted(p, in)
	}
	m.answerIntroduction(p, in)
}

// answerIntroduction answers an introduction with the member's own. A member that
// lacks an introduction requests it by sending its own, again and again, so that a
// lost message costs a delay only. Two introductions that cross need no answers.
// An answer is answered only if it shows that the peer remembers a life of this
// log that it has not been shown.
func (m *Member) answerIntroduction(p *peer, in *Introduction) {
	lately := m.cfg.Node.ResendTimeout / 4
	if in.Answer {
		lately = m.cfg.Node.ResendTimeout
	}
	crossing := p.introducedAt > 0 && m.now-p.introducedAt < lately
	if life := m.requestedLife(p, in); !crossing && (!in.Answer || life != 0 && life != p.shownLife) {
		p.shownLife = life
		m.sendIntroduction(p, true)
		return
	}
	m.scheduleIntroduction(p)
}

// requestIntroduction requests the introduction of a peer that sends messages in a
// life that is not admitted: the introduction was lost. It is not requested of a log
// that is refused.
func (m *Member) requestIntroduction(p *peer, life uint64) {
	refused := p.rejection != "" && p.introduction != nil && p.introduction.Life == life
	if m.lifeDurable && !refused && p.pendingAdmission == nil && p.introductionDue == 0 {
		p.introductionDue, m.pendingWork = max(m.now+1, p.introducedAt+m.cfg.Node.ResendTimeout), true
	}
}

// requestedLife returns a life of this log that the testimonies in p's
// introduction name and that introductions do not list by default; 0 if there is
// none, or p has admitted the current life.
func (m *Member) requestedLife(p *peer, in *Introduction) (life uint64) {
	log := m.log()
	log.Past, log.Complete = m.latestLives(), false
	for _, t := range in.Known {
		switch {
		case t.Of != m.self.ID:
		case t.By == p.id && t.Memory.Life == m.life.ID:
			return 0
		case t.Memory.compare(log) == Unproven:
			life = t.Memory.Life
		}
	}
	return life
}

// sendIntroductions sends an introduction to every peer.
func (m *Member) sendIntroductions() {
	for i := range m.peers {
		m.sendIntroduction(&m.peers[i], false)
	}
}

// sendIntroduction sends an introduction to p.
func (m *Member) sendIntroduction(p *peer, answer bool) {
	invariant.Check(m.lifeDurable, "member: a life is shown only when it is durable")
	in := m.introduction()
	in.Past, in.Known, in.Answer = m.livesFor(p), m.testimoniesFor(p), answer
	switch {
	case m.durableStage == Empty:
		for _, id := range m.ids {
			in.Members = append(in.Members, Identity{ID: id})
		}
	case m.durableStage == Bound || p.introduction != nil && p.introduction.Stage != Formed:
		in.Members = m.cluster.Members
		fallthrough
	default:
		in.Cluster = m.cluster.ID
	}
	if m.durableStage != Formed {
		in.More = originOf(m.node.Origin()).append(in.More)
	}
	s := m.shownTo(p)
	in.More = s.append(in.More)
	m.sends = append(m.sends, node.Send{To: p.id, Message: in})
	p.introducedAt = m.now
	m.scheduleIntroduction(p)
}

// introduction is the part of an introduction that is the same for all.
func (m *Member) introduction() *Introduction {
	return &Introduction{
		Incarnation: m.self.Incarnation, Boot: m.life.Boot, Life: m.life.ID, Position: uint64(m.node.Durable()),
		Stage: m.durableStage, Abstains: len(m.disputes) > 0,
	}
}

// latestLives returns the lives that every introduction lists: in most cases a
// peer remembers one of them.
func (m *Member) latestLives() []Life { return m.pastLives[max(0, len(m.pastLives)-maxLatestLives):] }

const maxLatestLives = 3

// livesFor returns the lives that an introduction to p lists: the latest, and the
// lives named in the testimonies of p's introduction.
func (m *Member) livesFor(p *peer) []Life {
	latest := m.latestLives()
	if p.introduction == nil || len(latest) == len(m.pastLives) {
		return latest
	}
	var more []Life
	for _, t := range p.introduction.Known {
		i, found := slices.BinarySearchFunc(m.pastLives[:len(m.pastLives)-len(latest)], t.Memory.Boot,
			func(l Life, boot uint64) int { return cmp.Compare(l.Boot, boot) })
		if found && t.Of == m.self.ID && !slices.Contains(more, m.pastLives[i]) && len(more)+len(latest) < MaxPast {
			more = append(more, m.pastLives[i])
		}
	}
	slices.SortFunc(more, func(a, b Life) int { return cmp.Compare(a.Boot, b.Boot) })
	return append(more, latest...)
}

// testimoniesFor returns the testimonies of an introduction to p: this member's
// about all peers, and the others' about p. A memory of an incarnation alone is
// left out unless it is about p: all know it from the cluster's record.
func (m *Member) testimoniesFor(p *peer) []Testimony {
	list := make([]Testimony, 0, len(m.peers)+len(p.testimonies))
	for i := range m.peers {
		if q := &m.peers[i]; q.durable.Boot != 0 || q == p && q.durable != (Memory{}) {
			list = append(list, Testimony{Of: q.id, By: m.self.ID, Memory: q.durable})
		}
	}
	return append(list, p.testimonies...)
}

// scheduleIntroduction sets when p gets the next introduction, unless all that p
// could show is known.
func (m *Member) scheduleIntroduction(p *peer) {
	behind := p.introduction != nil && p.introduction.shown().epoch < m.shownEpoch()
	known := !behind && p.introduction != nil && (p.rejection != "" || p.introduction.Abstains || p.pendingAdmission != nil || slices.Contains(p.admittedLives, p.introduction.Life))
	if known && m.durableStage == Formed {
		p.introductionDue = 0
		return
	}
	if p.introductionDue == 0 {
		p.introductionDue = m.now + m.cfg.Node.ResendTimeout<<min(p.attempts, 10)
	}
}
