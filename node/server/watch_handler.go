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
	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/internal/clientlimit"
	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/service"
	"github.com/lockstep-dst/lockstep/node/watch"
)

// DefaultHeartbeat is the longest silence of a watch, by default.
const DefaultHeartbeat = 15 * time.Second

// parseWatch parses the query of a watch.
func parseWatch(r *http.Request) (*service.Query, error) {
	q, err := httpapi.ReadQuery(r.URL.RawQuery, "key", "prefix", "from")
	if err != nil {
		return nil, err
	}
	if q.Has("key") == q.Has("prefix") {
		return nil, errors.New("want key=MACHINE or prefix=PREFIX, one of them")
	}
	w := &service.Query{}
	w.Prefix = q.Get("prefix")
	if q.Has("key") {
		if _, _, err := fsm.SplitKey(q.Get("key")); err != nil {
			return nil, err
		}
		w.Single, w.Prefix = true, q.Get("key")
	}
	from := q.Get("from")
	if from == "" && w.Single {
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
	q, err := parseWatch(r)
	if err != nil {
		sendRejected(w, http.StatusBadRequest, node.BadRequest, err.Error())
		return
	}
	share := clientOf(r).share
	if v := s.clients.watch(share); v != clientlimit.Admitted {
		sendLimited(w, r, s.limitText(v))
		return
	}
	defer s.clients.watchDone(share)
	t, c := s.loop.request(service.Event{Kind: service.Watch, Query: q})
	got, err := s.loop.await(t, c, r.Context().Done())
	if err != nil {
		sendUnavailable(w, nil, err)
		return
	}
	if u := got.update; u.Refused != nil {
		s.sendRefused(w, u.Refused, u.Err)
		return
	}
	defer s.loop.abandon(t)
	out := newEventWriter(w, r, q.Single)
	s.streamUpdates(r, t, c, service.NewFollower(q, out.write), out)
}

// streamUpdates sends events until the client leaves, the node stops, or the client
// is too slow.
func (s *Server) streamUpdates(r *http.Request, t service.Ticket, c <-chan response, f *service.Follower, out *eventWriter) {
	beat := time.NewTicker(s.cfg.Heartbeat)
	defer beat.Stop()
	pulled := false
	for out.flush() {
		if !pulled {
			pulled = s.loop.post(clientEvent{Event: service.Event{Kind: service.Pull, Ticket: t}})
		}
		select {
		case got := <-c:
			pulled = false
			f.Take(&got.update)
			if why := got.update.End; why != service.NotEnded {
				out.finish(why.Explain(got.update.Cause))
				return
			}
		case <-beat.C:
			if !s.access.holds(clientOf(r).Principal) {
				out.finish(op.Forbidden, errRevoked.Error())
				return
			}
			out.write(watch.Event{Heartbeat: &struct{}{}})
		case <-s.closing:
			out.finish(service.Stopped.Explain(nil))
			return
		case <-s.loop.done:
			out.finish(service.Stopped.Explain(s.loop.err))
			return
		case <-r.Context().Done():
			return
		}
	}
}

// errRevoked is why the watches and the stream of a client end.
var errRevoked = errors.New("the token of the client has been taken back, or has another role")

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
func (l *eventWriter) write(e watch.Event) {
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
func (l *eventWriter) writeSSEHeader(e watch.Event) {
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
	l.write(watch.Event{End: &watch.End{Code: string(code), Text: text}})
	l.flush()
}
