package server

import (
	"slices"
	"sync"
	"time"
)

// inbox holds events that have arrived and that the loop has not taken. Those who bring
// events of clients wait from inboxSize on, and those who bring messages of peers from
// peerInboxSize on: clients alone cannot keep a node from its peers. Completions of the
// disk never wait. It is safe for concurrent use.
type inbox struct {
	arrived chan struct{} // holds a token if there are events

	mu     sync.Mutex
	events []clientEvent
	since  time.Time     // when the first of events came
	room   chan struct{} // closed when there is room; nil: nobody waits
}

// The numbers of events from which on an inbox is full, for clients and for peers.
const (
	inboxSize     = 4 * maxBatch
	peerInboxSize = inboxSize + maxBatch
)

func newInbox() *inbox { return &inbox{arrived: make(chan struct{}, 1)} }

// put adds events, all at once. It waits while the inbox has size events or more, and
// returns false, with the events lost, if one of the channels is closed before there is
// room.
func (b *inbox) put(evs []clientEvent, size int, quit, done <-chan struct{}) bool {
	if len(evs) == 0 {
		return true
	}
	b.mu.Lock()
	for len(b.events) >= size {
		if b.room == nil {
			b.room = make(chan struct{})
		}
		room := b.room
		b.mu.Unlock()
		select {
		case <-room:
		case <-quit:
			return false
		case <-done:
			return false
		}
		b.mu.Lock()
	}
	first := len(b.events) == 0
	b.events = append(b.events, evs...)
	if first {
		b.since = time.Now()
	}
	b.mu.Unlock()
	if first {
		b.signal()
	}
	return true
}

// putNow adds an event even if the inbox is full.
func (b *inbox) putNow(ev clientEvent) {
	b.mu.Lock()
	first := len(b.events) == 0
	b.events = append(b.events, ev)
	if first {
		b.since = time.Now()
	}
	b.mu.Unlock()
	if first {
		b.signal()
	}
}

// signal is called when the inbox is no longer empty, and when take has left events.
func (b *inbox) signal() {
	select {
	case b.arrived <- struct{}{}:
	default:
	}
}

// take moves at most so many events, the oldest, to evs, and returns when the first of
// them came, at the earliest. The caller has received from arrived.
func (b *inbox) take(evs []clientEvent, most int) ([]clientEvent, time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := min(len(b.events), most)
	evs = append(evs, b.events[:n]...)
	b.events = slices.Delete(b.events, 0, n)
	if len(b.events) > 0 {
		b.signal()
	}
	if b.room != nil && len(b.events) < peerInboxSize { // a writer that waits for more looks again
		close(b.room)
		b.room = nil
	}
	return evs, b.since
}

// len returns the number of events that wait.
func (b *inbox) len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.events)
}
