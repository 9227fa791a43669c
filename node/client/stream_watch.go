package client

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/lockstep-dst/lockstep/node/stream"
	"github.com/lockstep-dst/lockstep/node/watch"
)

// watchCredit is the number of events of a watch that may wait for its handler.
const watchCredit = 1024

// streamWatch is a watch on a stream.
type streamWatch struct {
	selection watch.Selection
	exchange  *exchange
	ctx       context.Context
	opened    chan struct{} // closed when the watch begins
	begun     bool          // guarded by the link's mu

	taken int // events since the last credit; only for next

	ready chan struct{} // holds a token if there is news
	mu    sync.Mutex    // guards the following
	queue []watch.Event // not taken yet
	err   error         // the end, after queue
	at    time.Time     // when the node was last heard before it
}

// openWatch begins a watch. The error wraps errNoStreams if the node speaks none.
func (l *link) openWatch(ctx context.Context, s watch.Selection) (eventSource, error) {
	w := &streamWatch{selection: s, ctx: ctx, opened: make(chan struct{}), ready: make(chan struct{}, 1)}
	w.exchange = &exchange{link: l, watch: w}
	if !l.start(w.exchange) {
		return nil, errNoStreams
	}
	context.AfterFunc(ctx, func() { l.cancel(w.exchange) })
	select {
	case <-w.opened:
		return w, nil
	case <-w.ready:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case <-w.opened: // and more has come
		w.signal()
		return w, nil
	default:
		w.mu.Lock()
		defer w.mu.Unlock()
		return nil, w.err
	}
}

// begin notes that the watch begins.
func (w *streamWatch) begin() {
	w.begun = true
	close(w.opened)
}

// add takes events.
func (w *streamWatch) add(events []watch.Event) {
	w.mu.Lock()
	w.queue = append(w.queue, events...)
	w.mu.Unlock()
	w.signal()
}

// ended notes that the node has refused or ended the watch.
func (w *streamWatch) ended(e *stream.ClientEvent) {
	if e.Kind == stream.WatchRefused {
		w.fail(refusal(e.Code, e.Text))
		return
	}
	w.fail(fmt.Errorf("%s: %s", e.Code, e.Text))
}

// fail ends the watch. The link's mu is held.
func (w *streamWatch) fail(err error) {
	w.mu.Lock()
	w.err, w.at = err, w.exchange.link.lastHeard
	w.mu.Unlock()
	w.signal()
}

func (w *streamWatch) signal() {
	select {
	case w.ready <- struct{}{}:
	default:
	}
}

// next implements eventSource.
func (w *streamWatch) next() (watch.Event, error) {
	for {
		w.mu.Lock()
		if len(w.queue) > 0 {
			e := w.queue[0]
			w.queue = w.queue[1:]
			w.mu.Unlock()
			if w.taken++; w.taken >= watchCredit/2 {
				w.exchange.link.credit(w.exchange, w.taken)
				w.taken = 0
			}
			return e, nil
		}
		err := w.err
		w.mu.Unlock()
		if err != nil {
			return watch.Event{}, err
		}
		select {
		case <-w.ready:
		case <-w.ctx.Done():
			return watch.Event{}, w.ctx.Err()
		}
	}
}

// heard implements eventSource.
func (w *streamWatch) heard() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at
}

// close implements eventSource.
func (w *streamWatch) close() { w.exchange.link.cancel(w.exchange) }
