package server

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/files"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/node/tcp"
)

// ErrBusy is returned to clients when too many of them wait.
var ErrBusy = errors.New("overloaded")

// ErrStopping is returned to a client whose request was never given to the node,
// because the node stops: it has no effect.
var ErrStopping = errors.New("the node stops and has not taken the request: try another")

// ErrStopped is returned to a client whose request the node had when it stopped:
// it may have taken effect.
var ErrStopped = errors.New("the node has stopped, and whether the operation takes effect is not known")

// loop is the only goroutine that touches the node.
type loop struct {
	member    *member.Member
	node      *node.Node // in member
	log       *slog.Logger
	runner    *files.Runner
	transport *tcp.Transport
	events    chan node.Event
	asks      chan func()
	quit      chan struct{}
	open      chan struct{} // closed when others may hear of this life
	ready     chan struct{} // closed when the node answers clients: before that it hears none
	patience  time.Duration // how long clients wait for that
	abstains  atomic.Bool   // the node takes no part: its log is disputed
	over      chan struct{} // closed when the loop has ended
	begin     time.Time
	timers    timers
	index     index
	known     atomic.Int64 // machines in index
	hub       hub
	waiting   *waiting
	draining  atomic.Bool
	full      atomic.Bool // the disk has no room for the next segment of the log

	once  sync.Once
	cause error // why it was stopped; set before quit is closed
	err   error // why it has ended; set before over is closed
}

// maxBatch bounds the events of one step.
const maxBatch = 256

func newLoop(m *member.Member, log *slog.Logger, limits Limits, patience time.Duration) *loop {
	return &loop{
		member: m, node: m.Node(), log: log, begin: time.Now(), waiting: newWaiting(limits.Waiting), patience: patience,
		events: make(chan node.Event, 4*maxBatch), asks: make(chan func()),
		quit: make(chan struct{}), open: make(chan struct{}), ready: make(chan struct{}), over: make(chan struct{}),
		hub: hub{keys: map[string][]*watcher{}},
	}
}

// now is the node's local clock: monotonic.
func (l *loop) now() time.Duration { return time.Since(l.begin) }

// boot lets the node read what the disk holds.
func (l *loop) boot(dir *files.Dir, incarnation [16]byte, runner *files.Runner) error {
	l.runner = runner
	var life [8]byte
	rand.Read(life[:])
	effects, err := l.member.StepAll(l.now(), []node.Event{{
		Kind: node.Boot, Dir: dir, Incarnation: incarnation, Life: binary.LittleEndian.Uint64(life[:]),
	}})
	if err != nil {
		return err
	}
	l.survey()
	l.perform(effects)
	return nil
}

// run takes events until the loop is stopped or the node fails.
func (l *loop) run() error {
	l.err = l.live()
	close(l.over)
	return l.err
}

func (l *loop) live() error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	batch := make([]node.Event, 0, maxBatch)
	for {
		l.tellStanding()
		timer.Reset(l.timers.wait(l.now()))
		batch = batch[:0]
		select {
		case <-l.quit:
			if l.cause == nil {
				return l.rest()
			}
			return l.cause
		case ask := <-l.asks:
			ask()
			continue
		case ev := <-l.events:
			batch = l.drain(append(batch, ev))
		case <-timer.C:
		}
		batch = l.timers.due(l.now(), batch)
		if len(batch) == 0 {
			continue
		}
		l.waiting.hand(batch)
		effects, err := l.member.StepAll(l.now(), batch)
		l.learn(batch, effects)
		l.perform(effects)
		if err != nil {
			return err
		}
		l.noteFull()
	}
}

// noteFull tells when the disk becomes full, and when it is not any more.
func (l *loop) noteFull() {
	err := l.node.Full()
	if full := err != nil; full != l.full.Swap(full) {
		if full {
			l.log.Error("the disk is full: the node goes on until a segment of its log is, and then stops", "error", err)
		} else {
			l.log.Info("the disk has room for the log again")
		}
	}
}

// rest prepares the node for its stop, as long as that takes less than a moment: its
// log is to prove its end. Nobody is answered any more.
func (l *loop) rest() error {
	if !l.node.Ready() {
		return nil
	}
	timer := time.NewTimer(lingering)
	defer timer.Stop()
	for ev := (node.Event{Kind: node.Rest}); ; {
		if ev.Kind == node.Rest || ev.Kind == node.Done {
			effects, err := l.node.Step(l.now(), ev)
			if err != nil {
				return err
			}
			l.runner.Submit(effects.Disk)
		}
		if l.node.Rested() {
			return nil
		}
		select {
		case ev = <-l.events:
		case <-timer.C:
			l.log.Warn("the log did not come to rest before the stop: damage to its end may go unnoticed")
			return nil
		}
	}
}

// tellStanding lets those go on who wait for the member to get so far.
func (l *loop) tellStanding() {
	if l.member.Open() {
		closeOnce(l.open)
	}
	if !l.member.Answers() {
		return
	}
	closeOnce(l.ready)
	abstains := !l.member.Ready()
	if abstains && !l.abstains.Load() {
		l.hub.dismiss()
	}
	l.abstains.Store(abstains)
}

// closeOnce closes a channel that only the loop closes.
func closeOnce(c chan struct{}) {
	select {
	case <-c:
	default:
		close(c)
	}
}

// drain adds what has arrived besides, so that one sync serves it all.
func (l *loop) drain(batch []node.Event) []node.Event {
	for len(batch) < maxBatch {
		select {
		case ev := <-l.events:
			batch = append(batch, ev)
		default:
			return batch
		}
	}
	return batch
}

// perform does what the node asks for.
func (l *loop) perform(e *node.Effects) {
	if len(e.Disk) > 0 {
		l.runner.Submit(e.Disk)
	}
	for _, s := range e.Sends {
		if s.To < firstClient {
			if l.transport != nil { // until it is there, nobody can be reached
				l.transport.Send(s.To, s.Message)
			}
		} else if r, ok := s.Message.(*node.Reply); ok {
			l.waiting.reply(s.To, r)
		}
	}
	now := l.now()
	for _, t := range e.Timers {
		l.timers.set(now+t.After, t.Token)
	}
}

// put hands an event to the loop. It reports false, and the event is lost, when
// the loop is to end or has ended.
func (l *loop) put(ev node.Event) bool {
	select {
	case l.events <- ev:
		return true
	case <-l.quit:
	case <-l.over:
	}
	return false
}

func (l *loop) deliver(from node.ID, life uint64, m node.Message) {
	l.put(node.Event{Kind: node.Receive, From: from, Life: life, Message: m})
}

// diskDone is not lost while the loop lives: it is waited for at the end.
func (l *loop) diskDone(token uint64, err error) {
	select {
	case l.events <- node.Event{Kind: node.Done, Token: token, Err: err}:
	case <-l.over:
	}
}

// stop ends the loop for a reason; the first counts.
func (l *loop) stop(cause error) {
	l.once.Do(func() {
		l.cause = cause
		close(l.quit)
	})
}

// look has the loop call f, which may read the node. It reports false if the
// loop has ended.
func (l *loop) look(f func(*node.Node)) bool {
	done := make(chan struct{})
	select {
	case l.asks <- func() { f(l.node); close(done) }:
		<-done
		return true
	case <-l.over:
		return false
	}
}

// closed is what to say to a client that comes too late.
func (l *loop) closed() error { return because(ErrStopping, l.err) }

// because adds to an error why the node has ended, if it did so by itself. It is
// called after that.
func because(err, why error) error {
	if why == nil {
		return err
	}
	return fmt.Errorf("%w (%w)", err, why)
}

// call asks the node on behalf of a client and waits for the answer, or for
// cancel.
func (l *loop) call(r *node.Request, cancel <-chan struct{}) (*node.Reply, error) {
	if l.draining.Load() {
		return nil, ErrStopping
	}
	id, a, err := l.waiting.join()
	if err != nil {
		return nil, err
	}
	late := time.NewTimer(l.patience)
	defer late.Stop()
	select {
	case <-l.ready:
	case <-late.C:
		l.waiting.leave(id)
		return apart(r), nil
	case <-cancel:
		l.waiting.leave(id)
		return nil, fmt.Errorf("%s: the client has gone", r.ID)
	case <-l.over:
		return nil, l.closed()
	}
	l.put(node.Event{Kind: node.Receive, From: id, Message: r})
	select {
	case reply := <-a.answer:
		return reply, nil
	case <-cancel:
		return nil, fmt.Errorf("%s: the client has gone", r.ID)
	case <-l.over:
		return a.end(l)
	}
}

// apart is the answer of a node that takes no part, and was not given the request:
// nothing will come of it. What came of earlier attempts at others is not known.
func apart(r *node.Request) *node.Reply {
	reply := &node.Reply{Kind: r.Kind, Key: r.Key, ID: r.ID, Attempt: r.Attempt, Outcome: node.Rejected, Reason: node.Abstains}
	if r.Kind == node.Propose && r.Retry {
		reply.Outcome = node.Unknown
	}
	return reply
}

// end is what became of a request when the loop is over.
func (a *asked) end(l *loop) (*node.Reply, error) {
	select {
	case reply := <-a.answer:
		return reply, nil
	default:
	}
	if a.handed {
		return nil, because(ErrStopped, l.err)
	}
	return nil, l.closed()
}
