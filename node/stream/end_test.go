package stream_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/stream"
	"github.com/lockstep-dst/lockstep/node/watch"
	"github.com/stretchr/testify/require"
)

func TestOperations(t *testing.T) {
	c, s := pair(t, hello)
	q := proposal("a")
	a := id(t)(c.Request(q, 1500*time.Microsecond))
	calls := toServer(t, c, s)
	require.Equal(t, []stream.ServerEvent{{Kind: stream.Called, ID: a, Request: q, Remaining: 2 * time.Millisecond}}, calls)
	require.True(t, s.Reply(a, committed(q), ""))
	require.False(t, s.Reply(a, committed(q), ""), "it is finished")
	require.Equal(t, []stream.ClientEvent{{Kind: stream.Replied, ID: a, Reply: *committed(q)}}, toClient(t, c, s))
	require.Zero(t, c.Unfinished()+s.Unfinished())
}

// A refusal is the rejection of a request, unless it was cancelled; of a retry the
// outcome is open.
func TestRefusals(t *testing.T) {
	c, s := pair(t, hello)
	first := &op.Request{Kind: op.Propose, Key: "lifecycle/a", ID: "a", Attempt: 1, To: "Running"}
	for _, x := range []struct {
		q    *op.Request
		code op.Reason
		want op.Outcome
	}{{first, op.Stopping, op.Rejected}, {proposal("b"), op.Stopping, op.Unknown}, {first, stream.Cancelled, op.Unknown}} {
		a := id(t)(c.Request(x.q, 0))
		toServer(t, c, s)
		require.True(t, s.Refuse(a, x.code, "text"))
		e := toClient(t, c, s)[0]
		require.Equal(t, x.want, e.Reply.Outcome)
		require.Equal(t, x.code, e.Reply.Reason)
		require.Equal(t, x.q.ID, e.Reply.ID)
		require.Equal(t, "text", e.Text)
	}
}

// Credits bound the unfinished operations; a reply gives one back, and the server may
// grant more.
func TestCreditsOfOperations(t *testing.T) {
	c, s := pair(t, hello)
	for range hello.Operations {
		id(t)(c.Request(proposal("a"), 0))
	}
	require.Zero(t, c.Free())
	_, err := c.Request(proposal("a"), 0)
	require.ErrorIs(t, err, stream.ErrNoCredit)
	toServer(t, c, s)
	s.Reply(2, committed(proposal("a")), "")
	s.Grant(1)
	require.Len(t, toClient(t, c, s), 2)
	require.Equal(t, 2, c.Free())
	require.EqualValues(t, 4, id(t)(c.Request(proposal("a"), 0)))
	require.EqualValues(t, 5, id(t)(c.Request(proposal("a"), 0)))
	require.Len(t, toServer(t, c, s), 2)
}

func TestNothingBeginsBeforeTheHello(t *testing.T) {
	c := stream.NewClient()
	_, err := c.Request(proposal("a"), 0)
	require.ErrorIs(t, err, stream.ErrNoCredit)
	_, err = c.Watch(watch.Selection{}, 1)
	require.ErrorIs(t, err, stream.ErrNoCredit)
}

func TestRequestsThatDoNotFit(t *testing.T) {
	c, _ := pair(t, hello)
	long := strings.Repeat("x", stream.MaxName+1)
	for field, q := range map[string]*op.Request{
		"key": {Kind: op.Read, Key: long}, "operation": {Kind: op.Read, ID: "\xff"}, "to": {Kind: op.Propose, To: strings.Repeat("x", stream.MaxState+1)}, "kind": {},
	} {
		_, err := c.Request(q, 0)
		require.ErrorIs(t, err, stream.ErrInvalid)
		require.ErrorContains(t, err, field+":")
	}
	_, err := c.Watch(watch.Selection{Prefix: long}, 0)
	require.ErrorIs(t, err, stream.ErrInvalid)
	_, err = c.Watch(watch.Selection{}, stream.MaxCredit+1)
	require.ErrorIs(t, err, stream.ErrInvalid)
	require.Zero(t, c.Pending())
	require.Equal(t, int(hello.Operations), c.Free())
}

// The longest definition arrives whole, as a state of its machine.
func TestLongestStates(t *testing.T) {
	require.GreaterOrEqual(t, stream.MaxState, fsm.MaxText)
	c, s := pair(t, hello)
	text := strings.Repeat("x", stream.MaxState)
	q := proposal("a")
	q.To = text
	a := id(t)(c.Request(q, 0))
	require.Equal(t, text, toServer(t, c, s)[0].Request.To)
	p := committed(q)
	p.State = text
	require.True(t, s.Reply(a, p, strings.Repeat("y", stream.MaxText)))
	require.Equal(t, *p, toClient(t, c, s)[0].Reply)

	w := id(t)(c.Watch(watch.Selection{}, 9))
	toServer(t, c, s)
	require.True(t, s.Begin(w))
	events := []watch.Event{
		{State: &watch.Machine{Key: "definition/a", State: text, Version: 1, Serial: 2}},
		{Transition: &watch.Transition{Key: "definition/a", Version: 2, From: text, To: text, Operation: "b"}},
		{Transition: &watch.Transition{Key: "definition/a", Version: 3, From: text, To: text, Operation: "c"}},
	}
	require.Equal(t, 3, s.Changes(w, events))
	var got []watch.Event
	for _, e := range toClient(t, c, s)[1:] {
		got = append(got, e.Changes...)
	}
	require.Equal(t, events, got)
}

func TestWatches(t *testing.T) {
	c, s := pair(t, hello)
	selection := watch.Selection{Single: true, Prefix: "lifecycle/a", Resume: true, From: 9}
	w := id(t)(c.Watch(selection, 3))
	require.Equal(t, []stream.ServerEvent{{Kind: stream.WatchRequested, ID: w, Selection: selection}}, toServer(t, c, s))
	require.Zero(t, s.Changes(w, changes()), "it has not begun")
	require.True(t, s.Begin(w))
	require.Equal(t, 3, s.Changes(w, changes()), "as far as the credit goes")
	require.Zero(t, s.Changes(w, changes()[3:]))
	events := toClient(t, c, s)
	require.Equal(t, stream.ClientEvent{Kind: stream.WatchBegun, ID: w}, events[0])
	require.Equal(t, changes()[:3], events[1].Changes)
	require.True(t, c.Credit(w, 5))
	require.Equal(t, []stream.ServerEvent{{Kind: stream.WatchCredited, ID: w}}, toServer(t, c, s))
	require.Equal(t, 5, s.Credit(w))
	require.Equal(t, 1, s.Changes(w, changes()[3:]))
	require.True(t, s.End(w, op.Stopping, "it stops"))
	events = toClient(t, c, s)
	require.Equal(t, changes()[3:], events[0].Changes)
	require.Equal(t, stream.ClientEvent{Kind: stream.WatchEnded, ID: w, Code: op.Stopping, Text: "it stops"}, events[1])
	require.Zero(t, c.Unfinished()+s.Unfinished())
}

// Many events go in several messages.
func TestManyChanges(t *testing.T) {
	c, s := pair(t, hello)
	w := id(t)(c.Watch(watch.Selection{}, stream.MaxCredit))
	toServer(t, c, s)
	s.Begin(w)
	var all []watch.Event
	for i := range uint64(5000) {
		all = append(all, watch.Event{State: &watch.Machine{Key: fmt.Sprintf("lifecycle/%d", i), State: "Init", Version: i}})
	}
	require.Equal(t, len(all), s.Changes(w, all))
	var got []watch.Event
	for _, e := range toClient(t, c, s)[1:] {
		got = append(got, e.Changes...)
	}
	require.Equal(t, all, got)
}

// A cancelled watch has no more changes, and ends; a cancelled request has its reply.
func TestCancel(t *testing.T) {
	c, s := pair(t, hello)
	w := id(t)(c.Watch(watch.Selection{}, 9))
	a := id(t)(c.Request(proposal("a"), 0))
	toServer(t, c, s)
	s.Begin(w)
	s.Changes(w, changes())
	require.True(t, c.Cancel(w))
	require.False(t, c.Cancel(w))
	require.False(t, c.Credit(w, 1))
	require.True(t, c.Cancel(a))
	require.Equal(t, []stream.ServerEvent{{Kind: stream.WatchCancelled, ID: w}, {Kind: stream.CallCancelled, ID: a}}, toServer(t, c, s))
	s.End(w, stream.Cancelled, "")
	s.Refuse(a, stream.Cancelled, "")
	require.Equal(t, []stream.ClientEventKind{stream.WatchBegun, stream.WatchEnded, stream.Replied}, kinds(toClient(t, c, s)))
	require.False(t, c.Cancel(a), "it is finished")
}

func kinds(events []stream.ClientEvent) (all []stream.ClientEventKind) {
	for _, e := range events {
		all = append(all, e.Kind)
	}
	return all
}

// The client knows of each request whether the server can have taken it.
func TestEndOfTheConnection(t *testing.T) {
	frameSize := func() int {
		c, _ := pair(t, hello)
		id(t)(c.Request(proposal("a"), 0))
		return c.Pending()
	}()
	for _, x := range []struct {
		name      string
		do        func(c *stream.Client, s *stream.Server)
		neverSent []bool
	}{
		{"not taken", func(c *stream.Client, s *stream.Server) {}, []bool{true, true}},
		{"taken", func(c *stream.Client, s *stream.Server) { c.Take(nil) }, []bool{false, false}},
		{"the last byte was not written", func(c *stream.Client, s *stream.Server) { c.Take(nil); c.NotWritten(1) }, []bool{false, true}},
		{"one frame was not written", func(c *stream.Client, s *stream.Server) { c.Take(nil); c.NotWritten(frameSize) }, []bool{false, true}},
		{"a byte more was not written", func(c *stream.Client, s *stream.Server) { c.Take(nil); c.NotWritten(frameSize + 1) }, []bool{true, true}},
		{"a goaway before the second came", func(c *stream.Client, s *stream.Server) {
			_, err := s.Receive(c.Take(nil)[:frameSize])
			require.NoError(t, err)
			s.Goaway(stream.Stopping, "it stops")
			require.Equal(t, []stream.ClientEventKind{stream.WentAway}, kinds(toClient(t, c, s)))
		}, []bool{false, true}},
	} {
		c, s := pair(t, hello)
		a, b := id(t)(c.Request(proposal("a"), 0)), id(t)(c.Request(proposal("b"), 0))
		x.do(c, s)
		require.Equal(t, []stream.Lost{{ID: a, NeverSent: x.neverSent[0]}, {ID: b, NeverSent: x.neverSent[1]}}, c.Closed(), x.name)
		require.Empty(t, c.Closed())
		_, err := c.Request(proposal("c"), 0)
		require.ErrorIs(t, err, stream.ErrClosed)
		_, err = c.Receive([]byte{1})
		require.ErrorIs(t, err, stream.ErrClosed)
	}
}

// Messages that break a rule end the connection, with a Goaway that says which.
func TestClientsThatBreakRules(t *testing.T) {
	fresh := func() *stream.Client { c, _ := pair(t, stream.Hello{Operations: 100, Watches: 100}); return c }
	for _, x := range []struct {
		name, want string
		send       func() []byte
	}{
		{"a second hello", "Hello", func() []byte { return stream.Frame(stream.ClientHello(1, 1)) }},
		{"too many operations", "credit", func() []byte {
			c := fresh()
			for range hello.Operations + 1 {
				id(t)(c.Request(proposal("a"), 0))
			}
			return c.Take(nil)
		}},
		{"too many watches", "credit", func() []byte {
			c := fresh()
			for range hello.Watches + 1 {
				id(t)(c.Watch(watch.Selection{}, 0))
			}
			return c.Take(nil)
		}},
		{"an id again", "ids only grow", func() []byte {
			c, d := fresh(), fresh()
			id(t)(c.Request(proposal("a"), 0))
			id(t)(d.Watch(watch.Selection{}, 0))
			return append(c.Take(nil), d.Take(nil)...)
		}},
		{"an id that is 0", "ids only grow", func() []byte { return stream.Frame([]byte{4, 0, 0, 0, 0, 0}) }},
		{"cancel of the future", "not requested", func() []byte { return stream.Frame([]byte{3, 9}) }},
		{"credit of the future", "not requested", func() []byte { return stream.Frame([]byte{5, 9, 1}) }},
		{"a message of servers", "type 20", func() []byte { return stream.Frame([]byte{20, 1}) }},
		{"damage", "checksum", func() []byte { b := stream.Frame([]byte{6, 1}); b[9]++; return b }},
		{"a long frame", "too long", func() []byte { return []byte{0, 0, 2, 0, 1, 1, 1, 1} }},
	} {
		c, s := pair(t, hello)
		_, err := s.Receive(x.send())
		require.ErrorContains(t, err, x.want, x.name)
		again, err := s.Receive([]byte{1})
		require.Empty(t, again)
		require.Error(t, err)
		events := toClient(t, c, s)
		require.Equal(t, []stream.ClientEventKind{stream.WentAway}, kinds(events), x.name)
		require.Equal(t, stream.ProtocolError, events[0].Goaway)
		require.Contains(t, events[0].Text, x.want)
	}
}

func TestServersThatBreakRules(t *testing.T) {
	for name, p := range map[string][]byte{
		"a reply to nothing":     {18, 9, 1, 0, 0, 0, 0, 0, 0},
		"a reply to a watch":     {18, 2, 1, 0, 0, 0, 0, 0, 0},
		"a reply to later":       {18, 3, 1, 0, 0, 0, 0, 0, 0},
		"the begin of a request": {20, 1},
		"changes before begin":   {21, 2, 4, 0, 1, 1},
		"the end before begin":   {22, 2, 1, 'c', 0},
		"no credit":              {23, 0},
		"a second hello":         stream.ServerHello(1, 1, hello),
		"a message of clients":   {6, 1},
	} {
		c, s := pair(t, hello)
		id(t)(c.Request(proposal("a"), 0))
		id(t)(c.Watch(watch.Selection{}, 0))
		toServer(t, c, s)
		id(t)(c.Request(proposal("b"), 0)) // not taken
		_, err := c.Receive(stream.Frame(p))
		require.Error(t, err, name)
		require.Len(t, c.Closed(), 3, name)
	}
	c, s := pair(t, hello)
	w := id(t)(c.Watch(watch.Selection{}, 1))
	toServer(t, c, s)
	s.Begin(w)
	toClient(t, c, s)
	_, err := c.Receive(stream.Frame([]byte{21, 1, 4, 0, 1, 1, 4, 0, 1, 1}))
	require.ErrorContains(t, err, "2 events of watch 1, which has credit for 1")
}

// Ends of later versions are understood as long as there is a version in common.
// Their Hellos may have more fields.
func TestVersions(t *testing.T) {
	c, s := stream.NewClient(), stream.NewServer(hello)
	_, err := s.Receive(stream.Frame(append(stream.ClientHello(1, 9), 1, 2, 3)))
	require.NoError(t, err)
	_, err = c.Receive(stream.Frame(append(stream.ServerHello(1, 9, hello), 1, 2, 3)))
	require.NoError(t, err)

	c, s = stream.NewClient(), stream.NewServer(hello)
	_, err = c.Receive(stream.Frame(stream.ServerHello(2, 9, hello)))
	require.ErrorIs(t, err, stream.ErrVersion)
	_, err = s.Receive(stream.Frame(stream.ClientHello(2, 9)))
	require.ErrorIs(t, err, stream.ErrVersion)
	require.ErrorContains(t, err, "speaks 1 to 1, and the other 2 to 9")
	events := toClient(t, stream.NewClient(), s)
	require.Equal(t, stream.VersionMismatch, events[1].Goaway)

	_, err = stream.NewServer(hello).Receive([]byte("GET / HTTP/1.1\r\n\r\n"))
	require.ErrorContains(t, err, "frame too long")
}
