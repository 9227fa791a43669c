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

// ErrBusy is returned to clients when too many operations are pending.
var ErrBusy = errors.New("overloaded")

// ErrStopping is returned for a request that was never delivered to the node,
// because the node stops: the request has no effect.
var ErrStopping = errors.New("the node stops and has not taken the request: try another")

// ErrStopped is returned for a request that was delivered to the node before it
// stopped: the request may have taken effect.
var ErrStopped = errors.New("the node has stopped, and whether the operation takes effect is not known")

// loop runs the only goroutine that touches the node.
type loop struct {
	member       *member.Member
	node         *node.Node // of member
	log          *slog.Logger
	runner       *files.Runner
	transport    *tcp.Transport
	events       chan node.Event
	calls        chan func()
	quit         chan struct{}
	lifeDurable  chan struct{} // closed when the node may show this life to others
	ready        chan struct{} // closed when the node accepts client requests; until then they wait
	readyTimeout time.Duration // bound of that wait
	abstains     atomic.Bool   // the node's log is disputed
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
	stopCause error // reason of stop; nil: requested. Set before quit is closed
	err       error // why the loop ended; set before done is closed
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

// now returns the node's local clock: monotonic, since startTime.
func (l *loop) now() time.Duration { return time.Since(l.startTime) }

// boot lets the node recover its log.
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

// run handles events until the loop is stopped or the node fails.
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

// updateDiskFull logs when the disk becomes full, and when it has room again.
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

// syncMark prepares the node for its stop: it makes the high-water mark cover the
// end of the log, unless that takes longer than lingerTimeout. Clients get no
// response any more.
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

// updateReadiness opens lifeDurable and ready when the member has got so far, and
// ends all watches when it begins to abstain.
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

// closeOnce closes a channel that is closed by the loop only. It may be called
// again.
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
			if l.transport != nil { // until it starts there are no peers
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

// post hands an event to the loop. It returns false, and the event is lost, if the
// loop is stopping or has ended.
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

// diskDone hands a completed disk request to the loop. The event is not lost while
// the loop runs, not even when it is stopping: syncMark waits for it.
func (l *loop) diskDone(token uint64, err error) {
	select {
	case l.events <- node.Event{Kind: node.DiskDone, Token: token, Err: err}:
	case <-l.done:
	}
}

// stop ends the loop for a reason. Only the first call counts.
func (l *loop) stop(cause error) {
	l.stopOnce.Do(func() {
		l.stopCause = cause
		close(l.quit)
	})
}

// do lets the loop call f, which may read the node. It returns false if the loop has
// ended.
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

// stoppingError returns the error for a request that came too late.
func (l *loop) stoppingError() error { return withCause(ErrStopping, l.err) }

// withCause adds to err why the node ended, if it stopped by itself. It must be
// called after the end.
func withCause(err, why error) error {
	if why == nil {
		return err
	}
	return fmt.Errorf("%w (%w)", err, why)
}

// call sends a client's request to the node, and waits for the reply or for cancel.
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

// abstainReply returns the reply of an abstaining node that did not receive the
// request: this attempt has no effect. The fate of earlier attempts at other nodes
// is unknown.
func abstainReply(r *node.Request) *node.Reply {
	reply := &node.Reply{Kind: r.Kind, Key: r.Key, ID: r.ID, Attempt: r.Attempt, Outcome: node.Rejected, Reason: node.Abstains}
	if r.Kind == node.Propose && r.Retry {
		reply.Outcome = node.Unknown
	}
	return reply
}

// replyAfterStop returns the outcome of a request after the loop has ended.
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
