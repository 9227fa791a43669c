package streamserver_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/service"
	"github.com/lockstep-dst/lockstep/node/stream"
	"github.com/lockstep-dst/lockstep/node/streamserver"
	"github.com/lockstep-dst/lockstep/node/watch"
)

// rig is a stream with its client. The test is the service.
type rig struct {
	t      *testing.T
	now    time.Duration
	side   *streamserver.Conn
	client *stream.Client
	last   service.Ticket
	events []service.Event // for the service
	lines  []string        // events of the service and of the client, in order
}

func newRig(t *testing.T) *rig {
	r := &rig{t: t, now: time.Second, client: stream.NewClient()}
	r.side = streamserver.New(streamserver.Config{
		Hello:  stream.Hello{Node: 1, Boot: 1, Operations: 8, Watches: 4},
		Buffer: 1 << 10,
		Ticket: func() service.Ticket { r.last++; return r.last },
		Name:   func(*op.Request) string { return "made" },
		Emit:   r.emit,
	})
	r.cross()
	return r
}

var eventNames = map[service.EventKind]string{service.Call: "call", service.Watch: "watch", service.Pull: "pull", service.Abandon: "abandon"}

func (r *rig) emit(ev service.Event, exchange uint64) {
	line := fmt.Sprintf("%s %d", eventNames[ev.Kind], ev.Ticket)
	if ev.Kind == service.Call {
		line += " " + string(ev.Request.ID)
	}
	if exchange != 0 {
		line += fmt.Sprintf(" for %d", exchange)
	}
	r.events, r.lines = append(r.events, ev), append(r.lines, line)
}

// cross lets the bytes of both ends arrive.
func (r *rig) cross() {
	for r.client.Pending()+r.side.Pending() > 0 {
		_ = r.side.Receive(r.now, r.client.Take(nil))
		events, err := r.client.Receive(r.side.Take(nil))
		if err != nil {
			r.lines = append(r.lines, err.Error())
			return
		}
		for i := range events {
			r.hear(&events[i])
		}
	}
}

func (r *rig) hear(e *stream.ClientEvent) {
	switch e.Kind {
	case stream.Replied:
		r.lines = append(r.lines, strings.TrimSpace(fmt.Sprintf("reply %d %s %s", e.ID, e.Reply.Outcome, e.Reply.Reason)))
	case stream.WatchBegun:
		r.lines = append(r.lines, fmt.Sprintf("begun %d", e.ID))
	case stream.WatchChanged:
		for _, c := range e.Changes {
			if c.State != nil {
				r.lines = append(r.lines, fmt.Sprintf("state %d %d", e.ID, c.State.Version))
			} else {
				r.lines = append(r.lines, fmt.Sprintf("change %d %d", e.ID, c.Transition.Version))
			}
		}
	case stream.WatchRefused:
		r.lines = append(r.lines, fmt.Sprintf("refused %d %s", e.ID, e.Code))
	case stream.WatchEnded:
		r.lines = append(r.lines, fmt.Sprintf("ended %d %s", e.ID, e.Code))
	case stream.WentAway:
		r.lines = append(r.lines, "goaway "+e.Goaway.String())
	}
}

// want compares the lines since the last time.
func (r *rig) want(lines ...string) {
	r.t.Helper()
	r.cross()
	require.Equal(r.t, lines, r.lines)
	r.lines = nil
}

func (r *rig) request(q op.Request, remaining time.Duration) {
	_, err := r.client.Request(&q, remaining)
	require.NoError(r.t, err)
}

func (r *rig) propose(id op.ID) {
	r.request(op.Request{Kind: op.Propose, Key: "lifecycle/m", To: "Running", ID: id, Attempt: 1}, time.Second)
}

func (r *rig) watch(credit int) uint64 {
	id, err := r.client.Watch(watch.Selection{Prefix: "lifecycle/"}, credit)
	require.NoError(r.t, err)
	return id
}

// change is an update with the transitions to some versions.
func change(from, to uint64, end service.EndReason) *service.Update {
	u := &service.Update{End: end}
	value := func(version uint64) *node.Value {
		v := &node.Value{Version: version, Serial: version, State: "Running", StateBefore: "Init"}
		if version > 0 {
			v.Window = []node.Entry{{Kind: node.EntryTransition, ID: "x", To: "Running"}}
		}
		return v
	}
	for v := from; v <= to; v++ {
		u.Changes = append(u.Changes, service.Change{Key: "lifecycle/m", Had: value(v - 1), Now: value(v)})
	}
	return u
}

// A call has one end, and the service hears of each.
func TestCalls(t *testing.T) {
	r := newRig(t)
	r.propose("0:a")
	r.want("call 1 0:a for 1")
	require.Equal(t, r.now+time.Second, r.events[0].Expires)
	require.Same(t, r.events[0].Request, r.side.Request(1))
	r.side.Reply(1, &service.Reply{Reply: &node.Reply{Outcome: node.Committed}}, "")
	r.want("reply 1 committed")
	require.Nil(t, r.side.Request(1))

	r.propose("0:b")
	r.cross()
	require.True(t, r.client.Cancel(2))
	r.want("call 2 0:b for 2", "abandon 2", "reply 2 unknown cancelled")
	r.side.Reply(2, &service.Reply{Reply: &node.Reply{Outcome: node.Committed}}, "")
	r.want()

	r.request(op.Request{Kind: op.Propose, Key: "lifecycle/m", To: "Running", ID: op.Once("theirs"), Retry: true, Attempt: 2}, 0)
	r.want("call 3 " + string(op.Once("made")) + " for 3")
	require.False(t, r.events[len(r.events)-1].Request.Retry, "of an id that nobody else has there is no earlier attempt")
	require.Zero(t, r.events[len(r.events)-1].Expires)
}

// A malformed request is rejected, and the service does not hear of it.
func TestMalformedRequests(t *testing.T) {
	r := newRig(t)
	for _, q := range []op.Request{
		{Kind: op.Propose, Key: "no slash", To: "Running", ID: "0:a"},
		{Kind: op.Propose, Key: "lifecycle/m", ID: "0:a"},
		{Kind: op.Read, Key: "lifecycle/"},
	} {
		r.request(q, 0)
	}
	_, err := r.client.Watch(watch.Selection{Single: true, Prefix: "no slash"}, 1)
	require.NoError(t, err)
	r.want("reply 1 rejected bad-request", "reply 2 rejected bad-request", "reply 3 rejected bad-request", "refused 4 bad-request")
	require.Empty(t, r.events)
}

// A watch pulls when its client has had credit for all earlier changes.
func TestWatchPullsByCredit(t *testing.T) {
	r := newRig(t)
	w := r.watch(2)
	r.want("watch 1 for 1")
	r.side.Update(w, &service.Update{}, "")
	r.want("pull 1", "begun 1")
	r.side.Update(w, change(1, 3, service.NotEnded), "")
	r.want("change 1 1", "change 1 2")
	require.True(t, r.client.Credit(w, 2))
	r.want("pull 1", "change 1 3")
	require.True(t, r.client.Cancel(w))
	r.want("abandon 1", "ended 1 cancelled")
	r.side.Update(w, change(4, 4, service.NotEnded), "")
	r.want()
}

// A watch that is cut off has what it has credit for and ends, however much waits: a
// client that gives no credit keeps no place.
func TestCutOffWithoutCredit(t *testing.T) {
	r := newRig(t)
	with, without := r.watch(5), r.watch(0)
	r.cross()
	r.side.Update(with, &service.Update{}, "")
	r.side.Update(without, &service.Update{}, "")
	r.side.Update(without, change(1, 1, service.NotEnded), "")
	r.want("watch 1 for 1", "watch 2 for 2", "pull 1", "pull 2", "begun 1", "begun 2")
	r.side.Update(with, change(1, 6, service.TooSlow), "")
	r.side.Update(without, change(2, 6, service.TooSlow), "")
	r.want("change 1 1", "change 1 2", "change 1 3", "change 1 4", "change 1 5", "ended 1 slow", "ended 2 slow")
	require.Zero(t, r.side.Unfinished())
	r.side.Close()
	r.want()
}

// A stream that is to leave does so when its calls are over; a node that has stopped
// gives those that it has not taken their end.
func TestEnds(t *testing.T) {
	r := newRig(t)
	r.propose("0:a")
	r.watch(1)
	r.cross()
	r.side.Drain()
	r.want("call 1 0:a for 1", "watch 2 for 2", "refused 2 stopping")
	require.False(t, r.side.Finished())
	r.side.Reply(1, &service.Reply{Reply: &node.Reply{Outcome: node.Committed}}, "")
	require.True(t, r.side.Finished())
	r.want("reply 1 committed", "goaway stopping")

	r = newRig(t)
	r.propose("0:a")
	r.cross()
	r.side.Stop(nil)
	r.want("call 1 0:a for 1", "reply 1 rejected stopping", "goaway stopping")

	r = newRig(t)
	r.side.Leave(stream.Idle, "")
	r.want("goaway idle")
	require.NoError(t, r.side.Receive(r.now, []byte("late")))
	require.False(t, r.side.Broken())
}

// Calls and watches that are unfinished when the connection ends are abandoned, once.
func TestClose(t *testing.T) {
	r := newRig(t)
	r.propose("0:a")
	r.watch(1)
	r.propose("0:b")
	r.cross()
	r.lines = nil
	r.side.Close()
	r.side.Close()
	r.want("abandon 1", "abandon 3", "abandon 2")
}

// A client that does not read, or sends bytes that make no sense, is sent away.
func TestBadClients(t *testing.T) {
	r := newRig(t)
	for range 300 {
		r.client.Ping(1)
	}
	require.NoError(t, r.side.Receive(r.now, r.client.Take(nil)))
	require.True(t, r.side.Finished())
	r.want("goaway too slow")

	r = newRig(t)
	require.Error(t, r.side.Receive(r.now, []byte(strings.Repeat("x", 64))))
	require.True(t, r.side.Broken() && r.side.Finished())
	r.want("goaway protocol error")
}
