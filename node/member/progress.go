package member

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/configuration"
	"github.com/lockstep-dst/lockstep/node/hash64"
)

// progress is the state of a member's part in the change that is under way. An epoch
// begins with none.
type progress struct {
	wanted      *configuration.Configuration // the successor that an operator wants; nil: none
	proposeAt   time.Duration                // when this member proposes next; 0: nothing is to be proposed
	introduceAt time.Duration                // when it introduces itself again; 0: not for a change
	attempts    int                          // to have one chosen, or to find out whether one was
	showsDone   bool                         // it has shown that it has caught up, or carried over its keys
}

// Change has the member propose a change of members that an operator asks for, from the
// next step on. It returns an error, and does nothing, if the change cannot be made from
// the present configuration, or another one that was asked for is not made yet. Whether it was made shows in the configuration.
func (m *Member) Change(x configuration.Change) error {
	if !m.Ready() {
		return fmt.Errorf("%w: this node takes no part: %v", configuration.ErrChange, m.Status().NotReadyReasons)
	}
	if asked := cmp.Or(m.progress.wanted, m.pendingConfiguration); asked != nil {
		return fmt.Errorf("%w: another change, to %v, is under way: wait until the members show it", configuration.ErrChange, asked)
	}
	if err := m.checkLevels(); err != nil {
		return err
	}
	next, err := m.current().Apply(x)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(next.Members, func(x configuration.Member) bool {
		return x.Incarnation == configuration.Incarnation{} && next.Votes(x.ID)
	}); i >= 0 {
		return fmt.Errorf("%w: node %d has not introduced itself yet: start it", configuration.ErrChange, next.Members[i].ID)
	}
	m.progress.wanted, m.progress.proposeAt, m.pendingWork = next, max(m.now, 1), true
	return nil
}

// isHeard reports whether the peer has shown what it did in a life that is admitted. The word
// of an older copy says nothing: it has carried over the few keys that it has.
func (p *peer) isHeard() bool {
	in := p.introduction
	return in != nil && !in.Abstains && slices.Contains(p.admittedLives, in.Life)
}

// known is the knowledge of this member that decides the next step.
func (m *Member) known() (k configuration.Known) {
	epoch := m.Epoch()
	for i := range m.peers {
		p := &m.peers[i]
		in := p.introduction
		if in == nil || p.rejection != "" {
			continue
		}
		s := in.shown()
		if in.Stage == Empty && s.joining {
			if k.Incarnations == nil {
				k.Incarnations = map[node.ID]configuration.Incarnation{}
			}
			k.Incarnations[p.id] = in.Incarnation
		}
		if !p.isHeard() {
			continue
		}
		if s.caughtUp == epoch {
			k.CaughtUp = append(k.CaughtUp, p.id)
		}
		if s.carriedOver == epoch {
			k.CarriedOver = append(k.CarriedOver, p.id)
		}
		if s.epoch == epoch {
			k.InEpoch = append(k.InEpoch, p.id)
		}
	}
	k.InEpoch = append(k.InEpoch, m.self.ID)
	if m.node.CarriedOver() {
		k.CarriedOver = append(k.CarriedOver, m.self.ID)
	}
	return k
}

// takesPartInChange reports whether the member has anything to do for a change now.
func (m *Member) takesPartInChange() bool {
	return m.Ready() && m.pendingConfiguration == nil && (m.configuration != nil || m.progress.wanted != nil || m.node.MembershipUndecided())
}

// advanceChange proposes the next configuration if one is due, and shows the others this
// member's part in it.
func (m *Member) advanceChange() {
	if m.leaving && m.lifeDurable {
		m.tellOthers()
		return
	}
	if !m.takesPartInChange() {
		return
	}
	m.node.CarryOn()
	m.showDone()
	next, settles := m.next()
	switch {
	case next == nil && !settles:
		m.progress.proposeAt, m.progress.attempts = 0, 0
	case m.progress.proposeAt == 0: // the voters take turns
		turn := slices.Index(m.current().Voters, m.self.ID)
		if settles { // word of it may be on its way
			turn += 2
		}
		m.progress.proposeAt = m.now + 1 + time.Duration(turn)*m.cfg.Node.ResendTimeout
	case m.progress.proposeAt <= m.now:
		m.progress.proposeAt = m.now + time.Duration(len(m.ids))*m.cfg.Node.ResendTimeout + m.pauseOfChange()
		if settles {
			m.settle()
			return
		}
		m.mark(MarkConfigurationProposed)
		m.remember(next)
		m.node.ProposeMembership(next.Text(), uint64(next.Epoch)-configuration.First-1)
	}
}

// pauseOfChange is a part of the time until the next attempt. It grows, and is random: where a
// round takes longer than a turn, the rounds of the members stop each other.
func (m *Member) pauseOfChange() time.Duration {
	span := uint64(m.cfg.Node.ResendTimeout) << min(m.progress.attempts, 6)
	m.progress.attempts++
	return time.Duration(hash64.Keyed(m.cfg.Node.Jitter, m.life.Boot, "", uint64(m.now)) % span)
}

// settle has a round find out whether a configuration was chosen.
func (m *Member) settle() {
	m.mark(MarkConfigurationSettled)
	m.node.SettleMembership()
}

// next is the configuration that this member is to propose; nil if there is none. settles reports
// that it is to find out instead whether one was chosen already.
func (m *Member) next() (c *configuration.Configuration, settles bool) {
	votes := m.configuration == nil || slices.Contains(m.configuration.Voters, m.self.ID)
	if c = m.progress.wanted; c == nil && votes && m.configuration != nil {
		c = m.configuration.Progress(m.known())
	}
	return c, c == nil && votes && m.node.MembershipUndecided()
}

// tellOthers has a leaving member introduce itself, again and again, until it can end.
func (m *Member) tellOthers() {
	if m.checkLeft(); m.err == nil && m.progress.introduceAt <= m.now {
		m.sendIntroductions()
		m.progress.introduceAt = m.now + 4*m.cfg.Node.ResendTimeout
	}
}

// remember writes this member's durable memories of the members' logs into a configuration:
// so all that adopt it have them, also a member that has met none of the others.
func (m *Member) remember(c *configuration.Configuration) {
	for i := range c.Members {
		x := &c.Members[i]
		own := Memory{m.self.Incarnation, m.life.Boot, m.life.ID, uint64(m.node.Durable())}
		if j := m.peerIndex(x.ID); j >= 0 {
			own = m.peers[j].durable
		}
		if known := rememberedIn(x); own.Incarnation == x.Incarnation && known.olderThan(own) {
			x.Boot, x.Life, x.Position = own.Boot, own.Life, own.Position
		}
	}
}

// showDone introduces this member again and again, until the epoch ends, if it is a learner
// that is to be promoted, or the epoch is joint: at once when it has caught up or carried over its keys.
func (m *Member) showDone() {
	c := m.configuration
	if c == nil {
		return
	}
	if !c.Joint() && (c.Votes(m.self.ID) || !c.Members[c.Index(m.self.ID)].Promote) {
		m.progress.introduceAt = 0
		return
	}
	done := m.node.CarriedOver() || !c.Joint() && m.node.CaughtUp()
	if done && !m.progress.showsDone || m.progress.introduceAt > 0 && m.progress.introduceAt <= m.now {
		m.progress.showsDone = done
		m.sendIntroductions()
		m.progress.introduceAt = m.now + 4*m.cfg.Node.ResendTimeout
	} else if !done || m.progress.introduceAt == 0 {
		m.progress.introduceAt = m.now + m.cfg.Node.ResendTimeout
	}
}
