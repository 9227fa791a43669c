package session

import (
	"time"

	"github.com/lockstep-dst/lockstep/node/op"
)

// Exchange is the end of one attempt, as its connection shows it. Each attempt has
// one.
type Exchange struct {
	Attempt   uint32
	Reply     *op.Reply // nil: there is none
	NeverSent bool      // without a reply: the request certainly did not leave
}

// EndExchange takes the end of an attempt: a reply, a failure to send, or a loss
// after which the attempt may take effect.
func (c *Call) EndExchange(now time.Duration, e Exchange) Action {
	switch {
	case e.Reply != nil:
		return c.Reply(now, e.Reply)
	case e.NeverSent:
		return c.SendFailed(now, e.Attempt)
	}
	return c.Lost(now, e.Attempt)
}
