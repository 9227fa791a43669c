package service

import (
	"errors"
	"fmt"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/member"
)

// Errors of calls, listings and watches that get no reply of the node.
var (
	// ErrBusy means that too many operations are pending, or too many clients watch.
	ErrBusy = errors.New("overloaded")
	// ErrStopping means that the request was never delivered to the node, because
	// the node stops: the request has no effect.
	ErrStopping = errors.New("the node stops and has not taken the request: try another")
	// ErrStopped means that the request was delivered to the node before it stopped:
	// the request may have taken effect.
	ErrStopped = errors.New("the node has stopped, and whether the operation takes effect is not known")
)

// Config is the configuration of a Service.
type Config struct {
	Pending      int           // the most requests without a reply, of all machines together
	Watchers     int           // the most watches
	Changes      int           // the most changes that wait for one watch
	Page         int           // the most machines that one step reads for one client
	ReadyTimeout time.Duration // how long requests wait for a member that is not ready

	// Notify receives notices for the operator, of quotas; it may be nil.
	Notify func(member.Notice)

	// Delivered, if not nil, is called for each call that is delivered to the member,
	// before it handles the request.
	Delivered func(Ticket, *node.Request)
}

// Bounds of Config.Pending.
const MaxPending = lastClient - FirstClient + 1

// Defaults of Config.
const (
	DefaultPending  = 8192
	DefaultWatchers = 1024
	DefaultChanges  = 1024
	DefaultPage     = 256
)

// ErrConfig is wrapped by every error about a Config.
var ErrConfig = errors.New("invalid service configuration")

// Validate names the first field that is out of bounds.
func (c *Config) Validate() error {
	switch {
	case c.Pending < 1 || c.Pending > MaxPending:
		return fmt.Errorf("%w: waiting operations: %d: want 1 to %d", ErrConfig, c.Pending, MaxPending)
	case c.Watchers < 1:
		return fmt.Errorf("%w: watchers: %d: want 1 or more", ErrConfig, c.Watchers)
	case c.Changes < 1:
		return fmt.Errorf("%w: changes: %d: want 1 or more", ErrConfig, c.Changes)
	case c.Page < 1:
		return fmt.Errorf("%w: page: %d: want 1 or more", ErrConfig, c.Page)
	case c.ReadyTimeout <= 0:
		return fmt.Errorf("%w: ready timeout: %v: want more than 0", ErrConfig, c.ReadyTimeout)
	}
	return nil
}

// Service is a member with its clients. Its first step is a Boot, alone. It is not
// safe for concurrent use.
type Service struct {
	cfg    Config
	member *member.Member
	node   *node.Node                   // of member
	latest func(key string) *node.Value // what the node knows to be chosen; nil: nothing
	now    time.Duration

	timers   timers
	requests requestTable
	index    index
	hub      watchHub
	listings []*listing // in progress, in order of arrival

	reads   uint64 // made by the service itself
	expired uint64 // calls that came too late for their clients

	contacts contacts // see Readiness
	unsynced unsynced //
	notices  quotaNotices

	draining bool
	abstains bool  // the member's log is disputed
	stopped  bool  // Stop was called, or the member has failed
	cause    error // why the member failed

	batch     []node.Event // for the member, in this step
	nextBatch []node.Event // ... in the next, which comes at once
	stepped   bool         // the member has taken the batch of this step
	out       Effects
}

// New returns a service for a member that has not booted.
func New(m *member.Member, cfg Config) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Service{
		cfg: cfg, member: m, node: m.Node(), latest: m.Node().Latest,
		requests: newRequestTable(), hub: newWatchHub(),
	}, nil
}

// Member returns the member, for inspection.
func (s *Service) Member() *member.Member { return s.member }

// Abstains reports whether the member rejects requests because its log is disputed.
func (s *Service) Abstains() bool { return s.abstains }

// Step handles events that arrived together, at the local time now, and returns their
// effects. After an error the member has failed: all calls, listings and watches have
// their outcome in these effects, and the service accepts no event but Abandon.
func (s *Service) Step(now time.Duration, evs []Event) (*Effects, error) {
	s.now = max(s.now, now)
	s.begin()
	if s.stopped {
		for i := range evs {
			s.refuseAfterStop(&evs[i])
		}
		s.out.Wake = Never
		return &s.out, s.cause
	}
	s.deliverWaiting()
	for i := range evs {
		s.handle(&evs[i])
	}
	if s.timers.next() <= s.now {
		s.batch = s.timers.due(s.now, s.batch)
	}
	s.expireWaiting()
	err := s.stepMember()
	if err == nil {
		s.continueListings()
	} else {
		s.stop(err)
	}
	s.answerPulls()
	s.tellQuotas()
	s.out.Wake = s.wake()
	return &s.out, err
}

func (s *Service) begin() {
	o := &s.out
	clear(o.Replies)
	clear(o.Pages)
	clear(o.Updates)
	*o = Effects{Sends: o.Sends[:0], Replies: o.Replies[:0], Pages: o.Pages[:0], Updates: o.Updates[:0], Asked: o.Asked[:0]}
	s.batch, s.nextBatch, s.stepped = append(s.batch[:0], s.nextBatch...), s.nextBatch[:0], false
}

// handle takes an event, and adds to the batch of the member what it concerns.
func (s *Service) handle(ev *Event) {
	switch ev.Kind {
	case OfMember:
		if ev.Member.Kind == node.Receive {
			s.contacts.heard(ev.Member.From)
		}
		s.batch = append(s.batch, ev.Member)
	case Call:
		s.call(&request{ticket: ev.Ticket, req: ev.Request, deadline: ev.Expires})
	case List:
		s.list(ev.Ticket, ev.Query)
	case Watch:
		s.watch(ev.Ticket, ev.Query)
	case Pull:
		s.hub.pull(ev.Ticket)
	case Abandon:
		s.abandon(ev.Ticket)
	case Reconfigure:
		s.out.Asked = append(s.out.Asked, Asked{ev.Ticket, s.member.Epoch(), s.member.Change(ev.Change)})
		s.batch = append(s.batch, member.Wake())
	case Met:
		s.member.Meet(ev.Member.From)
		s.batch = append(s.batch, member.Wake())
	case Removed:
		s.batch = append(s.batch, node.Event{Kind: node.Receive, From: ev.Member.From, Message: &member.Removal{}})
	case Drain:
		s.draining = true
		s.batch = append(s.batch, node.Event{Kind: node.Drain})
	}
}

// stepMember has the member take the batch, and applies its effects.
func (s *Service) stepMember() error {
	s.stepped = true
	if len(s.batch) == 0 {
		return nil
	}
	effects, err := s.member.StepAll(s.now, s.batch)
	if s.batch[0].Kind == node.Boot {
		s.buildIndex()
	}
	s.out.Disk, s.out.Chosen, s.out.RoundTimes = effects.Disk, effects.Chosen, effects.RoundTimes
	s.learn(effects)
	for _, send := range effects.Sends {
		if send.To < FirstClient {
			s.out.Sends = append(s.out.Sends, send)
			s.contacts.asks(s.now, &send)
		} else if r, ok := send.Message.(*node.Reply); ok {
			s.complete(send.To, r)
		}
	}
	s.unsynced.update(s.now, s.node.Durable(), s.node.End())
	for _, t := range effects.Timers {
		s.timers.set(s.now+t.After, t.Token)
	}
	if abstains := s.member.AnswersClients() && !s.member.Ready(); abstains != s.abstains {
		s.abstains = abstains
		if abstains {
			s.endWatches(Abstained, (&node.Request{}).NotCarriedOut(node.Abstains), nil)
		}
	}
	return err
}

// wake returns the time of the next step.
func (s *Service) wake() time.Duration {
	if s.stopped {
		return Never
	}
	if len(s.nextBatch) > 0 || len(s.requests.waiting) > 0 && s.member.AnswersClients() || s.listingsCanContinue() {
		return s.now
	}
	at := s.timers.next()
	if w := s.requests.waiting; len(w) > 0 {
		at = min(at, w[0].expires)
	}
	return at
}

// Stop ends the service: the node stops without an error. All calls, listings and
// watches have their outcome in the effects.
func (s *Service) Stop() *Effects {
	s.begin()
	s.stop(nil)
	s.answerPulls()
	s.out.Wake = Never
	return &s.out
}

// stop gives all clients their outcome. cause is why the member failed, or nil.
func (s *Service) stop(cause error) {
	if s.stopped {
		return
	}
	s.stopped, s.cause = true, cause
	s.failRequests()
	s.failListings()
	s.endWatches(Stopped, nil, s.stoppingError())
}

// refuseAfterStop answers a client that came after the end.
func (s *Service) refuseAfterStop(ev *Event) {
	switch ev.Kind {
	case Call:
		s.refuseCall(&request{ticket: ev.Ticket, req: ev.Request}, s.stoppingError())
	case List:
		s.out.Pages = append(s.out.Pages, Page{Ticket: ev.Ticket, Refused: Unserved(nil, ErrStopping), Err: s.stoppingError()})
	case Watch:
		s.refuseWatch(ev.Ticket, nil, s.stoppingError())
	case Reconfigure:
		s.out.Asked = append(s.out.Asked, Asked{Ticket: ev.Ticket, Err: s.stoppingError()})
	}
}

// stoppingError returns the error for a request that came too late.
func (s *Service) stoppingError() error { return WithCause(ErrStopping, s.cause) }

// WithCause adds to err why the node failed, if it did.
func WithCause(err, cause error) error {
	if cause == nil {
		return err
	}
	return fmt.Errorf("%w (%w)", err, cause)
}

// abandon forgets the client of a call, a listing or a watch.
func (s *Service) abandon(t Ticket) {
	s.requests.abandon(t)
	s.abandonListing(t)
	if w := s.hub.byTicket[t]; w != nil {
		s.hub.remove(w)
	}
}
