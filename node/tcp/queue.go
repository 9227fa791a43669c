package tcp

import (
	"sync"

	"github.com/lockstep-dst/lockstep/node"
)

// queue is a bounded queue of messages for a peer. One goroutine takes them; any may
// add some.
type queue struct {
	size   int
	filled chan struct{} // holds a token if there may be messages

	mu       sync.Mutex
	messages []node.Message // a ring from first on
	first    int
	count    int
}

func newQueue(size int) *queue { return &queue{size: size, filled: make(chan struct{}, 1)} }

// push adds the first messages for which there is room, and returns their number.
func (q *queue) push(messages []node.Message) int {
	q.mu.Lock()
	n := min(len(messages), q.size-q.count)
	q.grow(q.count + n)
	for _, m := range messages[:n] {
		q.messages[(q.first+q.count)%len(q.messages)] = m
		q.count++
	}
	q.mu.Unlock()
	if n > 0 {
		q.signal()
	}
	return n
}

// grow makes room for n messages, in steps that double.
func (q *queue) grow(n int) {
	if n <= len(q.messages) {
		return
	}
	larger := make([]node.Message, min(q.size, max(n, 2*len(q.messages))))
	kept := copy(larger, q.messages[q.first:])
	copy(larger[kept:], q.messages[:q.first])
	q.messages, q.first = larger, 0
}

// pop takes the oldest message; ok is false if there is none.
func (q *queue) pop() (m node.Message, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.count == 0 {
		return nil, false
	}
	m = q.messages[q.first]
	q.messages[q.first] = nil
	q.first = (q.first + 1) % len(q.messages)
	q.count--
	return m, true
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.count
}

func (q *queue) signal() {
	select {
	case q.filled <- struct{}{}:
	default: // there is a token
	}
}
