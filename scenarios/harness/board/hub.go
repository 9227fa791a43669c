package board

import "sync"

const (
	maxSubscribers = 16 // pages that get live figures at the same time
	maxWaiting     = 32 // messages that wait for one page
)

// hub hands messages to the pages that are open. It never waits for one: a page for which
// too many messages wait is dropped, connects again, and begins anew.
type hub struct {
	mu     sync.Mutex
	pages  map[chan []byte]bool
	closed bool
}

// subscribe returns the messages from now on, a channel that ends when the page is
// dropped or the hub is closed; ok is false if there are too many pages.
func (h *hub) subscribe() (messages chan []byte, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || len(h.pages) >= maxSubscribers {
		return nil, false
	}
	messages = make(chan []byte, maxWaiting)
	if h.pages == nil {
		h.pages = map[chan []byte]bool{}
	}
	h.pages[messages] = true
	return messages, true
}

// leave ends a subscription, if it has not ended.
func (h *hub) leave(messages chan []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop(messages)
}

func (h *hub) drop(messages chan []byte) {
	if h.pages[messages] {
		delete(h.pages, messages)
		close(messages)
	}
}

// publish hands a message to all pages.
func (h *hub) publish(message []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for page := range h.pages {
		select {
		case page <- message:
		default:
			h.drop(page)
		}
	}
}

// empty reports whether no page is open.
func (h *hub) empty() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.pages) == 0
}

// close ends all subscriptions, after a last message.
func (h *hub) close(last []byte) {
	h.publish(last)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for page := range h.pages {
		h.drop(page)
	}
}
