package member

import (
	"cmp"
	"slices"

	"github.com/lockstep-dst/lockstep/node"
)

// meet hears a peer's introduction: it is judged by what is remembered here and
// what others say, and this log by what the peer remembers. Then the peer is
// admitted, or told what is missing.
func (m *Member) meet(p *peer, in *Introduction) {
	if p.last != nil && in.before(p.last) {
		m.mark(MarkLateIntroduction)
		if in.Boot < p.last.Boot { // or it is an older copy, which has to be told
			m.answer(p, in)
		}
		return
	}
	if p.last == nil || p.last.Life != in.Life || p.last.Stage != in.Stage {
		p.tries = 0
	}
	p.last = in
	m.listen(p, in)
	if m.err != nil {
		return
	}
	before := p.trouble
	if p.trouble = m.objection(p, in); p.trouble == "" {
		m.consent(p, in)
	}
	p.untold = false
	if p.trouble != "" {
		p.waiting = nil
		if p.memory != p.saved {
			m.saveMemory(p)
		}
		p.untold = p.syncing // it asks again until it is answered
		if p.trouble != before {
			m.notice(Warn, p.id, "refused: %s", p.trouble)
			m.spread(p)
		}
	}
	if p.waiting == nil && !p.untold {
		m.answer(p, in)
	}
}

// consent does what an introduction allows against which nothing speaks.
func (m *Member) consent(p *peer, in *Introduction) {
	switch {
	case m.cluster.Stage != Formed:
		m.gather(p, in)
	case in.Stage == Formed:
		m.welcome(p, in)
	}
}

// spread tells the others what is remembered of a peer that was refused: they may
// be a majority with it that knows no better.
func (m *Member) spread(refused *peer) {
	for i := range m.peers {
		if p := &m.peers[i]; p != refused && p.last != nil {
			m.introduce(p, true)
		}
	}
}

// listen takes what a peer remembers: of this log, which is judged by it, and of
// others.
func (m *Member) listen(p *peer, in *Introduction) {
	for _, t := range in.Known {
		if t.Of == m.own.ID {
			m.judge(p.id, t)
			continue
		}
		if i := m.place(t.Of); i >= 0 && t.By == p.id && m.peers[i].hear(t) {
			m.reconsider(&m.peers[i])
		}
	}
}

// hear keeps what another member remembers of p, and reports whether that is new.
// A member that remembers less than before has forgotten it, or said it earlier.
func (p *peer) hear(t Testimony) bool {
	for i := range p.hearsay {
		if known := &p.hearsay[i]; known.By == t.By {
			if !known.Memory.before(t.Memory) {
				return false
			}
			*known = t
			return true
		}
	}
	p.hearsay = append(p.hearsay, t)
	return true
}

// reconsider judges a peer that was met before by what others have told since.
func (m *Member) reconsider(p *peer) {
	if p.last == nil || p.trouble != "" {
		return
	}
	switch charge, _ := m.charge(p, p.last.log()); {
	case charge.proves():
		p.trouble = m.objection(p, p.last)
		p.waiting = nil
		m.notice(Warn, p.id, "refused: %s", p.trouble)
		m.spread(p)
		m.introduce(p, true)
	case charge == Stale:
		p.admitted, p.waiting = nil, nil
		m.introduce(p, false)
	case charge == Unproven:
		m.ask(p)
	}
}

// objection is why a peer is not admitted, in words that stay the same while the
// reason does; empty if nothing speaks against it, or may not when it has said more.
func (m *Member) objection(p *peer, in *Introduction) string {
	if ids := idsOf(in.Members); !same(ids, m.ids) && (in.Stage != Formed || len(ids) > 0) {
		return "it was started for members " + lists(ids) + ", and this node for " + lists(m.ids) + ": give all the same"
	}
	if m.cluster.Stage == Formed && in.Stage != Empty && in.Cluster != m.cluster.ID {
		return "it is of another cluster, formed by other logs"
	}
	charge, t := m.charge(p, in.log())
	if !charge.proves() {
		return ""
	}
	p.admitted = nil // of its earlier lives too: which of them were true cannot be told
	m.mark(MarkRefused)
	if charge == OtherLog {
		return "its directory was wiped or replaced, and with it what it promised"
	}
	if t.By != m.own.ID {
		m.mark(MarkHearsay)
	}
	return "an older copy was put in the place of its directory: what it promised since is lost"
}

// charge is what weighs most against a peer's log, of all that is remembered of
// it here or told by others.
func (m *Member) charge(p *peer, log Log) (worst Charge, by Testimony) {
	by = Testimony{Of: p.id, By: m.own.ID, Memory: p.memory}
	worst = p.memory.against(log)
	for _, t := range p.hearsay {
		if c := t.Memory.against(log); c > worst {
			worst, by = c, t
		}
	}
	return worst, by
}

// welcome admits a peer as soon as it is durable that it was met, if its log goes on
// from all that is known of it.
func (m *Member) welcome(p *peer, in *Introduction) {
	switch charge, _ := m.charge(p, in.log()); charge {
	case Unproven:
		m.mark(MarkUnproven)
		return // it is asked by the answer
	case Stale:
		m.mark(MarkLateIntroduction)
		return
	}
	if p.memory.Boot == in.Boot && p.memory.Life == in.Life {
		m.remember(p, in.Position)
		if slices.Contains(p.admitted, in.Life) {
			return
		}
	} else {
		p.memory = Memory{in.Incarnation, in.Boot, in.Life, in.Position}
	}
	if p.memory != p.saved {
		m.saveMemory(p)
	}
	p.waiting = in
}

// admit begins to hear a peer's life, which is remembered durably now.
func (m *Member) admit(p *peer) {
	in := p.waiting
	p.waiting, p.trouble = nil, ""
	if !slices.Contains(p.admitted, in.Life) {
		p.admitted = append([]uint64{in.Life}, p.admitted...)
		for i := len(in.Past) - 1; i >= 0 && len(p.admitted) < maxAdmitted; i-- {
			if id := in.Past[i].ID; !slices.Contains(p.admitted, id) {
				p.admitted = append(p.admitted, id)
			}
		}
		p.admitted = p.admitted[:min(len(p.admitted), maxAdmitted)]
		m.mark(MarkAdmitted)
		m.fact(Fact{Kind: Admitted, Peer: p.id, Memory: p.saved})
		m.notice(Info, p.id, "introduced: boot %d", in.Boot)
	}
	m.answer(p, in)
}

// answer introduces the member to one that has introduced itself. Whoever lacks an
// introduction asks for it by its own, again and again, so that what is lost
// costs a delay. Two that introduce themselves at the same time need no answers,
// and an answer needs one only if it shows that the peer remembers a life of
// which it was not told.
func (m *Member) answer(p *peer, in *Introduction) {
	lately := m.cfg.Node.RetryDelay / 4
	if in.Answer {
		lately = m.cfg.Node.RetryDelay
	}
	crossing := p.sentAt > 0 && m.now-p.sentAt < lately
	if life := m.asked(p, in); !crossing && (!in.Answer || life != 0 && life != p.shown) {
		p.shown = life
		m.introduce(p, true)
		return
	}
	m.schedule(p)
}

// ask asks a peer to introduce itself, which speaks in a life that is not heard:
// its introduction was lost.
func (m *Member) ask(p *peer) {
	if m.open && p.trouble == "" && p.waiting == nil && p.due == 0 {
		p.due, m.busy = max(m.now+1, p.sentAt+m.cfg.Node.RetryDelay), true
	}
}

// asked is a life of this log that an introduction of p remembers and that is not
// told of unasked; 0 if there is none, or p has admitted this life.
func (m *Member) asked(p *peer, in *Introduction) (life uint64) {
	log := m.log()
	log.Past, log.Whole = m.latest(), false
	for _, t := range in.Known {
		switch {
		case t.Of != m.own.ID:
		case t.By == p.id && t.Memory.Life == m.life.ID:
			return 0
		case t.Memory.against(log) == Unproven:
			life = t.Memory.Life
		}
	}
	return life
}

// introduceToAll introduces the member to all peers, now.
func (m *Member) introduceToAll() {
	for i := range m.peers {
		m.introduce(&m.peers[i], false)
	}
}

// introduce sends an introduction to p.
func (m *Member) introduce(p *peer, answer bool) {
	in := &Introduction{
		Incarnation: m.own.Incarnation, Boot: m.life.Boot, Life: m.life.ID, Position: uint64(m.node.Durable()),
		Stage: m.joined, Past: m.shown(p), Known: m.testimonies(p), Answer: answer, Abstains: len(m.disputes) > 0,
	}
	switch {
	case m.joined == Empty:
		for _, id := range m.ids {
			in.Members = append(in.Members, Identity{ID: id})
		}
	case m.joined == Bound || p.last != nil && p.last.Stage != Formed:
		in.Members = m.cluster.Members
		fallthrough
	default:
		in.Cluster = m.cluster.ID
	}
	m.sends = append(m.sends, node.Send{To: p.id, Message: in})
	p.sentAt = m.now
	m.schedule(p)
}

// latest are the lives that everybody is told of: mostly a peer was met in one of
// them.
func (m *Member) latest() []Life { return m.past[max(0, len(m.past)-shownLives):] }

const shownLives = 3

// shown are the lives that p is told of: the latest, and those that by its account
// it or others remember.
func (m *Member) shown(p *peer) []Life {
	latest := m.latest()
	if p.last == nil || len(latest) == len(m.past) {
		return latest
	}
	var more []Life
	for _, t := range p.last.Known {
		i, found := slices.BinarySearchFunc(m.past[:len(m.past)-len(latest)], t.Memory.Boot,
			func(l Life, boot uint64) int { return cmp.Compare(l.Boot, boot) })
		if found && t.Of == m.own.ID && !slices.Contains(more, m.past[i]) && len(more)+len(latest) < MaxPast {
			more = append(more, m.past[i])
		}
	}
	slices.SortFunc(more, func(a, b Life) int { return cmp.Compare(a.Boot, b.Boot) })
	return append(more, latest...)
}

// testimonies are what p is told of what is remembered: here of all, and by
// others of p. Whose incarnation alone is known need not be told of others: all
// know that from the cluster.
func (m *Member) testimonies(p *peer) []Testimony {
	list := make([]Testimony, 0, len(m.peers)+len(p.hearsay))
	for i := range m.peers {
		if q := &m.peers[i]; q.durable.Boot != 0 || q == p && q.durable != (Memory{}) {
			list = append(list, Testimony{Of: q.id, By: m.own.ID, Memory: q.durable})
		}
	}
	return append(list, p.hearsay...)
}

// schedule sets when p is introduced to again, unless all is known that it could
// say.
func (m *Member) schedule(p *peer) {
	known := p.last != nil && (p.trouble != "" || p.last.Abstains || p.waiting != nil || slices.Contains(p.admitted, p.last.Life))
	if known && m.joined == Formed {
		p.due = 0
		return
	}
	if p.due == 0 {
		p.due = m.now + m.cfg.Node.RetryDelay<<min(p.tries, 10)
	}
}
