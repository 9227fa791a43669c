// Package session is the client's side of the protocol, as a pure state machine
// for simulated and real clients alike: it gives operations their ids, tries
// nodes in turn, and tells an honest outcome.
//
// An operation is tried until a node answers for good or its deadline passes.
// It keeps one id, which carries its base, in all attempts, so it takes effect
// at most once. From the second attempt on a node is told that an earlier one may
// be under way, unless all earlier ones were certainly without effect; a reject
// counts only if it says that it holds for all attempts, or no other attempt may
// yet take effect (docs/PROTOCOL.md, rule 7).
//
// An id must not be foreseen, or another client can use it first. What makes it
// so comes from outside: Operation.Name.
package session

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lockstep-dst/lockstep/node"
)

// ErrConfig is wrapped by errors about a Config.
var ErrConfig = errors.New("invalid session configuration")

// Config is what a session is told once.
type Config struct {
	Nodes          []node.ID
	AttemptTimeout time.Duration // how long to wait for an answer before asking another node, at first
	Deadline       time.Duration // of an operation; after it the outcome is what is known then
	MaxPause       time.Duration // at most so long between an unwelcome answer and the next attempt
	Jitter         uint64        // seed of the pauses, one of its own for each session
	Marks          *Marks        // counts what the session comes by; nil in production
}

// Validate names the first field that is out of bounds.
func (c *Config) Validate() error {
	switch {
	case len(c.Nodes) == 0:
		return fmt.Errorf("%w: nodes: want at least one", ErrConfig)
	case min(c.AttemptTimeout, c.Deadline, c.MaxPause) <= 0 || max(c.AttemptTimeout, c.Deadline, c.MaxPause) > maxWait:
		return fmt.Errorf("%w: attempt %v, deadline %v, pause %v: want more than 0 and at most %v",
			ErrConfig, c.AttemptTimeout, c.Deadline, c.MaxPause, maxWait)
	}
	return nil
}

// maxWait bounds what a session waits for, so that no sum overflows: a year.
const maxWait = 365 * 24 * time.Hour

// Session is what a client keeps between its operations: the chosen serial
// numbers that it knows of.
type Session struct {
	cfg         Config
	serials     map[string]uint64    // per machine, the highest chosen serial number seen
	preferences map[string][]node.ID // per machine, see Homes
	health      Health
	requestPool []node.Request // for those to come: they are made some at a time
	freeCall    *Call          // that is over; nil: there is none
}

// New makes a session that knows nothing yet.
func New(cfg Config) (*Session, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Session{
		cfg: cfg, serials: map[string]uint64{}, preferences: map[string][]node.ID{}, health: newHealth(2 * cfg.AttemptTimeout),
	}, nil
}

// Operation is what a client asks for.
type Operation struct {
	Name string // unique in the cluster, at most node.MaxOpName bytes, unguessable: the session makes ids of it
	Kind node.Kind
	Key  string
	To   string
	Node node.ID // asked first; 0: the machine's home

	Expects bool // only if the machine is at version Expect
	Expect  uint64

	// ID is used as it is, if there is one, in place of one that the session makes:
	// the client's own, or one from an earlier answer. Whoever has it may have asked before.
	ID node.OpID
	// EarlierAttempts is how many attempts of it were made before, with ID: so those to come
	// have other numbers.
	EarlierAttempts uint32
	// Once sends a single attempt, to one node: as somebody who gives no id. What
	// becomes of it is unknown if there is no answer.
	Once bool
}

// mayBeRetry reports whether an earlier attempt may have been made outside of the session.
func (o *Operation) mayBeRetry() bool { return o.ID != "" }

// Result is the outcome of an operation.
type Result struct {
	ID      node.OpID // under which it was tried last
	Outcome node.Outcome
	Reason  node.Reason
	State   string // committed or illegal: see node.Reply
	Version uint64
}

// Action is what to do next. Fields that are zero ask for nothing.
type Action struct {
	To      node.ID
	Request *node.Request
	Wake    time.Duration // call Tick when so much time has passed
	Done    bool          // Result holds the outcome; the call is over
	Result  Result
}

// Call is one operation under way.
type Call struct {
	s          *Session
	op         Operation
	id         node.OpID
	order      []node.ID // in which nodes are asked
	deadline   time.Duration
	retryAt    time.Duration // when to try again
	attempts   uint32
	pending    []uint32 // attempts that may yet take effect
	pendingBuf [2]uint32
	awaited    uint32 // the attempt whose answer is waited for; 0: none
	sent       attemptLog
	lastResult Result // what to say at the deadline
	done       bool
}

// Begin starts an operation at the local time now.
func (s *Session) Begin(now time.Duration, op Operation) (*Call, Action) {
	c := s.freeCall
	if s.freeCall = nil; c == nil {
		c = &Call{}
	}
	*c = Call{
		s: s, op: op, id: s.id(&op), order: s.preferenceList(op), attempts: op.EarlierAttempts,
		deadline:   now + s.cfg.Deadline,
		lastResult: Result{Outcome: node.Rejected, Reason: node.Timeout},
	}
	c.pending = c.pendingBuf[:0]
	c.sent.attempts, c.sent.earlier = c.sent.buf[:0], op.EarlierAttempts
	return c, c.attempt(now)
}

// Reuse takes back a call that is over and that nobody knows any more: the next
// one may have its memory.
func (s *Session) Reuse(c *Call) {
	if c.done {
		s.freeCall = c
	}
}

// id is what the operation has before its first attempt. The serial number that it
// carries was chosen before that.
func (s *Session) id(op *Operation) node.OpID {
	switch {
	case op.ID != "":
		return op.ID
	case op.Once:
		return node.Once(op.Name)
	case op.Kind != node.Propose:
		return node.OpID(op.Name) // it has no effect, and needs no base
	}
	return node.Stamp(op.Key, s.serials[op.Key], op.Name)
}

// ID is the operation's id, by which it can be asked for again.
func (c *Call) ID() node.OpID { return c.id }

// attempt asks the next node.
func (c *Call) attempt(now time.Duration) Action {
	last := c.sent.last()
	if last == 0 && c.op.EarlierAttempts > 0 { // whom they have asked is not known: whoever is next
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
	req := c.s.request()
	*req = node.Request{
		Kind: c.op.Kind, Key: c.op.Key, ID: c.id, Attempt: c.attempts,
		To: c.op.To, Retry: len(c.pending) > 0 || c.op.mayBeRetry(), Expects: c.op.Expects, Expect: c.op.Expect,
	}
	c.pending = append(c.pending, c.attempts)
	c.awaited = c.attempts
	c.sent.add(now, to)
	if c.retryAt = now + c.s.attemptTimeout(int(c.attempts-c.op.EarlierAttempts)); c.op.Once {
		c.retryAt = c.deadline
	}
	return Action{To: to, Request: req, Wake: c.wake(now)}
}

// request is room for a request.
func (s *Session) request() *node.Request {
	if len(s.requestPool) == 0 {
		s.requestPool = make([]node.Request, 8)
	}
	r := &s.requestPool[0]
	s.requestPool = s.requestPool[1:]
	return r
}

// wake is how long until time has something to say.
func (c *Call) wake(now time.Duration) time.Duration {
	return max(1, min(c.retryAt, c.deadline)-now)
}

// Tick tells the call that time has passed.
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
		c.s.health.TimedOut(now, c.sent.get(c.awaited).at, c.sent.last())
	}
	return c.attempt(now)
}

// tooLate reports whether there is hardly the time left for an answer, and the
// operation is certainly without effect: another attempt would only make that unknown.
func (c *Call) tooLate(now time.Duration) bool {
	return c.op.Kind == node.Propose && len(c.pending) == 0 && !c.op.mayBeRetry() && c.deadline-now < c.s.cfg.AttemptTimeout/4
}

// expire ends the call with what is known: an attempt whose fate is open makes
// the outcome unknown.
func (c *Call) expire() Action {
	switch {
	case c.op.Kind != node.Propose:
		c.s.mark(MarkDeadlineDecided)
		c.lastResult.Outcome = node.Rejected // it has no effect
	case len(c.pending) > 0 || c.op.mayBeRetry():
		c.s.mark(MarkDeadlineWhilePending)
		c.lastResult.Outcome = node.Unknown
	default:
		c.s.mark(MarkDeadlineDecided)
	}
	return c.finish(c.lastResult)
}

func (c *Call) finish(r Result) Action {
	c.done, r.ID = true, c.id
	return Action{Done: true, Result: r}
}

// Reply takes an answer. Answers to other operations and after the end mean
// nothing.
func (c *Call) Reply(now time.Duration, r *node.Reply) Action {
	if c.done || r.ID != c.id || r.Attempt <= c.op.EarlierAttempts {
		c.s.mark(MarkResponseAfterEnd)
		return Action{}
	}
	c.recordReply(now, r)
	if r.State != "" && c.op.Kind != node.ReadLocal {
		c.s.serials[c.op.Key] = max(c.s.serials[c.op.Key], r.Serial)
	}
	result := Result{Outcome: r.Outcome, Reason: r.Reason, State: r.State, Version: r.Version}
	switch {
	case r.Reason == node.NotLearnt: // whom was asked for is what it knows
		return c.finish(result)
	case permanent(r.Reason) && c.op.Kind != node.Propose:
		result.Outcome = node.Rejected // it has no effect
		return c.finish(result)
	case r.Outcome == node.Committed:
		return c.finish(result)
	case r.Final:
		c.s.mark(MarkFinalRejection)
		return c.finish(result)
	case c.op.Once:
		return c.finish(result)
	case r.Outcome == node.Rejected:
		return c.onRejected(now, r, result)
	}
	return c.retry(now, r.Attempt, result)
}

// Lost tells the call that no answer to an attempt will come, and whether it
// took effect is open: the next attempt need not wait for the time to pass.
func (c *Call) Lost(now time.Duration, attempt uint32) Action {
	if c.done {
		return Action{}
	}
	if to := c.sent.markAnswered(attempt); to != 0 {
		c.s.health.Failed(now, to)
	}
	if c.op.Once {
		return c.expire()
	}
	return c.retry(now, attempt, Result{Outcome: node.Unknown, Reason: node.Timeout})
}

// permanent reports whether another attempt would hardly have another answer.
func permanent(why node.Reason) bool {
	return why == node.UnknownDefinition || why == node.UnknownState || why == node.BadRequest
}

// onRejected takes the certainty that one attempt has had no effect. Only if that
// holds for all of them is the operation rejected; and then it may be tried as
// if for the first time, under a new id.
func (c *Call) onRejected(now time.Duration, reply *node.Reply, r Result) Action {
	attempt, serial := reply.Attempt, reply.Serial
	c.pending = slices.DeleteFunc(c.pending, func(a uint32) bool { return a == attempt })
	if len(c.pending) > 0 || c.op.mayBeRetry() {
		c.s.mark(MarkRejectedWhilePending)
		return c.retry(now, attempt, r)
	}
	switch {
	case r.Reason == node.Illegal, r.Reason == node.VersionMismatch, permanent(r.Reason):
		return c.finish(r)
	case r.Reason == node.WindowExpired: // the client knew too old a number
		c.s.mark(MarkFreshAttempt)
		c.id = node.Stamp(c.op.Key, max(serial, c.s.serials[c.op.Key]), c.op.Name)
		c.lastResult = Result{Outcome: r.Outcome, Reason: r.Reason}
		return c.attempt(now)
	}
	return c.retry(now, attempt, r)
}

// retry waits a little before the next attempt, unless a later one is under way
// already, or another node may be there at once where this one is not.
func (c *Call) retry(now time.Duration, attempt uint32, r Result) Action {
	if !c.sent.noMoreAttempts {
		c.lastResult = Result{Outcome: r.Outcome, Reason: r.Reason}
	}
	if r.Outcome == node.Unknown && (r.Reason == node.WindowExpired || r.Reason == node.WatermarkAhead) {
		c.s.mark(MarkWindowExpired)
		c.sent.noMoreAttempts = true // another attempt would learn no more
	}
	if c.sent.noMoreAttempts { // but one that is under way may
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
