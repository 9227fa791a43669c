// Package clientlimit decides which requests of which clients a server takes, so that
// one client leaves room for the others. It knows clients by names, and nothing of
// sockets.
package clientlimit

import (
	"container/list"
	"errors"
	"fmt"
	"time"

	"github.com/lockstep-dst/lockstep/node/internal/invariant"
)

// Limits bounds the use of a server by one client.
type Limits struct {
	Rate     int // requests a second; as many may come at once
	Requests int // unfinished
	Watches  int // unfinished
	Bytes    int // of the unfinished requests, and of their responses
}

// MaxRate is the highest Limits.Rate.
const MaxRate = 1_000_000

// ErrLimits is wrapped by every error about Limits.
var ErrLimits = errors.New("invalid limits of a client")

// Validate returns an error about the first field that is out of bounds.
func (l Limits) Validate() error {
	switch {
	case l.Rate < 1 || l.Rate > MaxRate:
		return fmt.Errorf("%w: requests a second: %d: want 1 to %d", ErrLimits, l.Rate, MaxRate)
	case l.Requests < 1:
		return fmt.Errorf("%w: unfinished requests: %d: want 1 or more", ErrLimits, l.Requests)
	case l.Watches < 1:
		return fmt.Errorf("%w: watches: %d: want 1 or more", ErrLimits, l.Watches)
	case l.Bytes < 1:
		return fmt.Errorf("%w: bytes: %d: want 1 or more", ErrLimits, l.Bytes)
	}
	return nil
}

// Verdict is the decision about a request.
type Verdict uint8

// The verdicts.
const (
	Admitted Verdict = iota
	TooFast
	TooManyRequests
	TooManyBytes
	TooManyWatches
)

func (v Verdict) String() string {
	return [...]string{"admitted", "requests a second", "unfinished requests", "bytes of unfinished requests", "watches"}[v]
}

// Table is the use that clients make of a server. It is not safe for concurrent use.
type Table struct {
	limits  Limits
	room    int // clients that are remembered, besides the busy ones
	clients map[string]*client
	idle    list.List // of *client, the one idle for longest first
	refused uint64
}

// client is the use that one client makes.
type client struct {
	name string
	// paidUntil is the time at which the client will have its whole rate again: each
	// request moves it on by one interval (the generic cell rate algorithm).
	paidUntil                time.Duration
	requests, watches, bytes int
	idle                     *list.Element // nil: something is unfinished
}

// New returns a table without clients, which remembers the rates of at most room idle
// ones. The limits are valid, and room is at least 1.
func New(l Limits, room int) *Table {
	invariant.Check(l.Validate() == nil && room > 0, "clientlimit: limits are validated, and one client is remembered")
	return &Table{limits: l, room: room, clients: map[string]*client{}}
}

// Request takes a request of a client at a time that never goes back, with the bytes
// that it and its response hold. If it is admitted, Done follows.
func (t *Table) Request(now time.Duration, name string, bytes int) Verdict {
	c := t.client(name)
	switch interval := time.Second / time.Duration(t.limits.Rate); {
	case c.requests >= t.limits.Requests:
		return t.refuse(TooManyRequests)
	case bytes > t.limits.Bytes-c.bytes:
		return t.refuse(TooManyBytes)
	case max(c.paidUntil, now)+interval > now+time.Second:
		return t.refuse(TooFast)
	default:
		c.paidUntil = max(c.paidUntil, now) + interval
	}
	c.requests++
	c.bytes += bytes
	t.settle(c)
	return Admitted
}

// Done ends a request that was admitted with so many bytes.
func (t *Table) Done(name string, bytes int) {
	c := t.clients[name]
	invariant.Check(c != nil && c.requests > 0 && c.bytes >= bytes, "clientlimit: a request that ends was admitted")
	c.requests--
	c.bytes -= bytes
	t.settle(c)
}

// Watch takes a watch of a client. If it is admitted, WatchDone follows.
func (t *Table) Watch(name string) Verdict {
	c := t.client(name)
	if c.watches >= t.limits.Watches {
		return t.refuse(TooManyWatches)
	}
	c.watches++
	t.settle(c)
	return Admitted
}

// WatchDone ends a watch that was admitted.
func (t *Table) WatchDone(name string) {
	c := t.clients[name]
	invariant.Check(c != nil && c.watches > 0, "clientlimit: a watch that ends was admitted")
	c.watches--
	t.settle(c)
}

func (t *Table) refuse(v Verdict) Verdict {
	t.refused++
	return v
}

// client returns the client with a name. A new one takes the place of the one that has
// been idle for longest, if there is no room for both.
func (t *Table) client(name string) *client {
	if c := t.clients[name]; c != nil {
		return c
	}
	if t.idle.Len() == t.room {
		oldest := t.idle.Remove(t.idle.Front()).(*client)
		delete(t.clients, oldest.name)
	}
	c := &client{name: name}
	c.idle = t.idle.PushBack(c)
	t.clients[name] = c
	return c
}

// settle puts a client among the idle ones, or takes it out.
func (t *Table) settle(c *client) {
	switch busy := c.requests+c.watches > 0; {
	case busy && c.idle != nil:
		t.idle.Remove(c.idle)
		c.idle = nil
	case !busy && c.idle == nil:
		c.idle = t.idle.PushBack(c)
		if t.idle.Len() > t.room {
			oldest := t.idle.Remove(t.idle.Front()).(*client)
			delete(t.clients, oldest.name)
		}
	}
}

// Len returns the number of clients that are known.
func (t *Table) Len() int { return len(t.clients) }

// Refused returns the number of requests and watches that were not admitted.
func (t *Table) Refused() uint64 { return t.refused }
