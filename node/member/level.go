package member

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/configuration"
)

// The members of a cluster may be of different builds. A build of a level below
// node.LevelMembers does not know that members change: it takes part in the first epoch
// alone, refuses the ballots of later ones, and does not start with a log that has the
// register of the configuration. So the first change is made only when all members are known
// to be of the level. It ends the time in which the cluster can be downgraded below it.

// levelsNote is the name of the note with the levels of the peers' builds. A build is known
// by it also while its node is down.
const levelsNote = "levels"

// AtLevel returns i for a receiver of a level; nil if that one cannot read it. Builds before
// changes of members pass over More, refuse a long one, and know fewer members.
func (i *Introduction) AtLevel(l node.Level) *Introduction {
	switch {
	case l >= node.LevelMembers:
		return i
	case len(i.Members) > node.MaxMembers:
		return nil
	}
	short := *i
	short.More = nil
	return &short
}

// noteLevel notes the level of a peer's build, of which a message has come. It is written
// down a while later, together with others: a stranger in the peer's name may change it often.
func (m *Member) noteLevel(p *peer, l node.Level) {
	if l == 0 || l == p.level {
		return
	}
	if p.level = l; m.levelsDue == 0 {
		m.levelsDue, m.pendingWork = m.now+m.cfg.RememberDelay, true
	}
}

// saveLevels writes the levels to the log, unless no change asks for them any more.
func (m *Member) saveLevels() {
	if m.levelsDue = 0; m.configuration != nil {
		return
	}
	f := m.scratch[:0]
	for i := range m.peers {
		if p := &m.peers[i]; p.level != 0 {
			f.nested(fieldItem, func(f *noteFields) {
				f.number(fieldNode, uint64(p.id))
				f.number(fieldLevel, uint64(p.level))
			})
		}
	}
	m.setNote(levelsNote, f)
}

// loadLevels reads the note, in the step in which the node has booted.
func (m *Member) loadLevels() error {
	return decodeNote(levelsNote, m.node.Note(levelsNote), func(number byte, data []byte) bool {
		if number != fieldItem {
			return true
		}
		var id, level uint64
		ok := decodeFields(data, func(number byte, data []byte) bool {
			switch number {
			case fieldNode:
				return decodeNumber(data, &id)
			case fieldLevel:
				return decodeNumber(data, &level)
			}
			return true
		})
		if i := m.peerIndex(node.ID(id)); i >= 0 {
			m.peers[i].level = node.Level(min(level, 1<<8-1))
		}
		return ok
	})
}

// checkLevels returns an error if a member is not known to be of a build that knows that
// members change. In a later epoch than the first all of them are.
func (m *Member) checkLevels() error {
	if m.cfg.Level == 0 || m.configuration != nil {
		return nil
	}
	if m.cfg.Level < node.LevelMembers {
		return fmt.Errorf("%w: this node's build does not know changes of members", configuration.ErrChange)
	}
	for i := range m.peers {
		p := &m.peers[i]
		if p.level >= node.LevelMembers {
			continue
		}
		m.mark(MarkChangeAwaitsLevel)
		return fmt.Errorf("%w: node %d is not known to run a build that knows changes of members: start the one of this node there, "+
			"in an empty directory if its own is lost, and ask again", configuration.ErrChange, p.id)
	}
	return nil
}
