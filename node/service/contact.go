package service

import (
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/wal"
)

// contact is when a peer was first asked for something after it was last heard of. A live
// peer answers every proposal and read request.
type contact struct {
	id       node.ID
	awaiting bool
	since    time.Duration // if awaiting
}

// contacts has a contact for each peer that was ever asked for something.
type contacts []contact

// asks notes a message to a peer.
func (c *contacts) asks(now time.Duration, s *node.Send) {
	switch s.Message.(type) {
	case *node.Proposal, *node.ReadRequest:
	default:
		return // it needs no answer
	}
	for i := range *c {
		if p := &(*c)[i]; p.id == s.To {
			if !p.awaiting {
				p.awaiting, p.since = true, now
			}
			return
		}
	}
	*c = append(*c, contact{s.To, true, now})
}

// heard notes a message of a peer.
func (c contacts) heard(id node.ID) {
	for i := range c {
		if c[i].id == id {
			c[i].awaiting = false
		}
	}
}

// silence returns for how long a peer has answered nothing, 0 if nothing is asked of it.
func (c contacts) silence(now time.Duration, id node.ID) time.Duration {
	for i := range c {
		if p := &c[i]; p.id == id && p.awaiting {
			return max(0, now-p.since)
		}
	}
	return 0
}

// unsynced is since when the log has had records that are not durable, without that any
// has become so.
type unsynced struct {
	durable wal.LSN // when it last changed
	behind  bool
	since   time.Duration // if behind
}

// update takes the log's durable position, and its end.
func (u *unsynced) update(now time.Duration, durable, end wal.LSN) {
	if behind := durable < end; !u.behind || !behind || durable != u.durable {
		u.behind, u.durable, u.since = behind, durable, now
	}
}
