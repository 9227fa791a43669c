package tcp

import (
	"math/rand/v2"
	"time"
)

// backoff is how long to wait between attempts: twice as long after each, and
// never the same for all members.
type backoff struct {
	min, max time.Duration
	current  time.Duration // of the last wait
}

func (b *backoff) next() time.Duration {
	b.current = min(max(2*b.current, b.min), b.max)
	return b.current/2 + rand.N(b.current/2+1)
}

// longestWait is for trouble that will not pass by itself.
func (b *backoff) longestWait() time.Duration {
	b.current = b.max
	return b.next()
}

func (b *backoff) reset() { b.current = 0 }
