package server

import (
	"math"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/service"
	"github.com/stretchr/testify/require"
)

func numberedEvents(first, n int) []clientEvent {
	evs := make([]clientEvent, n)
	for i := range evs {
		evs[i].Ticket = service.Ticket(first + i)
	}
	return evs
}

// Many bring events to one that takes them: each arrives once, those of one caller in
// order, those of one call together. Everybody waits now and then, since it is full.
func TestInboxLosesNothing(t *testing.T) {
	const callers, calls, size = 8, 600, 3
	b := newInbox()
	for c := range callers {
		go func() {
			for n := range calls {
				b.put(numberedEvents((c*calls+n)*size, size), inboxSize, nil, nil)
			}
		}()
	}
	next := [callers]int{}
	var evs []clientEvent
	for left := callers * calls * size; left > 0; {
		select {
		case <-b.arrived:
		case <-time.After(time.Minute):
			require.FailNow(t, "nobody brings more events", "%d are missing", left)
		}
		evs, _ = b.take(evs[:0], math.MaxInt)
		require.NotEmpty(t, evs, "a token without an event")
		require.Less(t, len(evs), inboxSize+callers*size)
		for i := 0; i < len(evs); i += size {
			c := int(evs[i].Ticket) / (calls * size)
			for k := range size {
				require.EqualValues(t, c*calls*size+next[c], evs[i+k].Ticket)
				next[c]++
			}
		}
		left -= len(evs)
		clear(evs)
	}
	require.Zero(t, b.len())
}

// Completions of the disk find room in a full inbox: the loop may wait for them before
// it takes anything else.
func TestDiskCompletionsNeedNoRoom(t *testing.T) {
	b := newInbox()
	require.True(t, b.put(make([]clientEvent, inboxSize), inboxSize, nil, nil))
	b.putNow(clientEvent{Event: service.Event{Member: node.Event{Kind: node.DiskDone}}})
	require.Equal(t, inboxSize+1, b.len())

	closed := make(chan struct{})
	close(closed)
	require.False(t, b.put(make([]clientEvent, 1), inboxSize, closed, nil), "stopped")
	require.False(t, b.put(make([]clientEvent, 1), inboxSize, nil, closed), "ended")
	<-b.arrived
	b.take(nil, math.MaxInt)
	require.True(t, b.put(make([]clientEvent, 1), inboxSize, closed, nil), "there is room")
}

// Clients that fill the inbox keep no room from the peers of a node.
func TestInboxHasRoomForPeers(t *testing.T) {
	quit := make(chan struct{})
	close(quit)
	b := newInbox()
	for b.put(numberedEvents(0, 1), inboxSize, quit, nil) {
	}
	require.Equal(t, inboxSize, b.len())
	for b.put(numberedEvents(0, 1), peerInboxSize, quit, nil) {
	}
	require.Equal(t, inboxSize+maxBatch, b.len())

	waits := make(chan bool)
	go func() { waits <- b.put(numberedEvents(7, 1), peerInboxSize, nil, nil) }()
	<-b.arrived
	for b.len() >= peerInboxSize {
		evs, _ := b.take(nil, 1)
		require.Len(t, evs, 1)
		<-b.arrived
	}
	require.True(t, <-waits, "a peer is told of room that clients do not have")
}
