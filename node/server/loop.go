package server

import (
	"container/heap"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/files"
	"github.com/lockstep-dst/lockstep/node/tcp"
)

// ErrBusy is returned to clients when too many of them wait.
var ErrBusy = errors.New("too many clients wait for this node: try another")

// ErrClosed is returned to clients of a node that stops.
var ErrClosed = errors.New("the node stops: try another")

// loop is the only goroutine that touches the node.
type loop struct {
	node      *node.Node
	log       *slog.Logger
	runner    *files.Runner
	transport *tcp.Transport
	events    chan node.Event
	asks      chan func()
	quit      chan struct{}
	ready     chan struct{} // closed when the node listens: before that it hears nobody
	over      chan struct{} // closed when the loop has ended
	begin     time.Time
	timers    timers
	draining  atomic.Bool

	once  sync.Once
	cause error // why it was stopped; set before quit is closed

	mu      sync.Mutex
	clients map[node.ID]chan *node.Reply
	last    node.ID // given to a client
}

// Ids of clients: the members' are far below.
const (
	firstClient = 1 << 10
	lastClient  = 1<<16 - 1
)

// maxBatch bounds the events of one step.
const maxBatch = 256

func newLoop(n *node.Node, log *slog.Logger) *loop {
	return &loop{
		node: n, log: log, begin: time.Now(), last: lastClient,
		events: make(chan node.Event, 4*maxBatch), asks: make(chan func()),
		quit: make(chan struct{}), ready: make(chan struct{}), over: make(chan struct{}),
		clients: map[node.ID]chan *node.Reply{},
	}
}

// now is the node's local clock: monotonic.
func (l *loop) now() time.Duration { return time.Since(l.begin) }

// boot lets the node read what the disk holds.
func (l *loop) boot(dir *files.Dir, incarnation [16]byte, runner *files.Runner) error {
	l.runner = runner
	effects, err := l.node.Step(l.now(), node.Event{Kind: node.Boot, Dir: dir, Incarnation: incarnation})
	if err != nil {
		return err
	}
	l.perform(effects)
	return nil
}

// run takes events until the loop is stopped or the node fails.
func (l *loop) run() error {
	defer close(l.over)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	batch := make([]node.Event, 0, maxBatch)
	ready := false
	for {
		if !ready && l.node.Ready() {
			ready = true
			close(l.ready)
		}
		timer.Reset(l.timers.wait(l.now()))
		batch = batch[:0]
		select {
		case <-l.quit:
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
		effects, err := l.node.StepAll(l.now(), batch)
		l.perform(effects)
		if err != nil {
			return err
		}
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
			l.transport.Send(s.To, s.Message)
		} else if r, ok := s.Message.(*node.Reply); ok {
			l.reply(s.To, r)
		}
	}
	now := l.now()
	for _, t := range e.Timers {
		heap.Push(&l.timers, timer{now + t.After, t.Token})
	}
}

// put hands an event to the loop; it is lost when the loop has ended.
func (l *loop) put(ev node.Event) {
	select {
	case l.events <- ev:
	case <-l.over:
	}
}

func (l *loop) deliver(from node.ID, m node.Message) {
	l.put(node.Event{Kind: node.Receive, From: from, Message: m})
}

func (l *loop) diskDone(token uint64, err error) {
	l.put(node.Event{Kind: node.Done, Token: token, Err: err})
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

// call asks the node on behalf of a client and waits for the answer, or for
// cancel.
func (l *loop) call(r *node.Request, cancel <-chan struct{}) (*node.Reply, error) {
	id, answer, err := l.join()
	if err != nil {
		return nil, err
	}
	defer l.leave(id)
	select {
	case <-l.ready:
		l.put(node.Event{Kind: node.Receive, From: id, Message: r})
	case <-cancel:
	case <-l.over:
	}
	select {
	case reply := <-answer:
		return reply, nil
	case <-cancel:
		return nil, fmt.Errorf("%s: the client has gone", r.ID)
	case <-l.over:
		return nil, ErrClosed
	}
}

// join gives a client an id that no other has.
func (l *loop) join() (node.ID, chan *node.Reply, error) {
	if l.draining.Load() {
		return 0, nil, ErrClosed
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.clients) >= maxClients {
		return 0, nil, ErrBusy
	}
	for {
		if l.last++; l.last < firstClient { // it wraps round
			l.last = firstClient
		}
		if l.clients[l.last] == nil {
			answer := make(chan *node.Reply, 1)
			l.clients[l.last] = answer
			return l.last, answer, nil
		}
	}
}

// maxClients wait at the same time.
const maxClients = 16 << 10

func (l *loop) leave(id node.ID) {
	l.mu.Lock()
	delete(l.clients, id)
	l.mu.Unlock()
}

func (l *loop) reply(id node.ID, r *node.Reply) {
	l.mu.Lock()
	answer := l.clients[id]
	l.mu.Unlock()
	if answer != nil {
		select {
		case answer <- r:
		default: // it has one already
		}
	}
}
