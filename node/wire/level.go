package wire

import (
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/member"
)

// AtLevel is node.AtLevel, for introductions as well.
func AtLevel(m node.Message, l node.Level) node.Message {
	if in, ok := m.(*member.Introduction); ok {
		if in = in.AtLevel(l); in == nil {
			return nil
		}
		return in
	}
	return node.AtLevel(m, l)
}
