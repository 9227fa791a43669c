package server

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/configuration"
	"github.com/lockstep-dst/lockstep/node/files"
	"github.com/lockstep-dst/lockstep/node/service"
	"github.com/lockstep-dst/lockstep/node/tcp"
)

// loop runs the only goroutine that touches the service, and with it the node. All
// decisions are the service's: the loop brings it events, and carries out its effects.
type loop struct {
	service   *service.Service
	node      *node.Node // of service
	log       *slog.Logger
	runner    *files.Runner
	transport *tcp.Transport

	// members is the configuration that the transport has; nil: it has the peers that the
	// node was started with. followMembers has the transport take another; nil: there is
	// no transport yet.
	members       *configuration.Configuration
	followMembers func(*configuration.Configuration)
	formed        atomic.Pointer[[16]byte] // the id of the cluster that was formed; nil: none was yet

	inbox       *inbox
	calls       chan func()
	quit        chan struct{}
	lifeDurable chan struct{} // closed when the node may show this life to others
	done        chan struct{} // closed when the loop has ended
	startTime   time.Time
	wake        time.Duration                // time of the next step, unless an event comes earlier
	clients     map[service.Ticket]recipient // clients without a final response
	sends       map[node.ID][]node.Message   // of a step, by peer; kept for its memory
	streams     []*streamConn                // with responses of this step
	times       loopTimes
	lastTicket  atomic.Uint64
	draining    atomic.Bool
	drained     chan struct{} // closed when the node may stop without harm
	diskFull    atomic.Bool   // the disk has no room for the next segment of the log

	stopOnce  sync.Once
	stopCause error // reason of stop; nil: requested. Set before quit is closed
	err       error // why the loop ended; set before done is closed

	endedMu sync.Mutex // guards the service after done is closed
}

// clientEvent is an event of the service. If it is the first of a ticket, it has the
// recipient of the responses.
type clientEvent struct {
	service.Event
	recipient
}

// recipient is the place for the responses of one ticket: a channel with room for two,
// since the end of a watch comes by itself, or an exchange of a stream.
type recipient struct {
	channel chan<- response
	stream  *streamConn
	id      uint64 // of the exchange
}

// response is a response of the service to a client: one of the four.
type response struct {
	reply  service.Reply
	page   service.Page
	update service.Update
	asked  service.Asked
}

// maxBatch bounds the events of one step.
const maxBatch = 256

func newLoop(s *service.Service, log *slog.Logger) *loop {
	return &loop{
		service: s, node: s.Member().Node(), log: log, startTime: time.Now(), wake: service.Never,
		inbox: newInbox(), calls: make(chan func()), clients: map[service.Ticket]recipient{}, sends: map[node.ID][]node.Message{},
		quit: make(chan struct{}), lifeDurable: make(chan struct{}), drained: make(chan struct{}), done: make(chan struct{}),
	}
}

// now returns the node's local clock: monotonic, since startTime.
func (l *loop) now() time.Duration { return time.Since(l.startTime) }

// boot lets the node recover its log.
func (l *loop) boot(dir *files.Dir, incarnation [16]byte, runner *files.Runner) error {
	l.runner = runner
	var life [8]byte
	rand.Read(life[:])
	return l.step(l.now(), []service.Event{{Member: node.Event{
		Kind: node.Boot, Dir: dir, Incarnation: incarnation, Life: binary.LittleEndian.Uint64(life[:]),
	}}})
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
	batch := make([]service.Event, 0, maxBatch)
	var arrived []clientEvent
	var begun time.Duration // when the last step began; 0: none has, or it is counted
	for {
		if l.service.Member().LifeDurable() {
			closeOnce(l.lifeDurable)
		}
		now := l.now()
		if begun != 0 {
			l.times.step.observe(now - begun)
			begun = 0
		}
		timer.Reset(max(0, min(l.wake-now, time.Hour)))
		batch = batch[:0]
		select {
		case <-l.quit:
			return l.end()
		case ask := <-l.calls:
			ask()
			continue
		case <-l.inbox.arrived:
			var since time.Time
			arrived, since = l.inbox.take(arrived[:0], maxBatch)
			begun = l.now()
			l.times.queue.observe(begun - since.Sub(l.startTime))
			batch = l.noteClients(batch, arrived)
			clear(arrived)
		case <-timer.C:
			begun = l.now()
		}
		if err := l.step(begun, batch); err != nil {
			return err
		}
		l.updateDiskFull()
		l.updateDrained()
	}
}

// updateDrained notes that the node may stop without harm, or has the loop wake when it
// may.
func (l *loop) updateDrained() {
	if !l.draining.Load() {
		return
	}
	if at := l.service.DrainedAt(); at <= l.now() {
		closeOnce(l.drained)
	} else {
		l.wake = min(l.wake, at)
	}
}

// end ends the service when the loop is stopped.
func (l *loop) end() error {
	l.applyEffects(l.service.Stop())
	if l.stopCause == nil {
		return l.syncMark()
	}
	return l.stopCause
}

// step has the service take events, and carries out the effects.
func (l *loop) step(now time.Duration, batch []service.Event) error {
	effects, err := l.service.Step(now, batch)
	l.updateMembers()
	l.applyEffects(effects)
	return err
}

// updateMembers has the transport take the members of a configuration that the node has
// adopted, before it is given the messages of the step to them.
func (l *loop) updateMembers() {
	if l.formed.Load() == nil {
		if id := l.service.Member().FormedCluster(); id != [16]byte{} {
			l.formed.Store(&id)
		}
	}
	if c := l.service.Member().Configuration(); c != l.members && l.followMembers != nil {
		l.members = c
		l.followMembers(c)
	}
}

// noteClients adds events to a batch, and notes their clients.
func (l *loop) noteClients(batch []service.Event, evs []clientEvent) []service.Event {
	for i := range evs {
		ev := &evs[i]
		if ev.recipient != (recipient{}) {
			l.clients[ev.Ticket] = ev.recipient
		} else if ev.Kind == service.Abandon {
			delete(l.clients, ev.Ticket)
		}
		batch = append(batch, ev.Event)
	}
	return batch
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
// response any more: of the events, only completions of the disk count.
func (l *loop) syncMark() error {
	if !l.node.Ready() {
		return nil
	}
	timer := time.NewTimer(lingerTimeout)
	defer timer.Stop()
	if err := l.stepNode(node.Event{Kind: node.SyncMark}); err != nil {
		return err
	}
	var arrived []clientEvent
	for !l.node.IsMarkSynced() {
		select {
		case <-l.inbox.arrived:
			arrived, _ = l.inbox.take(arrived[:0], maxBatch)
			for i := range arrived {
				if ev := &arrived[i]; ev.Kind == service.OfMember && ev.Member.Kind == node.DiskDone {
					if err := l.stepNode(ev.Member); err != nil {
						return err
					}
				}
			}
		case <-timer.C:
			l.log.Warn("the log did not come to rest before the stop: damage to its end may go unnoticed")
			return nil
		}
	}
	return nil
}

// stepNode has the node alone take an event, and executes the requests of its log.
func (l *loop) stepNode(ev node.Event) error {
	effects, err := l.node.Step(l.now(), ev)
	if err != nil {
		return err
	}
	l.runner.Submit(effects.Disk)
	return nil
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

// applyEffects carries out the effects of a step.
func (l *loop) applyEffects(e *service.Effects) {
	if len(e.Disk) > 0 {
		l.runner.Submit(e.Disk)
	}
	l.send(e.Sends)
	l.times.count(e)
	for _, r := range e.Replies {
		l.respond(r.Ticket, response{reply: r}, true)
	}
	for _, p := range e.Pages {
		l.respond(p.Ticket, response{page: p}, true)
	}
	for _, a := range e.Asked {
		l.respond(a.Ticket, response{asked: a}, true)
	}
	for _, u := range e.Updates {
		l.respond(u.Ticket, response{update: u}, u.Refused != nil || u.End != service.NotEnded)
	}
	l.flushStreams()
	l.wake = e.Wake
}

// flushStreams hands each stream its responses of this step, all at once.
func (l *loop) flushStreams() {
	for i, c := range l.streams {
		c.deliver()
		l.streams[i] = nil
	}
	l.streams = l.streams[:0]
}

// send hands each peer its messages, all at once, so that one write serves them.
func (l *loop) send(sends []node.Send) {
	if l.transport == nil || len(sends) == 0 { // until it starts there are no peers
		return
	}
	for _, s := range sends {
		l.sends[s.To] = append(l.sends[s.To], s.Message)
	}
	for to, messages := range l.sends {
		l.transport.Send(to, messages...)
		clear(messages)
		l.sends[to] = messages[:0]
	}
}

// respond hands a response to its client, if it has not gone. last is set if no other
// follows.
func (l *loop) respond(t service.Ticket, r response, last bool) {
	switch to := l.clients[t]; {
	case to.channel != nil:
		to.channel <- r // there is room: the client has taken all but an end
	case to.stream != nil:
		if to.stream.gather(to.id, r) {
			l.streams = append(l.streams, to.stream)
		}
	}
	if last {
		delete(l.clients, t)
	}
}

// post hands an event to the loop. It returns false, and the event is lost, if the
// loop is stopping or has ended.
func (l *loop) post(ev clientEvent) bool { return l.submit([]clientEvent{ev}) }

// submit hands events of clients to the loop, all at once. It waits while the loop has
// too many, and returns false, with the events lost, if the loop is stopping or has ended.
func (l *loop) submit(evs []clientEvent) bool { return l.put(evs, inboxSize) }

func (l *loop) put(evs []clientEvent, size int) bool {
	select {
	case <-l.quit:
		return false
	case <-l.done:
		return false
	default:
	}
	return l.inbox.put(evs, size, l.quit, l.done)
}

// newTicket returns a ticket that has not been used.
func (l *loop) newTicket() service.Ticket { return service.Ticket(l.lastTicket.Add(1)) }

// request hands the first event of a client to the loop, and returns its ticket and
// the channel of the responses. They are nil if the loop takes no more events.
func (l *loop) request(ev service.Event) (service.Ticket, <-chan response) {
	ev.Ticket = l.newTicket()
	c := make(chan response, 2)
	if !l.post(clientEvent{Event: ev, recipient: recipient{channel: c}}) {
		return 0, nil
	}
	return ev.Ticket, c
}

// abandon tells the service that a client has gone.
func (l *loop) abandon(t service.Ticket) {
	l.post(abandonment(t))
}

// abandonment is the event that a client has gone.
func abandonment(t service.Ticket) clientEvent {
	return clientEvent{Event: service.Event{Kind: service.Abandon, Ticket: t}}
}

// deliver hands messages of a peer to the loop.
func (l *loop) deliver(from tcp.Sender, messages []node.Message) {
	evs := make([]clientEvent, len(messages))
	for i, m := range messages {
		evs[i].Member = node.Event{Kind: node.Receive, From: from.Node, Life: from.Life, Level: from.Level, Message: m}
	}
	l.put(evs, peerInboxSize)
}

// met hands the node a member that it has learnt of while it waits to be added.
func (l *loop) met(id node.ID) {
	l.put([]clientEvent{{Event: service.Event{Kind: service.Met, Member: node.Event{From: id}}}}, peerInboxSize)
}

// formedCluster returns the id of the cluster that was formed; zero: none was yet.
func (l *loop) formedCluster() (id [16]byte) {
	if formed := l.formed.Load(); formed != nil {
		id = *formed
	}
	return id
}

// removed hands the node the word of a peer that it was removed from the members.
func (l *loop) removed(by node.ID) {
	l.put([]clientEvent{{Event: service.Event{Kind: service.Removed, Member: node.Event{From: by}}}}, peerInboxSize)
}

// diskDone hands a completed disk request to the loop. The event is not lost while
// the loop runs, not even when it is stopping: syncMark waits for it.
func (l *loop) diskDone(token uint64, err error) {
	l.inbox.putNow(clientEvent{Event: service.Event{Member: node.Event{Kind: node.DiskDone, Token: token, Err: err}}})
}

// startDraining has new requests rejected, since the node is about to stop. It does not
// wait, however much waits for the loop.
func (l *loop) startDraining() {
	if !l.draining.Swap(true) {
		l.inbox.putNow(clientEvent{Event: service.Event{Kind: service.Drain}})
	}
}

// stop ends the loop for a reason. Only the first call counts.
func (l *loop) stop(cause error) {
	l.stopOnce.Do(func() {
		l.stopCause = cause
		close(l.quit)
	})
}

// do lets the loop call f, which may read the service. It returns false if the loop
// has ended.
func (l *loop) do(f func(*service.Service)) bool {
	done := make(chan struct{})
	select {
	case l.calls <- func() { f(l.service); close(done) }:
		<-done
		return true
	case <-l.done:
		return false
	}
}

// inspect calls f, which may read the service, also after the loop has ended. It
// reports whether the loop runs.
func (l *loop) inspect(f func(*service.Service)) (running bool) {
	if l.do(f) {
		return true
	}
	l.endedMu.Lock()
	defer l.endedMu.Unlock()
	f(l.service)
	return false
}

// stoppingError returns the error for a request that came too late.
func (l *loop) stoppingError() error { return service.WithCause(service.ErrStopping, l.err) }

// errClientGone is returned if the client has gone before there was a response.
var errClientGone = errors.New("the client has gone")

// await returns the next response to a client. It abandons the request when the
// client has gone.
func (l *loop) await(t service.Ticket, c <-chan response, gone <-chan struct{}) (response, error) {
	if c == nil {
		<-l.done
		return response{}, l.stoppingError()
	}
	select {
	case r := <-c:
		return r, nil
	case <-gone:
		l.abandon(t)
		return response{}, errClientGone
	case <-l.done:
	}
	select {
	case r := <-c: // it came last
		return r, nil
	default:
		return response{}, l.stoppingError() // the loop has not taken the request
	}
}

// call sends a client's request to the node, and waits for the reply or for the
// client to go. With an error the reply is what the error means for the request, or
// nil.
func (l *loop) call(r *node.Request, gone <-chan struct{}) (*node.Reply, error) {
	t, c := l.request(service.Event{Kind: service.Call, Request: r})
	got, err := l.await(t, c, gone)
	if err != nil {
		return nil, err
	}
	return got.reply.Reply, got.reply.Err
}
