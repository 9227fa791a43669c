// Package session is the client's side of the protocol, as a pure state machine
// for simulated and real clients alike. A Session gives operations their ids,
// tries nodes in turn until an outcome is certain, and returns that outcome.
//
// An operation is tried until a node's response is final or the deadline passes.
// Its id, which carries its watermark, is the same in all attempts, so it takes
// effect at most once. Only if the watermark was too old and all attempts were
// rejected does the operation begin again, with a new id. A request is marked as a
// retry from the second attempt on, unless all earlier ones certainly had no
// effect, and from the first if the id is the caller's. A rejection counts only if
// the node states that it holds for all attempts, or if no other attempt may yet
// take effect (docs/PROTOCOL.md, rule 7).
//
// An id must be unpredictable, or another client could use it first. The caller
// ensures this by the choice of Operation.Name.
//
// Other modules should not import it: docs/API.md promises nothing of it.
package session

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lockstep-dst/lockstep/node/arena"
	"github.com/lockstep-dst/lockstep/node/hash64"
	"github.com/lockstep-dst/lockstep/node/op"
)

// ErrConfig is wrapped by errors about a Config.
var ErrConfig = errors.New("invalid session configuration")

// Config is the configuration of a Session.
type Config struct {
	Nodes          []op.NodeID
	AttemptTimeout time.Duration // wait for a response before another node is tried as well; it grows, see Session.attemptTimeout
	// MinAttemptTimeout is the shortest such wait, if there are other nodes, and this one
	// usually responds sooner and has responded to nothing since. It is a hedge (Dean and Barroso, "The Tail at
	// Scale", CACM 2013): the attempts are retries like any other. 0: always wait for
	// AttemptTimeout.
	MinAttemptTimeout time.Duration
	Deadline          time.Duration // of an operation, from its beginning
	MaxPause          time.Duration // longest pause between an inconclusive response and the next attempt
	Jitter            uint64        // seed of the pauses, different for each session
	Marks             *Marks        // counts hits of coverage marks; nil in production
}

// Validate returns an error about the first field that is out of bounds.
func (c *Config) Validate() error {
	switch {
	case len(c.Nodes) == 0:
		return fmt.Errorf("%w: nodes: want at least one", ErrConfig)
	case min(c.AttemptTimeout, c.Deadline, c.MaxPause) <= 0 || max(c.AttemptTimeout, c.Deadline, c.MaxPause) > maxWait:
		return fmt.Errorf("%w: attempt %v, deadline %v, pause %v: want more than 0 and at most %v",
			ErrConfig, c.AttemptTimeout, c.Deadline, c.MaxPause, maxWait)
	case c.MinAttemptTimeout < 0 || c.MinAttemptTimeout > c.AttemptTimeout:
		return fmt.Errorf("%w: shortest attempt %v: want 0 to that of an attempt, %v", ErrConfig, c.MinAttemptTimeout, c.AttemptTimeout)
	}
	return nil
}

// maxWait bounds all durations, so that no sum overflows: a year.
const maxWait = 365 * 24 * time.Hour

// Session is the state that a client keeps between its operations: the highest
// chosen serials that it knows, and the health of the nodes. It is not safe for
// concurrent use.
type Session struct {
	cfg         Config
	serials     map[string]uint64      // by key, the highest chosen serial known
	preferences map[string][]op.NodeID // by key, see PreferenceList
	health      Health
	requests    arena.Arena[op.Request]
	freeCall    *Call // for reuse; nil: there is none
}

// New makes a session that knows no serials.
func New(cfg Config) (*Session, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Session{
		cfg: cfg, serials: map[string]uint64{}, preferences: map[string][]op.NodeID{}, health: newHealth(2 * cfg.AttemptTimeout),
	}, nil
}

// SetNodes replaces the nodes for the operations and queries that begin from now on; calls in
// progress keep theirs. What is known of the health of a node that stays, or comes back,
// stays.
func (s *Session) SetNodes(nodes []op.NodeID) error {
	cfg := s.cfg
	cfg.Nodes = slices.Clone(nodes)
	if err := cfg.Validate(); err != nil {
		return err
	}
	s.cfg = cfg
	clear(s.preferences)
	return nil
}

// Operation is an operation that a client requests.
type Operation struct {
	Name string // unique in the cluster, at most op.MaxName bytes, unpredictable: the session makes ids of it
	Kind op.Kind
	Key  string
	To   string
	Node op.NodeID // tried first; 0: the machine's home

	Expects bool // only if the machine is at version Expect
	Expect  uint64

	// ID, if not empty, is used unchanged in place of an id that the session makes:
	// the client's own, or one from an earlier result. Others may have used it before.
	ID op.ID
	// EarlierAttempts is the number of attempts that were made before with ID, so
	// that new ones get other numbers.
	EarlierAttempts uint32
	// Once limits the operation to a single attempt at one node, as of a client that
	// gives no id. Without a response the outcome is unknown.
	Once bool
}

// mayBeRetry reports whether earlier attempts may have been made outside of the
// session.
func (o *Operation) mayBeRetry() bool { return o.ID != "" }

// Result is the outcome of an operation.
type Result struct {
	ID      op.ID // of the last attempt
	Outcome op.Outcome
	Reason  op.Reason
	State   string // if committed or illegal: see op.Reply
	Version uint64
}

// Unavailable reports whether the operation was not carried out, and never will
// be, only because no node, or no majority, could do so in time. The machine has
// made no decision, and the same operation may be tried again.
func (r Result) Unavailable() bool {
	if r.Outcome != op.Rejected {
		return false
	}
	switch r.Reason {
	case op.Unreachable, op.Timeout, op.Overloaded, op.Stopping, op.Abstains, op.RateLimited:
		return true
	}
	return false
}

// Action is the next action of a call. Zero fields request nothing.
type Action struct {
	To      op.NodeID
	Request *op.Request
	Wake    time.Duration // call Tick after this time
	Done    bool          // the call is over, with Result
	Result  Result
}

// Call is an operation in progress.
type Call struct {
	s          *Session
	op         Operation
	id         op.ID
	order      []op.NodeID // in which nodes are tried
	deadline   time.Duration
	retryAt    time.Duration // time of the next attempt
	attempts   uint32
	pending    []uint32 // attempts that may yet take effect
	pendingBuf [2]uint32
	awaited    uint32 // the attempt with the awaited response; 0: none
	sent       attemptLog
	lastResult Result // of the last inconclusive response; returned if no other comes
	done       bool
}

// Begin starts an operation at the local time now.
func (s *Session) Begin(now time.Duration, o Operation) (*Call, Action) {
	c := s.freeCall
	if s.freeCall = nil; c == nil {
		c = &Call{}
	}
	*c = Call{
		s: s, op: o, id: s.id(&o), order: s.preferenceList(o), attempts: o.EarlierAttempts,
		deadline:   now + s.cfg.Deadline,
		lastResult: Result{Outcome: op.Rejected, Reason: op.Timeout},
	}
	c.pending = c.pendingBuf[:0]
	c.sent.attempts, c.sent.earlier = c.sent.buf[:0], o.EarlierAttempts
	return c, c.attempt(now)
}

// Reuse takes back a call that is over and has no other users. The next call may
// use its memory.
func (s *Session) Reuse(c *Call) {
	if c.done {
		s.freeCall = c
	}
}

// id returns the id of an operation for its first attempt. Its watermark is a
// serial that was chosen before that.
func (s *Session) id(o *Operation) op.ID {
	switch {
	case o.ID != "":
		return o.ID
	case o.Once:
		return op.Once(o.Name)
	case o.Kind != op.Propose:
		return op.ID(o.Name) // a read has no effect, and needs no watermark
	}
	return op.Stamp(o.Key, s.serials[o.Key], o.Name)
}

// ID returns the operation's id, with which it can be requested again.
func (c *Call) ID() op.ID { return c.id }

// attempt sends the operation to the next node.
func (c *Call) attempt(now time.Duration) Action {
	last := c.sent.last()
	if last == 0 && c.op.EarlierAttempts > 0 { // it is unknown where they went: assume the same order
		last = c.order[int(c.op.EarlierAttempts-1)%len(c.order)]
	}
	to := c.s.health.next(now, c.order, last)
	if c.attempts > c.op.EarlierAttempts && len(c.order) > 1 {
		c.s.mark(MarkFailover)
		if len(c.pending) > 0 {
			c.s.mark(MarkAmbiguousRetry)
		}
	}
	c.attempts++
	req := c.s.requests.Make(8)
	*req = op.Request{
		Kind: c.op.Kind, Key: c.op.Key, ID: c.id, Attempt: c.attempts,
		To: c.op.To, Retry: len(c.pending) > 0 || c.op.mayBeRetry(), Expects: c.op.Expects, Expect: c.op.Expect,
	}
	c.pending = append(c.pending, c.attempts)
	c.awaited = c.attempts
	c.sent.add(now, to)
	if c.retryAt = now + c.s.attemptTimeout(c.madeAttempts(), to); c.op.Once {
		c.retryAt = c.deadline
	}
	return Action{To: to, Request: req, Wake: c.wake(now)}
}

// madeAttempts returns the number of attempts that the call has made.
func (c *Call) madeAttempts() int { return int(c.attempts - c.op.EarlierAttempts) }

// wake returns the time until the next call of Tick is due.
func (c *Call) wake(now time.Duration) time.Duration {
	return max(1, min(c.retryAt, c.deadline)-now)
}

// Tick takes the current time.
func (c *Call) Tick(now time.Duration) Action {
	switch {
	case c.done:
		return Action{}
	case now >= c.deadline:
		return c.expire()
	case now < c.retryAt || c.sent.noMoreAttempts:
		return Action{Wake: c.wake(now)}
	}
	if c.tooLate(now) {
		c.retryAt = c.deadline
		return Action{Wake: c.wake(now)}
	}
	if c.awaited != 0 {
		sentAt, to := c.sent.get(c.awaited).at, c.sent.last()
		if longest := sentAt + c.s.longestAttempt(c.madeAttempts()); now < longest {
			if len(c.order) == 1 || c.s.health.HeardSince(sentAt, to) { // it is busy: other attempts would make all nodes so
				c.retryAt = longest
				return Action{Wake: c.wake(now)}
			}
			c.s.mark(MarkHedge)
		}
		c.s.health.TimedOut(now, sentAt, to)
	}
	return c.attempt(now)
}

// tooLate reports whether there is little time left for a response, and the
// operation certainly had no effect: another attempt would only make the outcome
// unknown.
func (c *Call) tooLate(now time.Duration) bool {
	return c.op.Kind == op.Propose && len(c.pending) == 0 && !c.op.mayBeRetry() && c.deadline-now < c.s.cfg.AttemptTimeout/4
}

// pause returns a jittered wait before a retry.
func (c *Call) pause() time.Duration {
	h := hash64.Finalise(hash64.FNV1a(0, c.id.Name()) ^ c.s.cfg.Jitter ^ uint64(c.attempts)<<32)
	return time.Duration(h % uint64(c.s.cfg.MaxPause))
}

// expire ends the call at its deadline. An attempt that may yet take effect makes
// the outcome unknown.
func (c *Call) expire() Action {
	switch {
	case c.op.Kind != op.Propose:
		c.s.mark(MarkDeadlineDecided)
		c.lastResult.Outcome = op.Rejected // it has no effect
	case len(c.pending) > 0 || c.op.mayBeRetry():
		c.s.mark(MarkDeadlineWhilePending)
		c.lastResult.Outcome = op.Unknown
	default:
		c.s.mark(MarkDeadlineDecided)
	}
	return c.finish(c.lastResult)
}

func (c *Call) finish(r Result) Action {
	c.done, r.ID = true, c.id
	return Action{Done: true, Result: r}
}

// Reply takes a response. It ignores responses to other operations or to earlier
// attempts, and those after the end.
func (c *Call) Reply(now time.Duration, r *op.Reply) Action {
	if c.done || r.ID != c.id || r.Attempt <= c.op.EarlierAttempts {
		c.s.mark(MarkUnexpectedResponse)
		return Action{}
	}
	c.recordReply(now, r)
	if r.State != "" && c.op.Kind != op.ReadLocal {
		c.s.serials[c.op.Key] = max(c.s.serials[c.op.Key], r.Serial)
	}
	result := Result{Outcome: r.Outcome, Reason: r.Reason, State: r.State, Version: r.Version}
	switch {
	case r.Reason == op.NotLearnt: // a local read wants this node's own state
		return c.finish(result)
	case permanent(r.Reason) && c.op.Kind != op.Propose:
		result.Outcome = op.Rejected // it has no effect
		return c.finish(result)
	case r.Outcome == op.Committed:
		return c.finish(result)
	case r.Final:
		c.s.mark(MarkFinalRejection)
		return c.finish(result)
	case c.op.Once:
		return c.finish(result)
	case r.Outcome == op.Rejected:
		return c.onRejected(now, r, result)
	}
	return c.retry(now, r.Attempt, result)
}

// Lost records that no response to an attempt will come, and that it may take
// effect. The next attempt need not wait for the timeout.
func (c *Call) Lost(now time.Duration, attempt uint32) Action {
	if c.done {
		return Action{}
	}
	c.s.mark(MarkAttemptLost)
	if to := c.sent.markAnswered(attempt); to != 0 {
		c.s.health.Failed(now, to)
	}
	if c.op.Once {
		return c.expire()
	}
	return c.retry(now, attempt, Result{Outcome: op.Unknown, Reason: op.Timeout})
}

// SendFailed records that an attempt was certainly never sent, since there is no
// connection to its node.
func (c *Call) SendFailed(now time.Duration, attempt uint32) Action {
	c.s.mark(MarkAttemptNeverSent)
	return c.Reply(now, &op.Reply{
		Kind: c.op.Kind, Key: c.op.Key, ID: c.id, Attempt: attempt, Outcome: op.Rejected, Reason: op.Unreachable,
	})
}

// permanent reports whether another attempt would most likely get the same
// response.
func permanent(why op.Reason) bool {
	switch why {
	case op.UnknownDefinition, op.UnknownState, op.BadRequest, op.QuotaReached, op.Unauthenticated, op.Forbidden:
		return true
	}
	return false
}

// onRejected takes the rejection of one attempt, which certainly had no effect.
// Only if this holds for all attempts is the operation rejected; it may then begin
// again, with a new id.
func (c *Call) onRejected(now time.Duration, reply *op.Reply, r Result) Action {
	attempt, serial := reply.Attempt, reply.Serial
	c.pending = slices.DeleteFunc(c.pending, func(a uint32) bool { return a == attempt })
	if len(c.pending) > 0 || c.op.mayBeRetry() {
		c.s.mark(MarkRejectedWhilePending)
		return c.retry(now, attempt, r)
	}
	switch {
	case r.Reason == op.Illegal, r.Reason == op.VersionMismatch, permanent(r.Reason):
		return c.finish(r)
	case r.Reason == op.WindowExpired: // the client's watermark was too old
		c.s.mark(MarkFreshAttempt)
		c.id = op.Stamp(c.op.Key, max(serial, c.s.serials[c.op.Key]), c.op.Name)
		c.lastResult = Result{Outcome: r.Outcome, Reason: r.Reason}
		return c.attempt(now)
	}
	return c.retry(now, attempt, r)
}

// retry sets the time of the next attempt: after a pause, or at once if this node
// is avoided and another is not. If a later attempt is in flight, that is awaited
// instead. If further attempts are of no use, the call ends when none is in flight.
func (c *Call) retry(now time.Duration, attempt uint32, r Result) Action {
	if !c.sent.noMoreAttempts {
		c.lastResult = Result{Outcome: r.Outcome, Reason: r.Reason}
	}
	if r.Outcome == op.Unknown && (r.Reason == op.WindowExpired || r.Reason == op.WatermarkAhead) {
		c.s.mark(MarkWindowExpired)
		c.sent.noMoreAttempts = true // another attempt would learn no more
	}
	if c.sent.noMoreAttempts { // but one in flight may
		if c.sent.awaiting() {
			c.retryAt = c.deadline
			return Action{Wake: c.wake(now)}
		}
		return c.finish(c.lastResult)
	}
	if attempt != c.awaited {
		c.s.mark(MarkLateResponse)
		return Action{}
	}
	c.awaited = 0
	c.retryAt = now + 1
	if !c.s.health.Avoided(now, c.sent.last()) || !c.s.health.anotherAvailable(now, c.order, c.sent.last()) {
		c.retryAt += c.pause()
	}
	return Action{Wake: c.wake(now)}
}
