package service

import (
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/watch"
)

// Follower turns the updates of one watch into its events. It is the part of a watch
// that needs no access to the service.
type Follower struct {
	stream Stream
	single bool
	value  *node.Value // of the single machine: the value that was sent, or nil
}

// NewFollower returns a follower for a query. emit receives the events; an event's
// pointers are valid until it returns.
func NewFollower(q *Query, emit func(watch.Event)) *Follower {
	return &Follower{single: q.Single, stream: Stream{Resume: q.Resume, From: q.From, Emit: emit}}
}

// Take emits the events of an update.
func (f *Follower) Take(u *Update) {
	for _, m := range u.Begin {
		if m.Value == nil {
			continue
		}
		f.value = m.Value
		f.stream.Begin(m.Key, m.Value)
	}
	for _, c := range u.Changes {
		if f.single {
			c.Had, f.value = f.value, c.Now
		}
		f.stream.Advance(c.Key, c.Had, c.Now)
	}
}
