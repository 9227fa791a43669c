package streamserver

import (
	"maps"
	"slices"

	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/service"
	"github.com/lockstep-dst/lockstep/node/stream"
	"github.com/lockstep-dst/lockstep/node/watch"
)

// streamWatch is an unfinished watch. It pulls changes from the service when its client
// has had credit for all earlier ones.
type streamWatch struct {
	ticket   service.Ticket
	follower *service.Follower
	begun    bool
	pulled   bool          // an update will come
	waiting  []watch.Event // for credit
}

// watch has the service begin a watch, or refuses it.
func (c *Conn) watch(e *stream.ServerEvent) {
	q := &service.Query{Selection: e.Selection}
	if err := prepareWatch(q); err != nil {
		c.end.Refuse(e.ID, op.BadRequest, err.Error())
		return
	}
	if code, text := c.cfg.Gate.Watch(); code != "" {
		c.end.Refuse(e.ID, code, text)
		return
	}
	w := &streamWatch{ticket: c.cfg.Ticket()}
	w.follower = service.NewFollower(q, func(e watch.Event) {
		if e.Transition != nil { // its memory is used again
			copied := *e.Transition
			e.Transition = &copied
		}
		w.waiting = append(w.waiting, e)
	})
	c.watches[e.ID] = w
	c.cfg.Emit(service.Event{Kind: service.Watch, Ticket: w.ticket, Query: q}, e.ID)
}

// Update takes an update of the service for a watch, unless that is finished. text
// explains a refusal to people.
func (c *Conn) Update(exchange uint64, u *service.Update, text string) {
	w := c.watches[exchange]
	switch {
	case w == nil:
		return
	case u.Refused != nil:
		c.forgetWatch(exchange)
		c.end.Refuse(exchange, u.Refused.Reason, text)
		return
	case !w.begun && u.End == service.NotEnded:
		w.begun = true
		c.end.Begin(exchange)
	default:
		w.pulled = false
		w.follower.Take(u)
	}
	if u.End == service.NotEnded {
		c.pump(exchange, w)
		return
	}
	c.end.Changes(exchange, w.waiting)
	code, why := u.End.Explain(u.Cause)
	c.endWatch(exchange, w, code, why)
}

// pump sends the events of a watch as far as its credit goes, and then pulls more.
func (c *Conn) pump(exchange uint64, w *streamWatch) {
	n := c.end.Changes(exchange, w.waiting)
	if w.waiting = w.waiting[n:]; len(w.waiting) > 0 || !w.begun {
		return
	}
	w.waiting = nil
	if !w.pulled {
		w.pulled = true
		c.cfg.Emit(service.Event{Kind: service.Pull, Ticket: w.ticket}, 0)
	}
}

// endWatch ends a watch. Events that wait for credit are left out: its client resumes
// from the last that it has received, and a client that gives no credit keeps no place.
func (c *Conn) endWatch(exchange uint64, w *streamWatch, code op.Reason, text string) {
	c.forgetWatch(exchange)
	if w.begun {
		c.end.End(exchange, code, text)
	} else {
		c.end.Refuse(exchange, code, text)
	}
}

// endWatches ends all watches. The service drops them by itself.
func (c *Conn) endWatches(code op.Reason, text string) {
	for _, id := range slices.Sorted(maps.Keys(c.watches)) {
		c.endWatch(id, c.watches[id], code, text)
	}
}
