package stream_test

import (
	"fmt"
	"testing"

	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/stream"
	"github.com/lockstep-dst/lockstep/node/watch"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Two ends exchange messages in any order, over wires that cut their bytes anywhere and
// may damage one. Nothing is delivered twice or made up, and the client's account of
// its unfinished exchanges is true.
func TestModelOfTwoEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		t.Repeat(map[string]func(*rapid.T){
			"request": w.request, "watch": w.watch, "credit": w.credit, "cancel": w.cancel, "take": w.take,
			"reply": w.reply, "begin": w.begin, "changes": w.changes, "end": w.end, "grant": w.grant,
			"up": w.deliverUp, "down": w.deliverDown, "damage": w.damage,
			"": w.check,
		})
		w.close(t)
	})
}

type world struct {
	client   *stream.Client
	server   *stream.Server
	up, down []byte // on the wires
	damaged  bool   // a byte was

	requests map[uint64]*op.Request     // sent
	called   map[uint64]bool            // received
	watched  map[uint64]watch.Selection // sent
	opened   map[uint64]bool            // received
	replies  map[uint64]string          // sent
	replied  map[uint64]bool            // received
	sent     map[uint64][]watch.Event   // changes sent
	got      map[uint64]int             // number of changes received
	dropped  map[uint64]bool            // watch: cancelled
	finished map[uint64]bool            // exchanges, for the client
	version  uint64                     // of the last change
}

func newWorld(*rapid.T) *world {
	return &world{
		client: stream.NewClient(), server: stream.NewServer(hello),
		requests: map[uint64]*op.Request{}, called: map[uint64]bool{}, watched: map[uint64]watch.Selection{}, opened: map[uint64]bool{},
		replies: map[uint64]string{}, replied: map[uint64]bool{}, sent: map[uint64][]watch.Event{}, got: map[uint64]int{},
		dropped: map[uint64]bool{}, finished: map[uint64]bool{},
	}
}

// known draws the id of any exchange.
func (w *world) known(t *rapid.T) uint64 {
	return rapid.Uint64Range(1, uint64(len(w.requests)+len(w.watched)+1)).Draw(t, "id")
}

func (w *world) request(t *rapid.T) {
	free := w.client.Free()
	q := proposal(op.ID(fmt.Sprint("op", len(w.requests))))
	id, err := w.client.Request(q, 0)
	require.Equal(t, free > 0, err == nil)
	if err == nil {
		w.requests[id] = q
	}
}

func (w *world) watch(t *rapid.T) {
	s := watch.Selection{Prefix: fmt.Sprint("w", len(w.watched))}
	if id, err := w.client.Watch(s, rapid.IntRange(0, 5).Draw(t, "credit")); err == nil {
		w.watched[id] = s
	}
}

func (w *world) credit(t *rapid.T) { w.client.Credit(w.known(t), rapid.IntRange(1, 5).Draw(t, "n")) }

func (w *world) cancel(t *rapid.T) {
	if id := w.known(t); w.client.Cancel(id) {
		w.dropped[id] = true
	}
}

func (w *world) take(*rapid.T) {
	w.up, w.down = append(w.up, w.client.Take(nil)...), append(w.down, w.server.Take(nil)...)
}

func (w *world) reply(t *rapid.T) {
	id := w.known(t)
	if rapid.Bool().Draw(t, "refuse") {
		if w.server.Refuse(id, op.Overloaded, fmt.Sprint("refused ", id)) && w.called[id] {
			w.replies[id] = fmt.Sprint("refused ", id)
		}
		return
	}
	text := fmt.Sprint("reply ", id, len(w.replies))
	if w.server.Reply(id, &op.Reply{Outcome: op.Rejected, Reason: op.Illegal, Version: id}, text) {
		require.True(t, w.called[id])
		w.replies[id] = text
	}
}

func (w *world) begin(t *rapid.T) { w.server.Begin(w.known(t)) }

func (w *world) changes(t *rapid.T) {
	id := w.known(t)
	var events []watch.Event
	for range rapid.IntRange(1, 5).Draw(t, "n") {
		w.version++
		events = append(events, watch.Event{State: &watch.Machine{Key: fmt.Sprint(id), Version: w.version}})
	}
	credit := w.server.Credit(id)
	n := w.server.Changes(id, events)
	require.Equal(t, min(credit, len(events)), n)
	w.sent[id] = append(w.sent[id], events[:n]...)
}

func (w *world) end(t *rapid.T) { w.server.End(w.known(t), stream.Slow, "slow") }

func (w *world) grant(*rapid.T) { w.server.Grant(1) }

func (w *world) damage(t *rapid.T) {
	if len(w.up) > 0 && rapid.IntRange(0, 9).Draw(t, "damage") == 0 {
		w.up[rapid.IntRange(0, len(w.up)-1).Draw(t, "at")] ^= rapid.ByteMin(1).Draw(t, "bits")
		w.damaged = true
	}
	if len(w.down) > 0 && rapid.IntRange(0, 9).Draw(t, "damage") == 0 {
		w.down[rapid.IntRange(0, len(w.down)-1).Draw(t, "at")] ^= rapid.ByteMin(1).Draw(t, "bits")
		w.damaged = true
	}
}

// cut draws the bytes of a wire that arrive.
func cut(t *rapid.T, wire *[]byte) []byte {
	n := rapid.IntRange(0, len(*wire)).Draw(t, "bytes")
	chunk := (*wire)[:n]
	*wire = (*wire)[n:]
	return chunk
}

func (w *world) deliverUp(t *rapid.T) {
	events, err := w.server.Receive(cut(t, &w.up))
	w.note(t, err)
	for _, e := range events {
		switch e.Kind {
		case stream.Called:
			require.Equal(t, w.requests[e.ID], e.Request)
			require.False(t, w.called[e.ID], "it was delivered before")
			w.called[e.ID] = true
		case stream.WatchRequested:
			require.Equal(t, w.watched[e.ID], e.Selection)
			require.False(t, w.opened[e.ID])
			w.opened[e.ID] = true
		case stream.CallCancelled, stream.WatchCancelled:
			require.True(t, w.dropped[e.ID])
		}
	}
}

func (w *world) deliverDown(t *rapid.T) {
	events, err := w.client.Receive(cut(t, &w.down))
	w.note(t, err)
	for _, e := range events {
		switch e.Kind {
		case stream.Replied:
			require.Equal(t, w.replies[e.ID], e.Text)
			require.Equal(t, w.requests[e.ID].ID, e.Reply.ID)
			require.False(t, w.replied[e.ID], "it was delivered before")
			w.replied[e.ID] = true
			w.finish(t, e.ID)
		case stream.WatchChanged:
			require.False(t, w.dropped[e.ID])
			at := w.got[e.ID]
			require.Equal(t, w.sent[e.ID][at:at+len(e.Changes)], e.Changes)
			w.got[e.ID] += len(e.Changes)
		case stream.WatchEnded, stream.WatchRefused:
			if !w.dropped[e.ID] {
				require.Len(t, w.sent[e.ID], w.got[e.ID], "all changes come before the end")
			}
			w.finish(t, e.ID)
		}
	}
}

func (w *world) finish(t *rapid.T, id uint64) {
	require.False(t, w.finished[id])
	w.finished[id] = true
}

// note checks that an end fails only if bytes were damaged.
func (w *world) note(t *rapid.T, err error) {
	if err != nil {
		require.True(t, w.damaged, "%v", err)
	}
}

func (w *world) check(t *rapid.T) {
	require.Equal(t, len(w.requests)+len(w.watched), len(w.finished)+w.client.Unfinished())
	require.LessOrEqual(t, w.client.Pending(), stream.MaxFrame)
}

// close ends the connection: requests that were certainly not sent were not received.
func (w *world) close(t *rapid.T) {
	if rapid.Bool().Draw(t, "goaway") {
		w.server.Goaway(stream.Stopping, "it stops")
		w.take(t)
		w.deliverDown(t)
	}
	lost := w.client.Closed()
	require.Len(t, lost, len(w.requests)+len(w.watched)-len(w.finished))
	events, _ := w.server.Receive(w.up)
	for _, e := range events {
		if e.Kind == stream.Called {
			w.called[e.ID] = true
		}
	}
	for _, l := range lost {
		require.False(t, l.NeverSent && (w.called[l.ID] || w.opened[l.ID]), "%d", l.ID)
		require.False(t, w.replied[l.ID])
	}
}
