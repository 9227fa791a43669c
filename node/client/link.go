package client

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/session"
	"github.com/lockstep-dst/lockstep/node/stream"
)

// timings are the timings of a link.
type timings struct {
	connect     time.Duration // until a node has answered a request for a stream
	write       time.Duration // until it has taken what was written
	tick        time.Duration // between two looks at the following
	pingSilence time.Duration // a reply is awaited, and nothing comes: is the node there?
	silent      time.Duration // until it has answered that, or a request for a stream: it is avoided
	pong        time.Duration // it is not there
	revive      time.Duration // between two attempts to hear a silent node again
	pingIdle    time.Duration // nothing is unfinished but watches
	closeIdle   time.Duration // nothing is unfinished
	http        time.Duration // the node speaks no streams: for this time it is not asked again
}

var defaultTimings = timings{
	connect: 5 * time.Second, write: 10 * time.Second, tick: 250 * time.Millisecond, pingSilence: 250 * time.Millisecond,
	silent: 250 * time.Millisecond, pong: 5 * time.Second, revive: time.Second,
	pingIdle: 30 * time.Second, closeIdle: time.Minute, http: time.Minute,
}

// linkBuffer is the size in bytes of the largest read of a stream.
const linkBuffer = 32 << 10

// linkState is the state of a link.
type linkState uint8

const (
	down       linkState = iota // it connects with the next exchange
	connecting                  // exchanges wait
	up
)

// link is the stream to one node, which all operations of a Client use together. Its
// writer sends all requests that have gathered with one write; its reader hands out all
// responses of a read. A node that speaks no streams is asked by HTTP.
type link struct {
	client   *Client
	node     op.NodeID
	timings  timings
	endpoint string
	wake     chan struct{} // holds a token if the writer has work
	writing  atomic.Bool   // a write is under way

	mu        sync.Mutex // guards the following
	state     linkState
	end       *stream.Client
	exchanges map[uint64]*exchange // sent and unfinished, by id
	waiting   []*exchange          // for the connection, or for credit
	lastHeard time.Time            // when bytes came
	lastUsed  time.Time            // when an exchange was last unfinished, to the tick
	pingedAt  time.Time            // since lastHeard; zero: it was not
	httpUntil time.Time
	goodbye   string // text of a Goaway
	silent    bool   // the session avoids the node, until it is heard

	ctx      context.Context    // ends with close, which makes another for what comes later
	endCtx   context.CancelFunc //
	running  context.Context    // ctx of the goroutines that connect and serve the stream
	reviving context.Context    // ctx of the goroutine that tries to hear the node again; nil: there is none
}

// exchange is an operation's attempt, or a watch, on its way to one node.
type exchange struct {
	link *link
	id   uint64 // on the stream; 0: it waits

	call       *pendingCall
	generation uint64 // of call
	request    *op.Request
	deadline   time.Time // after which nobody awaits the reply

	watch *streamWatch // or else a watch
}

func newLink(c *Client, node op.NodeID, endpoint string) *link {
	l := &link{client: c, node: node, timings: defaultTimings, endpoint: endpoint, wake: make(chan struct{}, 1), exchanges: map[uint64]*exchange{}}
	l.ctx, l.endCtx = context.WithCancel(context.Background())
	return l
}

// start begins an exchange of this link. It reports false if it is to go by HTTP.
func (l *link) start(x *exchange) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state == down {
		if time.Now().Before(l.httpUntil) {
			return false
		}
		l.state, l.running = connecting, l.ctx
		go l.run(l.ctx)
	}
	if l.state == connecting || len(l.waiting) > 0 || !l.send(x) {
		l.waiting = append(l.waiting, x)
	}
	return true
}

// send gives an exchange to the stream. It reports false if it must wait for credit, or
// for the end of the stream.
func (l *link) send(x *exchange) bool {
	var err error
	if x.watch != nil {
		x.id, err = l.end.Watch(x.watch.selection, watchCredit)
	} else {
		x.id, err = l.end.Request(x.request, max(time.Until(x.deadline), time.Millisecond))
	}
	switch {
	case errors.Is(err, stream.ErrNoCredit), errors.Is(err, stream.ErrClosed):
		return false
	case err != nil:
		x.invalid(err)
		return true
	}
	l.exchanges[x.id] = x
	l.signal()
	return true
}

// cancel ends an exchange that nobody awaits any more.
func (l *link) cancel(x *exchange) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.exchanges[x.id] == x {
		delete(l.exchanges, x.id)
		if l.end.Cancel(x.id) {
			l.signal()
		}
		return
	}
	if x.id != 0 { // it has its response: most calls end so
		return
	}
	for i, w := range l.waiting {
		if w == x {
			l.waiting = append(l.waiting[:i], l.waiting[i+1:]...)
			return
		}
	}
}

// close ends the stream, also one that is being opened, and the goroutines of the link
// with it. The next exchange opens another.
func (l *link) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.endCtx()
	l.ctx, l.endCtx = context.WithCancel(context.Background())
	l.isHeard() // nothing revives the node any more
}

// isSilent has the session avoid the node. After close nothing would end that. The link's
// mu is held.
func (l *link) isSilent() {
	if !l.silent && l.running.Err() == nil {
		l.silent = true
		l.client.withSession(func(time.Duration) { l.client.session.Silent(l.node) })
	}
}

// isHeard has the session avoid the node no more, if it did. The link's mu is held.
func (l *link) isHeard() {
	if l.silent {
		l.silent = false
		l.client.withSession(func(now time.Duration) { l.client.session.Alive(now, l.node) })
	}
}

// revive tries to hear a silent node again, until it responds or ctx ends: no operation
// does.
func (l *link) revive(ctx context.Context) {
	tick := time.NewTicker(l.timings.revive)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
		if l.isRevived(ctx) {
			return
		}
		conn, _, err := l.dial(ctx)
		if conn != nil {
			_ = conn.Close()
		}
		if err == nil || errors.Is(err, errNoStreams) {
			l.mu.Lock()
			l.isHeard()
			l.mu.Unlock()
		}
	}
}

// isRevived reports whether revive is over.
func (l *link) isRevived(ctx context.Context) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	over := !l.silent || ctx.Err() != nil
	if over && l.reviving == ctx {
		l.reviving = nil
	}
	return over
}

// signal has the writer look for work.
func (l *link) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// run opens a stream and serves it until it ends, and opens another for what has come
// when one was ended because it was not used.
func (l *link) run(ctx context.Context) {
	for l.runStream(ctx) {
	}
}

// runStream opens a stream and serves it until it ends. again reports whether another is
// wanted.
func (l *link) runStream(ctx context.Context) (again bool) {
	hangs := time.AfterFunc(l.timings.silent, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.state == connecting && ctx.Err() == nil {
			l.isSilent()
		}
	})
	conn, first, err := l.dial(ctx)
	hangs.Stop()
	switch {
	case errors.Is(err, errNoStreams):
		l.useHTTP(err)
	case err != nil:
		l.failed(0, err)
	default:
		stop := context.AfterFunc(ctx, func() { _ = conn.Close() }) // which ends its goroutines
		unwritten, err := l.serve(conn, first)
		stop()
		if errors.Is(err, errUnused) && l.reconnect() {
			return true
		}
		l.failed(unwritten, err)
	}
	return false
}

// reconnect has exchanges that came when an unused stream was about to end wait for
// another. None of them was sent. It reports false if there are none.
func (l *link) reconnect() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	ids := slices.Sorted(maps.Keys(l.exchanges))
	if len(ids)+len(l.waiting) == 0 {
		return false
	}
	late := make([]*exchange, 0, len(ids)+len(l.waiting))
	for _, id := range ids {
		x := l.exchanges[id]
		x.id = 0
		late = append(late, x)
	}
	clear(l.exchanges)
	l.state, l.end, l.waiting = connecting, nil, append(late, l.waiting...)
	return true
}

// useHTTP sends all that waits by HTTP, and what comes within timings.http if the node
// has answered that it speaks no streams.
func (l *link) useHTTP(err error) {
	l.mu.Lock()
	l.isHeard()
	if errors.Is(err, errNeverStreams) {
		l.httpUntil = time.Now().Add(l.timings.http)
	}
	var attempts []*exchange
	for _, x := range l.waiting {
		if x.watch != nil {
			x.watch.fail(err)
		} else {
			attempts = append(attempts, x)
		}
	}
	l.waiting, l.state = nil, down
	l.mu.Unlock()
	for _, x := range attempts {
		x.overHTTP()
	}
}

// failed gives all exchanges their end when the stream has ended. The last unwritten
// bytes were certainly not sent.
func (l *link) failed(unwritten int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := fmt.Sprintf("%s: %v", l.endpoint, err)
	if l.goodbye != "" {
		text = l.goodbye
	}
	if l.end != nil {
		l.end.NotWritten(unwritten)
		for _, lost := range l.end.Closed() {
			if x := l.exchanges[lost.ID]; x != nil {
				x.finish(attemptResult{Exchange: session.Exchange{NeverSent: lost.NeverSent}, text: text})
			}
		}
	}
	for _, x := range l.waiting {
		x.finish(attemptResult{Exchange: session.Exchange{NeverSent: true}, text: text})
	}
	clear(l.exchanges)
	l.state, l.end, l.waiting, l.goodbye = down, nil, nil, ""
	if l.silent && l.reviving != l.ctx {
		l.reviving = l.ctx
		go l.revive(l.ctx)
	}
}

// serve runs an open stream until it ends, and returns why, with the number of bytes at
// the end of the ones taken that were not written.
func (l *link) serve(conn net.Conn, first []byte) (unwritten int, err error) {
	l.mu.Lock()
	l.end = stream.NewClient()
	l.lastHeard, l.lastUsed, l.pingedAt = time.Now(), time.Now(), time.Time{}
	l.mu.Unlock()
	read := make(chan error, 1)
	go func() {
		err := l.readLoop(conn, first)
		_ = conn.Close() // which ends a write
		read <- err
	}()
	unwritten, err = l.writeLoop(conn, read)
	if unwritten > 0 { // what has come may hold a Goaway, which tells what the node has not taken
		_ = conn.SetReadDeadline(time.Now().Add(l.timings.silent)) // fails only if the connection is dead
	} else {
		_ = conn.Close()
	}
	if err != nil { // the writer has failed first
		if cause := <-read; !errors.Is(cause, net.ErrClosed) {
			err = cause
		}
		return unwritten, err
	}
	return unwritten, <-read
}

// writeLoop sends what is to be sent. It returns nil when the reader has ended.
func (l *link) writeLoop(conn net.Conn, read chan error) (unwritten int, err error) {
	tick := time.NewTicker(l.timings.tick)
	defer tick.Stop()
	watchdog := l.newWatchdog()
	defer watchdog.Stop()
	var out []byte
	for {
		runtime.Gosched() // operations that are about to send share the write
		l.mu.Lock()
		out = l.end.Take(out)
		l.mu.Unlock()
		if len(out) > 0 {
			if n, err := l.write(conn, out, watchdog); err != nil {
				return len(out) - n, err
			}
			out = out[:0]
		}
		select {
		case <-l.wake:
		case err := <-read:
			read <- err
			return 0, nil
		case now := <-tick.C:
			if err := l.check(now); err != nil {
				return 0, err
			}
		}
	}
}

// write writes b. A node that takes it not within a while, and sends nothing, is silent.
// There is one deadline, and after it no other write: a TLS connection is of no use then.
func (l *link) write(conn net.Conn, b []byte, watchdog *time.Timer) (n int, err error) {
	l.writing.Store(true)
	watchdog.Reset(l.timings.silent)
	_ = conn.SetWriteDeadline(time.Now().Add(l.timings.write)) // fails only if the connection is dead
	n, err = conn.Write(b)
	watchdog.Stop()
	l.writing.Store(false)
	return n, err
}

// newWatchdog returns a timer, not set, that looks after a write for as long as it takes.
func (l *link) newWatchdog() (watchdog *time.Timer) {
	watchdog = time.AfterFunc(time.Hour, func() {
		if !l.writing.Load() {
			return
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if time.Since(l.lastHeard) > l.timings.silent { // it may send all the same
			l.isSilent()
		}
		watchdog.Reset(l.timings.silent)
	})
	watchdog.Stop()
	return watchdog
}

// errSilent is the end of a stream to a node that does not respond; errUnused of one
// that nothing has used for a while.
var (
	errSilent = errors.New("the node does not respond")
	errUnused = errors.New("the stream was not used")
)

// check finds out whether the node is there, if it has not been heard for a while.
func (l *link) check(now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	silence, used := now.Sub(l.lastHeard), len(l.waiting) > 0 || l.end.Unfinished() > 0
	if used {
		l.lastUsed = now
	}
	switch {
	case !l.pingedAt.IsZero() && now.Sub(l.pingedAt) > l.timings.pong:
		return errSilent
	case !l.pingedAt.IsZero() && now.Sub(l.pingedAt) > l.timings.silent:
		l.isSilent()
	case !used && now.Sub(l.lastUsed) > l.timings.closeIdle:
		return errUnused
	case l.pingedAt.IsZero() && used && (silence > l.timings.pingIdle || silence > l.timings.pingSilence && l.awaitsReply()):
		l.pingedAt = now
		l.end.Ping(1)
		l.signal()
	}
	return nil
}

// awaitsReply reports whether something is unfinished that a node answers soon: all but
// watches that have begun.
func (l *link) awaitsReply() bool {
	watches := 0
	for _, x := range l.exchanges {
		if x.watch != nil && x.watch.begun {
			watches++
		}
	}
	return len(l.waiting) > 0 || l.end.Unfinished() > watches
}

// readLoop takes what comes until the stream ends, and returns why.
func (l *link) readLoop(conn net.Conn, first []byte) error {
	if err := l.receive(first); err != nil {
		return err
	}
	chunk := make([]byte, linkBuffer)
	for {
		n, err := conn.Read(chunk)
		if n > 0 {
			if err := l.receive(chunk[:n]); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
	}
}

// receive takes bytes of the node, and hands out the responses in them.
func (l *link) receive(chunk []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lastHeard, l.pingedAt = time.Now(), time.Time{}
	l.isHeard()
	events, err := l.end.Receive(chunk)
	for i := range events {
		l.take(&events[i])
	}
	for len(l.waiting) > 0 && l.state == up {
		if !l.send(l.waiting[0]) {
			break
		}
		l.waiting = l.waiting[1:]
	}
	if l.goodbye != "" && err == nil {
		return errors.New(l.goodbye)
	}
	return err
}

// take takes one message of the node.
func (l *link) take(e *stream.ClientEvent) {
	x := l.exchanges[e.ID]
	switch e.Kind {
	case stream.Greeted:
		l.state = up
	case stream.WentAway:
		l.goodbye = e.Text
		if l.goodbye == "" {
			l.goodbye = e.Goaway.String()
		}
	case stream.Replied:
		if x != nil {
			delete(l.exchanges, e.ID)
			x.replied(e)
		}
	case stream.WatchRefused, stream.WatchEnded:
		if x != nil {
			delete(l.exchanges, e.ID)
			x.watch.ended(e)
		}
	case stream.WatchBegun:
		if x != nil {
			x.watch.begin()
		}
	case stream.WatchChanged:
		if x != nil {
			x.watch.add(e.Changes)
		}
	}
}

// credit grants a watch n more events.
func (l *link) credit(x *exchange, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.exchanges[x.id] == x && l.end.Credit(x.id, n) {
		l.signal()
	}
}

// replied hands a reply to the operation.
func (x *exchange) replied(e *stream.ClientEvent) {
	reply := e.Reply
	r := attemptResult{Exchange: session.Exchange{Reply: &reply}, text: e.Text}
	if reply.Kind == op.ReadLocal {
		h := x.link.end.Peer()
		r.from = httpapi.Responder{Node: h.Node, Boot: h.Boot}
	}
	x.finish(r)
}

// invalid ends an exchange that fits into no message.
func (x *exchange) invalid(err error) {
	if x.watch != nil {
		x.watch.fail(fmt.Errorf("%w: %w", ErrRefused, err))
		return
	}
	reply := x.request.NotCarriedOut(op.BadRequest)
	x.finish(attemptResult{Exchange: session.Exchange{Reply: reply}, text: err.Error()})
}

// finish ends an exchange.
func (x *exchange) finish(r attemptResult) {
	if x.watch != nil {
		x.watch.fail(errors.New(r.text))
		return
	}
	r.Attempt = x.request.Attempt
	x.call.deliver(x.generation, r)
}

// overHTTP sends an attempt by HTTP, if it is still awaited.
func (x *exchange) overHTTP() {
	if ctx, ok := x.call.context(x.generation); ok {
		go x.httpAttempt(ctx)
	}
}

// httpAttempt sends a request to one node by HTTP, and passes on the result.
func (x *exchange) httpAttempt(ctx context.Context) {
	x.finish(x.link.client.roundTrip(ctx, x.link.endpoint, x.request))
}
