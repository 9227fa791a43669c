package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/watch"
)

// DefaultHeartbeat is the longest silence of a watch, by default.
const DefaultHeartbeat = 15 * time.Second

// subscription is the parsed query of a watch.
type subscription struct {
	watcher
	watch.Stream
}

// parseWatch parses the query of a watch.
func parseWatch(r *http.Request) (*subscription, error) {
	q := r.URL.Query()
	for name := range q {
		if name != "key" && name != "prefix" && name != "from" {
			return nil, fmt.Errorf("%s: no such parameter: want key or prefix, and from", name)
		}
	}
	if q.Has("key") == q.Has("prefix") {
		return nil, errors.New("want key=MACHINE or prefix=PREFIX, one of them")
	}
	w := &subscription{watcher: watcher{changes: make(chan change, changeBuffer), prefix: q.Get("prefix")}}
	if q.Has("key") {
		if _, _, err := fsm.SplitKey(q.Get("key")); err != nil {
			return nil, err
		}
		w.single, w.caughtUp, w.prefix = true, true, q.Get("key")
	}
	from := q.Get("from")
	if from == "" && w.single {
		from = r.Header.Get("Last-Event-ID") // an EventSource that connects again
	}
	if from == "" && !q.Has("from") {
		return w, nil
	}
	version, err := strconv.ParseUint(from, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("from %q: want a version, 0 or more", from)
	}
	w.Resume, w.From = true, version
	return w, nil
}

// watch streams to a client the chosen transitions of a machine, or of all machines
// with a prefix, until the client leaves.
func (s *Server) watch(w http.ResponseWriter, r *http.Request) {
	sub, err := parseWatch(r)
	if err != nil {
		sendRejected(w, http.StatusBadRequest, node.BadRequest, err.Error())
		return
	}
	if s.rejectIfAbstaining(w) {
		return
	}
	if err := s.admitWatcher(); err != nil {
		sendUnavailable(w, nil, err)
		return
	}
	defer s.watchers.Add(-1)
	var untouched *node.Value
	if sub.single {
		var ok bool
		if untouched, ok = s.readBeforeWatch(w, r, sub); !ok {
			return
		}
	}
	now, err := s.loop.subscribe(&sub.watcher)
	if err != nil {
		sendUnavailable(w, nil, err)
		return
	}
	defer s.loop.unsubscribe(&sub.watcher)
	out := newEventWriter(w, r, sub.single)
	sub.Emit = out.write
	if sub.single {
		if now == nil {
			now = untouched
		}
		if now != nil {
			sub.Begin(sub.prefix, now)
		}
	}
	s.streamChanges(r, sub, out, now)
}

// admitWatcher admits one more watcher, or returns an error if there is no room.
func (s *Server) admitWatcher() error {
	if n := s.watchers.Add(1); n > int64(s.cfg.Limits.Watchers) {
		s.watchers.Add(-1)
		s.metrics.watchersRefused.Inc()
		return fmt.Errorf("%w: %d watch this node: try another", ErrBusy, n-1)
	}
	return nil
}

// readBeforeWatch makes the node learn the chosen value of a machine before a client
// watches it: the node may have missed commits. If no majority responds, the watch
// begins with the value that the node knows. ok is false if the client was rejected.
// untouched is the initial value if the machine certainly has had no transition,
// else nil.
func (s *Server) readBeforeWatch(w http.ResponseWriter, r *http.Request, sub *subscription) (untouched *node.Value, ok bool) {
	reply, err := s.loop.call(newRead(node.Read, sub.prefix), r.Context().Done())
	switch {
	case err != nil:
		sendUnavailable(w, nil, err)
	case reply.Reason == node.UnknownDefinition:
		s.sendNotCommitted(w, &node.Request{Key: sub.prefix}, reply)
	case reply.Reason == node.Abstains:
		s.sendNotCommitted(w, &node.Request{Key: sub.prefix}, reply)
	case reply.Outcome != node.Committed:
		return nil, true
	case sub.Resume && sub.From > reply.Version:
		sendRejected(w, http.StatusBadRequest, node.BadRequest,
			fmt.Sprintf("from %d: %s is at version %d: resume from a version that it has had", sub.From, sub.prefix, reply.Version))
	case reply.Version == 0:
		return &node.Value{State: reply.State, StateBefore: reply.State}, true
	default:
		return nil, true
	}
	return nil, false
}

// streamChanges sends events until the client leaves, the node stops, or the client
// is too slow. now is the value that was sent of a single machine, or nil.
func (s *Server) streamChanges(r *http.Request, sub *subscription, out *eventWriter, now *node.Value) {
	beat := time.NewTicker(s.cfg.Heartbeat)
	defer beat.Stop()
	on := func(c change) {
		if sub.single {
			c.had, now = now, c.now
		}
		sub.Advance(c.key, c.had, c.now)
	}
	for out.flush() {
		whole := sub.caughtUp
		if !whole {
			page, err := s.loop.nextPage(&sub.watcher)
			if err != nil {
				out.finish(node.Stopping, err.Error())
				return
			}
			for _, e := range page {
				if e.value != nil {
					sub.Begin(e.key, e.value)
				}
			}
		}
		select {
		case <-morePages(whole):
		case c, ok := <-sub.changes:
			if !ok && s.loop.abstains.Load() {
				out.finish(node.Abstains, "this node takes no part any more: resume from the last version at another")
				return
			}
			if !ok {
				out.finish("slow", "more has happened than the node keeps for a watcher: resume from the last version")
				return
			}
			on(c)
			for range len(sub.changes) {
				if c, ok = <-sub.changes; !ok {
					break // the next receive finds it closed again
				}
				on(c)
			}
		case <-beat.C:
			out.write(Event{Heartbeat: &struct{}{}})
		case <-s.closing:
			out.finish(node.Stopping, "the node stops: resume from the last version at another")
			return
		case <-s.loop.done:
			out.finish(node.Stopping, withCause(errors.New("resume from the last version at another"), s.loop.err).Error())
			return
		case <-r.Context().Done():
			return
		}
	}
}

// morePages returns a channel that is ready unless all pages are sent.
func morePages(caughtUp bool) <-chan struct{} {
	if caughtUp {
		return nil
	}
	return closedChan
}

var closedChan = func() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// eventWriter writes events, one a line, or as an event stream for browsers.
type eventWriter struct {
	w      http.ResponseWriter
	c      *http.ResponseController
	sse    bool
	single bool // of one machine: its version is the place to resume
	buffer bytes.Buffer
	failed bool
}

func newEventWriter(w http.ResponseWriter, r *http.Request, one bool) *eventWriter {
	l := &eventWriter{w: w, c: http.NewResponseController(w), single: one, sse: strings.Contains(r.Header.Get("Accept"), "text/event-stream")}
	kind := "application/x-ndjson"
	if l.sse {
		kind = "text/event-stream"
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // proxies shall not wait for more
	return l
}

// write adds an event to the buffer.
func (l *eventWriter) write(e Event) {
	if l.sse {
		l.writeSSEHeader(e)
	}
	_ = json.NewEncoder(&l.buffer).Encode(e) // numbers and strings into memory: it cannot fail
	if l.sse {
		l.buffer.WriteByte('\n')
	}
	if l.buffer.Len() > connSendBuffer {
		l.flush()
	}
}

// writeSSEHeader writes the fields for a browser's EventSource: the name of the
// event, and the place to resume.
func (l *eventWriter) writeSSEHeader(e Event) {
	name, version := "heartbeat", uint64(0)
	switch {
	case e.State != nil:
		name, version = "state", e.State.Version
	case e.Transition != nil:
		name, version = "transition", e.Transition.Version
	case e.Gap != nil:
		name = "gap"
	case e.Behind != nil:
		name = "behind"
	case e.End != nil:
		name = "end"
	}
	if l.single && (e.State != nil || e.Transition != nil) {
		fmt.Fprintf(&l.buffer, "id: %d\n", version)
	}
	fmt.Fprintf(&l.buffer, "event: %s\ndata: ", name)
}

// flush sends the buffer. It returns false if the client does not take it.
func (l *eventWriter) flush() bool {
	if l.failed {
		return false
	}
	_, err := l.w.Write(l.buffer.Bytes())
	l.buffer.Reset()
	l.failed = err != nil || l.c.Flush() != nil
	return !l.failed
}

// finish writes the last event, and flushes.
func (l *eventWriter) finish(code node.Reason, text string) {
	l.write(Event{End: &End{Code: string(code), Text: text}})
	l.flush()
}
