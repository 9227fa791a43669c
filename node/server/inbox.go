package server

import "sync"

// inbox holds events that have arrived and that the loop has not taken. It has room
// for inboxSize of them; then those who bring events wait, except for completions of
// the disk. It is safe for concurrent use.
type inbox struct {
	arrived chan struct{} // holds a token if there are events

	mu     sync.Mutex
	events []clientEvent
	room   chan struct{} // closed when the loop takes the events; nil: nobody waits
}

// inboxSize is the number of events from which on an inbox is full.
const inboxSize = 4 * maxBatch

func newInbox() *inbox { return &inbox{arrived: make(chan struct{}, 1)} }

// put adds events, all at once. It waits while the inbox is full, and returns false,
// with the events lost, if one of the channels is closed before there is room.
func (b *inbox) put(evs []clientEvent, quit, done <-chan struct{}) bool {
	if len(evs) == 0 {
		return true
	}
	b.mu.Lock()
	for len(b.events) >= inboxSize {
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
	b.mu.Unlock()
	if first {
		b.signal()
	}
}

// signal is called for the first event after take: of two that are called without a
// take between them, one has found no event.
func (b *inbox) signal() {
	select {
	case b.arrived <- struct{}{}:
	default:
	}
}

// take returns all events, and takes over the memory of spare. The caller has
// received from arrived.
func (b *inbox) take(spare []clientEvent) []clientEvent {
	b.mu.Lock()
	defer b.mu.Unlock()
	evs := b.events
	b.events = spare[:0]
	if b.room != nil {
		close(b.room)
		b.room = nil
	}
	return evs
}

// len returns the number of events that wait.
func (b *inbox) len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.events)
}
