package node

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/node/configuration"
)

// Level is a format level of a build: which messages it understands. Each level has all of
// the ones before. Two nodes use the lower of their levels, connection by connection, so
// the nodes of a cluster may be of different builds while it is upgraded, or downgraded.
type Level uint8

// The levels. A build with new messages adds one.
const (
	LevelCBOR       Level = 1 + iota // messages in CBOR or JSON
	LevelBinary                      // in the codecs that are listed when a connection begins
	LevelExtensions                  // extended accepts, commits without a value, the reasons quota and base-not-held
	LevelMembers                     // changes of members: the register of the configuration, and fields of introductions

	LatestLevel = LevelMembers
)

// String is the level as a number.
func (l Level) String() string { return fmt.Sprintf("level %d", uint8(l)) }

// AtLevel returns m in the form for a receiver of a level: as it is, for nearly all
// messages and the latest level, or another message that means the same. It returns nil for
// a message for which that receiver has no use, and which it would take for an attack.
func AtLevel(m Message, l Level) Message {
	if l >= LatestLevel {
		return m
	}
	if key, _ := m.About(); key == configuration.Key { // nothing is chosen there before all members are of the level
		return nil
	}
	if l >= LevelExtensions {
		return m
	}
	switch m := m.(type) {
	case *Reject:
		return m.atLevel()
	case *Reply:
		if m.Reason == QuotaReached {
			r := *m
			r.Reason = Overloaded
			return &r
		}
	}
	return InFull(m)
}

// atLevel is AtLevel for a receiver without extensions. Any reason but a stale ballot says
// the same to it; and it has sent nothing that lacks a base, or has meanwhile been replaced
// by an earlier build.
func (j *Reject) atLevel() Message {
	switch j.Reason {
	case BaseNotHeld:
		return nil
	case QuotaReached:
		r := *j
		r.Reason = Overloaded
		return &r
	}
	return j
}
