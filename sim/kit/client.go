package kit

import (
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/sim"
)

// Client is the client's half of a request/reply protocol: one request at a time, sent
// again with pauses, to one node after the other, until a deadline. It never reports
// Rejected of a request that may have been carried out, nor may yet be.
//
// It counts its attempts. One is closed if it certainly has no effect: its message could
// not be sent (sim.SendFailed), or the node has turned it away. While any is open the
// outcome is Accepted or Unknown. A reply without Reply.Attempt closes an attempt only if
// it is the only one at that node, since it might be late. If the process sees its
// connections (sim.Spec.SeesConnections), it does not wait for a reply that was lost.
//
// The zero value is of no use; see NewClient.
type Client struct {
	cfg      ClientConfig
	timers   Timers
	busy     bool
	waiting  bool // for the reply to the last attempt; else the client pauses
	request  Request
	attempts []attempt
	next     int    // index of the next node
	hint     sim.ID // node to try in its place; 0: none
}

type attempt struct {
	node sim.ID
	msg  sim.Message
	open bool // it may have an effect
}

// NewClient returns a client without a request. It panics if the configuration is not
// valid.
func NewClient(cfg ClientConfig) *Client {
	if err := cfg.Validate(); err != nil {
		panic("kit: client: " + err.Error())
	}
	if cfg.Token == 0 {
		cfg.Token = 1 << 62
	}
	return &Client{cfg: cfg}
}

func (c *Client) retryTimer() uint64    { return c.cfg.Token }
func (c *Client) deadlineTimer() uint64 { return c.cfg.Token + 1 }

// Busy reports whether a request is in progress.
func (c *Client) Busy() bool { return c.busy }

// Start sends a request. It panics if one is in progress.
func (c *Client) Start(now sim.Duration, out *sim.Effects, r Request) {
	switch {
	case c.busy:
		panic("kit: client: Start during a request: a client has one at a time: wait for its Result, or use another client")
	case r.Message == nil:
		panic("kit: client: Start without Request.Message: want a function that makes the message of an attempt")
	}
	c.busy, c.request, c.attempts, c.hint = true, r, c.attempts[:0], 0
	if r.First != 0 {
		c.aim(r.First)
	}
	c.timers.After(now, out, c.deadlineTimer(), c.cfg.Deadline)
	c.send(now, out)
}

// aim makes a node the next one.
func (c *Client) aim(node sim.ID) {
	c.hint = node
	if i := slices.Index(c.cfg.Nodes, node); i >= 0 {
		c.next, c.hint = i, 0
	}
}

// send makes the next attempt.
func (c *Client) send(now sim.Duration, out *sim.Effects) {
	node := c.hint
	if node == 0 {
		node = c.cfg.Nodes[c.next]
	}
	c.hint = 0
	v := c.request.Message(len(c.attempts) + 1)
	m := Message(v)
	if own, ok := m.(*message); ok {
		own.single = true
	} else if s, ok := m.(sim.Single); !ok || !s.Single() {
		panic(fmt.Sprintf("kit: client: a request of type %T may be duplicated, and the copy carried out after the outcome: give it a method Single() bool that returns true", v))
	}
	c.attempts = append(c.attempts, attempt{node, m, true})
	c.waiting = true
	out.Send(node, m)
	if c.request.Repeat { // otherwise there is nothing to do but wait
		c.timers.After(now, out, c.retryTimer(), c.cfg.Attempt)
	}
}

// Step takes an event. done reports that the request has ended, with its result. Events
// of other matters, which it leaves alone, include all while no request is in progress.
func (c *Client) Step(now sim.Duration, ev *sim.Event, out *sim.Effects) (result Result, done bool) {
	timer, fired := c.timers.Fired(now, ev, out)
	if !c.busy {
		return Result{}, false
	}
	switch {
	case ev.Kind == sim.Receive:
		return c.receive(now, ev, out)
	case ev.Kind == sim.SendFailed:
		return c.sendFailed(now, ev, out)
	case ev.Kind == sim.Disconnected && c.waiting && c.last().node == ev.From:
		return c.again(now, out, 0, "the connection has ended")
	case fired && timer == c.deadlineTimer():
		return c.end("the deadline has passed")
	case fired && c.waiting:
		return c.again(now, out, 0, "there was no reply in time")
	case fired:
		c.send(now, out)
	}
	return Result{}, false
}

func (c *Client) last() *attempt { return &c.attempts[len(c.attempts)-1] }

// receive takes a message, which may be a reply.
func (c *Client) receive(now sim.Duration, ev *sim.Event, out *sim.Effects) (Result, bool) {
	body := Body(ev.Message)
	r := c.cfg.Classify(ev.From, body)
	var result Result
	switch r.Answer {
	case NotMine:
		return Result{}, false
	case Done:
		result.Outcome = Accepted
	case Void:
		result = Result{Outcome: Rejected, Reason: r.Reason}
	default:
		var ended bool
		if result, ended = c.turnedAway(now, ev.From, r, out); !ended {
			return Result{}, false
		}
	}
	if i := slices.Index(c.cfg.Nodes, ev.From); i >= 0 {
		c.next = i
	}
	result.Node, result.Body = ev.From, body
	return c.finish(result)
}

// turnedAway handles Retry and Refused.
func (c *Client) turnedAway(now sim.Duration, from sim.ID, r Reply, out *sim.Effects) (result Result, ended bool) {
	a := c.answered(from, r.Attempt)
	current := c.waiting && c.last().node == from && (a == nil && r.Attempt == 0 || a == c.last())
	if a != nil {
		a.open = false
	}
	switch {
	case r.Answer == Refused && (current || a != nil && !c.anyOpen()):
		return c.end(r.Reason)
	case current:
		return c.again(now, out, r.Try, r.Reason)
	}
	return Result{}, false
}

// answered returns the attempt that a reply from a node answers, nil if that is not
// certain.
func (c *Client) answered(from sim.ID, number int) (found *attempt) {
	if number > 0 {
		if number <= len(c.attempts) && c.attempts[number-1].node == from {
			return &c.attempts[number-1]
		}
		return nil
	}
	for i := range c.attempts {
		if c.attempts[i].node != from {
			continue
		}
		if found != nil {
			return nil
		}
		found = &c.attempts[i]
	}
	return found
}

// sendFailed closes the attempt whose message was never delivered.
func (c *Client) sendFailed(now sim.Duration, ev *sim.Event, out *sim.Effects) (Result, bool) {
	i := slices.IndexFunc(c.attempts, func(a attempt) bool { return a.msg == ev.Message })
	if i < 0 {
		return Result{}, false
	}
	c.attempts[i].open = false
	if c.waiting && i == len(c.attempts)-1 {
		return c.again(now, out, 0, "the node could not be reached")
	}
	return Result{}, false
}

// again makes the next attempt after a pause, at the node try or else the next one. If
// the last attempt may have been carried out, and the request must not be repeated, it
// ends the request for the reason for which that attempt is over.
func (c *Client) again(now sim.Duration, out *sim.Effects, try sim.ID, reason string) (Result, bool) {
	if !c.request.Repeat && c.anyOpen() {
		return c.end(reason)
	}
	c.waiting = false
	c.next = (c.next + 1) % len(c.cfg.Nodes)
	if try != 0 {
		c.aim(try)
	}
	pause := c.cfg.Backoff
	for range len(c.attempts) - 1 {
		pause = min(2*pause, c.cfg.MaxBackoff)
	}
	if pause == 0 {
		c.send(now, out)
		return Result{}, false
	}
	c.timers.After(now, out, c.retryTimer(), pause)
	return Result{}, false
}

func (c *Client) anyOpen() bool {
	return slices.ContainsFunc(c.attempts, func(a attempt) bool { return a.open })
}

// end ends a request that was not carried out as far as the client knows.
func (c *Client) end(reason string) (Result, bool) {
	r := Result{Outcome: Rejected, Reason: reason}
	if c.anyOpen() {
		r.Outcome = Unknown
	}
	return c.finish(r)
}

func (c *Client) finish(r Result) (Result, bool) {
	r.Attempts = len(c.attempts)
	c.busy, c.waiting = false, false
	clear(c.attempts)
	c.timers.Cancel(c.retryTimer())
	return r, true
}
