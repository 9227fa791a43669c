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

// ErrStopping is returned for a request that was never given to the node,
// because the node stops: it has no effect.
var ErrStopping = errors.New("the node stops and has not taken the request: try another")

// ErrStopped is returned for a request that the node had when it stopped:
// it may have taken effect.
var ErrStopped = errors.New("the node has stopped, and whether the operation takes effect is not known")

// loop is the only goroutine that touches the node.
type loop struct {
	member       *member.Member
	node         *node.Node // in member
	log          *slog.Logger
	runner       *files.Runner
	transport    *tcp.Transport
	events       chan node.Event
	calls        chan func()
	quit         chan struct{}
	lifeDurable  chan struct{} // closed when others may hear of this life
	ready        chan struct{} // closed when the node answers clients: before that it hears none
	readyTimeout time.Duration // how long clients wait for that
	abstains     atomic.Bool   // the node takes no part: its log is disputed
	done         chan struct{} // closed when the loop has ended
	startTime    time.Time
	timers       timers
	index        index
	machineCount atomic.Int64 // machines in index
	hub          watchHub
	pending      *pendingRequests
	draining     atomic.Bool
	diskFull     atomic.Bool // the disk has no room for the next segment of the log

	stopOnce  sync.Once
	stopCause error // why it was stopped; set before quit is closed
	err       error // why it has ended; set before over is closed
}

// maxBatch bounds the events of one step.
const maxBatch = 256

func newLoop(m *member.Member, log *slog.Logger, limits Limits, readyTimeout time.Duration) *loop {
	return &loop{
		member: m, node: m.Node(), log: log, startTime: time.Now(), pending: newPendingRequests(limits.Pending), readyTimeout: readyTimeout,
		events: make(chan node.Event, 4*maxBatch), calls: make(chan func()),
		quit: make(chan struct{}), lifeDurable: make(chan struct{}), ready: make(chan struct{}), done: make(chan struct{}),
		hub: watchHub{keys: map[string][]*watcher{}},
	}
}

// now is the node's local clock: monotonic.
func (l *loop) now() time.Duration { return time.Since(l.startTime) }

// boot has the node recover its log.
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
	l.buildIndex()
	l.applyEffects(effects)
	return nil
}

// run takes events until the loop is stopped or the node fails.
func (l *loop) run() error {
	l.err = l.runLoop()
	close(l.done)
	return l.err
}

func (l *loop) runLoop() error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	batch := make([]node.Event, 0, maxBatch)
	for {
		l.updateReadiness()
		timer.Reset(l.timers.wait(l.now()))
		batch = batch[:0]
		select {
		case <-l.quit:
			if l.stopCause == nil {
				return l.syncMark()
			}
			return l.stopCause
		case ask := <-l.calls:
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
		l.pending.markDelivered(batch)
		effects, err := l.member.StepAll(l.now(), batch)
		l.publishChosen(batch, effects)
		l.applyEffects(effects)
		if err != nil {
			return err
		}
		l.updateDiskFull()
	}
}

// updateDiskFull tells when the disk becomes full, and when it is not any more.
func (l *loop) updateDiskFull() {
	err := l.node.Full()
	if full := err != nil; full != l.diskFull.Swap(full) {
		if full {
			l.log.Error("the disk is full: the node goes on until a segment of its log is, and then stops", "error", err)
		} else {
			l.log.Info("the disk has room for the log again")
		}
	}
}

// syncMark prepares the node for its stop, as long as that takes less than a moment: its
// log is to prove its end. Clients get no response any more.
func (l *loop) syncMark() error {
	if !l.node.Ready() {
		return nil
	}
	timer := time.NewTimer(lingerTimeout)
	defer timer.Stop()
	for ev := (node.Event{Kind: node.SyncMark}); ; {
		if ev.Kind == node.SyncMark || ev.Kind == node.DiskDone {
			effects, err := l.node.Step(l.now(), ev)
			if err != nil {
				return err
			}
			l.runner.Submit(effects.Disk)
		}
		if l.node.IsMarkSynced() {
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

// updateReadiness lets those go on who wait for the member to get so far.
func (l *loop) updateReadiness() {
	if l.member.LifeDurable() {
		closeOnce(l.lifeDurable)
	}
	if !l.member.AnswersClients() {
		return
	}
	closeOnce(l.ready)
	abstains := !l.member.Ready()
	if abstains && !l.abstains.Load() {
		l.hub.closeAll()
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

// drain adds all other events that have arrived, so that one sync serves them.
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

// applyEffects carries out the effects of a step.
func (l *loop) applyEffects(e *node.Effects) {
	if len(e.Disk) > 0 {
		l.runner.Submit(e.Disk)
	}
	for _, s := range e.Sends {
		if s.To < firstClient {
			if l.transport != nil { // before that there are no peers
				l.transport.Send(s.To, s.Message)
			}
		} else if r, ok := s.Message.(*node.Reply); ok {
			l.pending.complete(s.To, r)
		}
	}
	now := l.now()
	for _, t := range e.Timers {
		l.timers.set(now+t.After, t.Token)
	}
}

// post hands an event to the loop. It reports false, and the event is lost, when
// the loop is to end or has ended.
func (l *loop) post(ev node.Event) bool {
	select {
	case l.events <- ev:
		return true
	case <-l.quit:
	case <-l.done:
	}
	return false
}

func (l *loop) deliver(from node.ID, life uint64, m node.Message) {
	l.post(node.Event{Kind: node.Receive, From: from, Life: life, Message: m})
}

// diskDone is not lost while the loop lives: it is waited for at the end.
func (l *loop) diskDone(token uint64, err error) {
	select {
	case l.events <- node.Event{Kind: node.DiskDone, Token: token, Err: err}:
	case <-l.done:
	}
}

// stop ends the loop for a reason; the first counts.
func (l *loop) stop(cause error) {
	l.stopOnce.Do(func() {
		l.stopCause = cause
		close(l.quit)
	})
}

// do has the loop call f, which may read the node. It reports false if the
// loop has ended.
func (l *loop) do(f func(*node.Node)) bool {
	done := make(chan struct{})
	select {
	case l.calls <- func() { f(l.node); close(done) }:
		<-done
		return true
	case <-l.done:
		return false
	}
}

// stoppingError is the error for a client that comes too late.
func (l *loop) stoppingError() error { return withCause(ErrStopping, l.err) }

// withCause adds to an error why the node has ended, if it did so by itself. It is
// called after that.
func withCause(err, why error) error {
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
	id, a, err := l.pending.add()
	if err != nil {
		return nil, err
	}
	late := time.NewTimer(l.readyTimeout)
	defer late.Stop()
	select {
	case <-l.ready:
	case <-late.C:
		l.pending.remove(id)
		return abstainReply(r), nil
	case <-cancel:
		l.pending.remove(id)
		return nil, fmt.Errorf("%s: the client has gone", r.ID)
	case <-l.done:
		return nil, l.stoppingError()
	}
	l.post(node.Event{Kind: node.Receive, From: id, Message: r})
	select {
	case reply := <-a.reply:
		return reply, nil
	case <-cancel:
		return nil, fmt.Errorf("%s: the client has gone", r.ID)
	case <-l.done:
		return a.replyAfterStop(l)
	}
}

// abstainReply is the answer of a node that takes no part, and was not given the request:
// nothing will come of it. The fate of earlier attempts at other nodes is unknown.
func abstainReply(r *node.Request) *node.Reply {
	reply := &node.Reply{Kind: r.Kind, Key: r.Key, ID: r.ID, Attempt: r.Attempt, Outcome: node.Rejected, Reason: node.Abstains}
	if r.Kind == node.Propose && r.Retry {
		reply.Outcome = node.Unknown
	}
	return reply
}

// replyAfterStop is the outcome of a request after the loop has ended.
func (a *pendingRequest) replyAfterStop(l *loop) (*node.Reply, error) {
	select {
	case reply := <-a.reply:
		return reply, nil
	default:
	}
	if a.delivered {
		return nil, withCause(ErrStopped, l.err)
	}
	return nil, l.stoppingError()
}
