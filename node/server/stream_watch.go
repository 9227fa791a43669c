package server

import (
	"errors"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/service"
	"github.com/lockstep-dst/lockstep/node/watch"
)

// streamWatch is an unfinished watch of a stream. It pulls changes from the service
// when its client has credit for all earlier ones.
type streamWatch struct {
	ticket   service.Ticket
	follower *service.Follower
	begun    bool
	pulled   bool          // an update will come
	waiting  []watch.Event // for credit
	ended    bool          // with code and text, after waiting
	code     node.Reason
	text     string
}

func newStreamWatch(t service.Ticket, q *service.Query) *streamWatch {
	w := &streamWatch{ticket: t}
	w.follower = service.NewFollower(q, func(e watch.Event) {
		if e.Transition != nil { // its memory is used again
			copied := *e.Transition
			e.Transition = &copied
		}
		w.waiting = append(w.waiting, e)
	})
	return w
}

// update takes an update of the service.
func (c *streamConn) update(id uint64, w *streamWatch, u *service.Update) {
	switch {
	case u.Refused != nil:
		delete(c.watches, id)
		c.end.Refuse(id, u.Refused.Reason, refusalText(u))
		return
	case !w.begun:
		w.begun = true
		c.end.Begin(id)
	default:
		w.pulled = false
		w.follower.Take(u)
		if w.ended = u.End != service.NotEnded; w.ended {
			w.code, w.text = endOf(u.End, u.Cause)
		}
	}
	c.pump(id, w)
}

// refusalText explains to people why a watch does not begin.
func refusalText(u *service.Update) string {
	switch {
	case u.Err != nil:
		return u.Err.Error()
	case u.Refused.Reason == node.Abstains:
		return errAbstains.Error()
	}
	return failureText(&node.Request{Key: u.Refused.Key}, u.Refused)
}

var errAbstains = errors.New("this node takes no part, and others may")

// pump sends the events of a watch as far as its credit goes, and then pulls more.
func (c *streamConn) pump(id uint64, w *streamWatch) {
	n := c.end.Changes(id, w.waiting)
	if w.waiting = w.waiting[n:]; len(w.waiting) > 0 || !w.begun {
		return
	}
	w.waiting = nil
	switch {
	case w.ended:
		delete(c.watches, id)
		c.end.End(id, w.code, w.text)
	case !w.pulled:
		w.pulled = true
		c.batch = append(c.batch, clientEvent{Event: service.Event{Kind: service.Pull, Ticket: w.ticket}})
	}
}

// endWatches ends all watches. The service drops them when the stream ends.
func (c *streamConn) endWatches(code node.Reason, text string) {
	for id, w := range c.watches {
		if !w.begun {
			c.end.Refuse(id, code, text)
			continue
		}
		c.end.End(id, code, text)
	}
	clear(c.watches)
}
