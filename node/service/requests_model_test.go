package service

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/internal/waltest"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/node/wal"
)

// requestTwin is all that clients are promised of the requests that they make, and all
// that a service may keep of them.
type requestTwin struct {
	room              int
	wait              time.Duration
	draining, stopped bool
	waiting           []*twinRequest // for the member
	delivered         []*twinRequest // without an answer of the node
}

// twinRequest is a request without a reply. The service makes some itself, for watches;
// they have no ticket.
type twinRequest struct {
	ticket   Ticket
	request  *node.Request
	expires  time.Duration
	deadline time.Duration // the client awaits the reply until then; 0: it does not say
	gone     bool          // its client has gone
}

// twinReply is a reply that is due.
type twinReply struct {
	ticket  Ticket
	id      node.OpID
	outcome node.Outcome
	reason  node.Reason
	own     bool
	err     error // that Reply.Err wraps; nil: none
}

// requestWorld is a service with its twin, on a disk that completes requests when the test
// says so.
type requestWorld struct {
	t         *rapid.T
	service   *Service
	disk      waltest.Disk
	pending   []wal.DiskRequest
	now       time.Duration
	wake      time.Duration
	tickets   Ticket
	twin      requestTwin
	due       []twinReply // in this step, in order
	delivered []Ticket    // expected in this step
	handed    []Ticket    // as the service reports
}

// isOver reports whether the client awaits no reply any more.
func (r *twinRequest) isOver(now time.Duration) bool { return r.deadline != 0 && now >= r.deadline }

func newRequestWorld(t *rapid.T) *requestWorld {
	w := &requestWorld{t: t, disk: waltest.Disk{}}
	n := node.Defaults()
	n.ID, n.RepairDelay, n.Definitions, n.Observer = 1, 0, []fsm.Definition{fsm.Lifecycle()}, w
	var formed []member.Identity
	for id := 1; id <= rapid.SampledFrom([]int{1, 3}).Draw(t, "members, of which one is up"); id++ {
		n.Members = append(n.Members, node.ID(id))
		formed = append(formed, member.Identity{ID: node.ID(id), Incarnation: [16]byte{byte(id)}})
	}
	m, err := member.New(member.Config{Node: n, Formed: formed})
	require.NoError(t, err)
	w.twin.room = rapid.IntRange(1, 5).Draw(t, "pending")
	w.twin.wait = 100 * time.Millisecond
	w.service, err = New(m, Config{
		Pending: w.twin.room, Watchers: 1 << 20, Changes: 1, Page: 1, ReadyTimeout: w.twin.wait,
		Delivered: func(t Ticket, _ *node.Request) { w.handed = append(w.handed, t) },
	})
	require.NoError(t, err)
	w.step(Event{Member: node.Event{Kind: node.Boot, Dir: w.disk, Incarnation: [16]byte{1}, Life: 7}})
	return w
}

// Observe implements node.Observer: an answer of the node ends a request.
func (w *requestWorld) Observe(f node.Observation) {
	if f.Kind != node.Answered || f.Client < FirstClient {
		return
	}
	ticket, isCall := w.service.TicketOf(f.Client)
	i := slices.IndexFunc(w.twin.delivered, func(r *twinRequest) bool {
		return isCall && r.request != nil && r.ticket == ticket || !isCall && r.request == nil
	})
	require.GreaterOrEqual(w.t, i, 0, "the node answers a request that it was not given")
	r := w.twin.delivered[i]
	w.twin.delivered = slices.Delete(w.twin.delivered, i, i+1)
	if isCall && !r.gone {
		require.Equal(w.t, r.request.ID, f.Reply.ID, "an id belongs to one request")
		w.due = append(w.due, twinReply{r.ticket, f.Reply.ID, f.Reply.Outcome, f.Reply.Reason, false, nil})
	}
}

// step has the service and its twin take events.
func (w *requestWorld) step(evs ...Event) {
	w.due, w.delivered, w.handed = nil, nil, nil
	answers := w.service.member.AnswersClients()
	if answers && !w.twin.stopped {
		for _, r := range w.twin.waiting {
			if r.isOver(w.now) {
				w.refuse(r, node.Timeout, nil)
			} else {
				w.deliver(r)
			}
		}
		w.twin.waiting = nil
	}
	for i := range evs {
		w.take(&evs[i], answers)
	}
	for len(w.twin.waiting) > 0 && w.twin.waiting[0].expires <= w.now {
		w.refuse(w.twin.waiting[0], node.Abstains, nil)
		w.twin.waiting = w.twin.waiting[1:]
	}
	e, err := w.service.Step(w.now, evs)
	if err != nil && !w.twin.stopped {
		w.end()
	}
	w.check(e)
}

func (w *requestWorld) deliver(r *twinRequest) {
	w.twin.delivered = append(w.twin.delivered, r)
	if r.request != nil {
		w.delivered = append(w.delivered, r.ticket)
	}
}

// refuse has a request end without a word of the node: it has no effect, but an earlier
// attempt of a transition may have one.
func (w *requestWorld) refuse(r *twinRequest, why node.Reason, err error) {
	if r.request == nil {
		return
	}
	outcome := node.Rejected
	if r.request.Retry && r.request.Kind == node.Propose {
		outcome = node.Unknown
	}
	w.due = append(w.due, twinReply{r.ticket, r.request.ID, outcome, why, true, err})
}

// take is what an event means to the twin.
func (w *requestWorld) take(ev *Event, answers bool) {
	same := func(r *twinRequest) bool { return r.request != nil && r.ticket == ev.Ticket }
	switch ev.Kind {
	case Call, Watch:
		r := &twinRequest{ticket: ev.Ticket, request: ev.Request, expires: w.now + w.twin.wait, deadline: ev.Expires}
		switch {
		case w.twin.stopped || w.twin.draining:
			w.refuse(r, node.Stopping, ErrStopping)
		case r.isOver(w.now):
			w.refuse(r, node.Timeout, nil)
		case len(w.twin.waiting)+len(w.twin.delivered) >= w.twin.room:
			w.refuse(r, node.Overloaded, ErrBusy)
		case answers:
			w.deliver(r)
		default:
			w.twin.waiting = append(w.twin.waiting, r)
		}
	case Abandon:
		w.twin.waiting = slices.DeleteFunc(w.twin.waiting, same)
		if i := slices.IndexFunc(w.twin.delivered, same); i >= 0 {
			w.twin.delivered[i].gone = true
		}
	case Drain:
		w.twin.draining = true
	}
}

// end gives all requests their outcome: of those that the node has, nobody knows.
func (w *requestWorld) end() {
	w.twin.stopped = true
	for _, r := range w.twin.waiting {
		w.refuse(r, node.Stopping, ErrStopping)
	}
	for _, r := range w.twin.delivered {
		if r.request != nil && !r.gone {
			w.due = append(w.due, twinReply{r.ticket, r.request.ID, node.Unknown, node.Stopping, true, ErrStopped})
		}
	}
	w.twin.waiting, w.twin.delivered = nil, nil
}

// check compares the effects and the state of the service with those of its twin.
func (w *requestWorld) check(e *Effects) {
	w.pending, w.wake = append(w.pending, e.Disk...), e.Wake
	require.Equal(w.t, w.delivered, w.handed, "what was delivered to the member")
	require.Len(w.t, e.Replies, len(w.due))
	for i, r := range e.Replies {
		j := slices.IndexFunc(w.due, func(d twinReply) bool { return d.ticket == r.Ticket })
		require.GreaterOrEqual(w.t, j, 0, "a reply to nobody")
		d := w.due[j]
		require.True(w.t, i == j || errors.Is(d.err, ErrStopped), "replies have the order of their reasons")
		require.Equal(w.t, d, twinReply{r.Ticket, r.Reply.ID, r.Reply.Outcome, r.Reply.Reason, r.Own, d.err})
		require.ErrorIs(w.t, r.Err, d.err)
	}
	w.checkState()
}

func (w *requestWorld) checkState() {
	s := w.service
	require.Equal(w.t, len(w.twin.waiting)+len(w.twin.delivered), s.Use().Requests, "requests without a reply")
	var want, got []Ticket
	for _, r := range w.twin.delivered {
		if r.request != nil {
			want = append(want, r.ticket)
		}
	}
	for _, client := range slices.Sorted(maps.Keys(s.requests.byClient)) {
		require.True(w.t, FirstClient <= client && client <= lastClient, "the ids of clients are none of members")
		if t, ok := s.TicketOf(client); ok {
			got = append(got, t)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	require.Equal(w.t, want, got, "each request has an id of its own")
	switch {
	case w.twin.stopped:
		require.Equal(w.t, Never, w.wake)
	case len(w.twin.waiting) > 0 && s.member.AnswersClients():
		require.LessOrEqual(w.t, w.wake, w.now, "a request waits for a member that is ready")
	case len(w.twin.waiting) > 0:
		require.LessOrEqual(w.t, w.wake, w.twin.waiting[0].expires, "nothing ends the wait of a request")
	}
}

// event draws an event of a client.
func (w *requestWorld) event(t *rapid.T) Event {
	w.tickets++
	switch rapid.SampledFrom([]string{"call", "call", "call", "abandon", "watch"}).Draw(t, "event") {
	case "call":
		r := &node.Request{
			Kind: rapid.SampledFrom([]node.Kind{node.Propose, node.Read}).Draw(t, "kind"), Key: "lifecycle/m", To: "Running",
			ID: node.Stamp("lifecycle/m", 0, "op"+time.Duration(w.tickets).String()), Attempt: 1,
		}
		if rapid.Bool().Draw(t, "retry") {
			r.Retry, r.Attempt = true, 2
		}
		patience := rapid.SampledFrom([]time.Duration{0, -time.Millisecond, 50 * time.Millisecond}).Draw(t, "patience")
		if patience != 0 {
			patience += w.now
		}
		return Event{Kind: Call, Ticket: w.tickets, Request: r, Expires: patience}
	case "watch":
		q := &Query{}
		q.Single, q.Prefix = true, "lifecycle/m"
		return Event{Kind: Watch, Ticket: w.tickets, Query: q}
	}
	return Event{Kind: Abandon, Ticket: Ticket(rapid.IntRange(max(1, int(w.tickets)-8), int(w.tickets)).Draw(t, "ticket"))}
}

// completeDisk has the disk carry out its next request, or fail it.
func (w *requestWorld) completeDisk(err error) {
	if len(w.pending) == 0 || w.twin.stopped {
		return
	}
	q := w.pending[0]
	w.pending = w.pending[1:]
	if err == nil {
		w.disk.Execute(q)
	}
	w.step(Event{Member: node.Event{Kind: node.DiskDone, Token: q.Token, Err: err}})
}

// Whatever clients, disk and time do: a request has one reply, which says no more than is
// known, and it counts until then.
func TestRequestsAreTheirTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newRequestWorld(t)
		clients := func(t *rapid.T) {
			var evs []Event
			for range rapid.IntRange(1, 4).Draw(t, "events") {
				evs = append(evs, w.event(t))
			}
			w.step(evs...)
		}
		disk := func(t *rapid.T) {
			for range rapid.IntRange(1, 12).Draw(t, "requests") {
				w.completeDisk(nil)
			}
		}
		pass := func(t *rapid.T) {
			until := w.now + rapid.SampledFrom([]time.Duration{0, 1, 30 * time.Millisecond, 100 * time.Millisecond, 3 * time.Second}).Draw(t, "time")
			for !w.twin.stopped && w.wake <= until {
				w.now = max(w.now, w.wake)
				w.step()
			}
			w.now = until
		}
		t.Repeat(map[string]func(*rapid.T){
			"clients": clients, "clients as well": clients, "disk": disk, "time": pass,
			"ids wrap round": func(t *rapid.T) {
				used := append(slices.Sorted(maps.Keys(w.service.requests.byClient)), lastClient)
				w.service.requests.last = rapid.SampledFrom(used).Draw(t, "id") - 1 // the next is in use, or the last of all
			},
			"seldom": func(t *rapid.T) {
				switch rapid.IntRange(0, 15).Draw(t, "what") {
				case 15:
					w.step(Event{Kind: Drain})
				case 14:
					w.completeDisk(errors.New("the disk is broken"))
				case 13:
					w.due, w.delivered, w.handed = nil, nil, nil
					if !w.twin.stopped {
						w.end()
					}
					w.check(w.service.Stop())
				}
			},
		})
	})
}
