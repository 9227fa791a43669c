package member

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/node"
)

// Level is the severity of a notice.
type Level uint8

// The levels.
const (
	Info     Level = iota // as it should be
	Warn                  // something is wrong with a peer
	Critical              // something is wrong with this node
)

// Notice is something that an operator should know.
type Notice struct {
	Level Level
	Peer  node.ID // 0: none
	Text  string

	AdmittedLife uint64 // of Peer, from now on; 0: the notice is about something else
}

func (m *Member) notice(level Level, peer node.ID, format string, args ...any) {
	if m.cfg.Notify != nil {
		m.cfg.Notify(Notice{Level: level, Peer: peer, Text: fmt.Sprintf(format, args...)})
	}
}

func (m *Member) noticeAdmitted(p *peer, in *Introduction) {
	if m.cfg.Notify != nil {
		m.cfg.Notify(Notice{Level: Info, Peer: p.id, Text: fmt.Sprintf("introduced: boot %d", in.Boot), AdmittedLife: in.Life})
	}
}
