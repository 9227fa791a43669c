package tcp

import (
	"math/rand/v2"
	"time"
)

// backoff computes the waits between attempts: each is twice as long as the one
// before, up to max, with jitter that differs between members.
type backoff struct {
	min, max time.Duration
	current  time.Duration // last wait, without jitter
}

func (b *backoff) next() time.Duration {
	b.current = min(max(2*b.current, b.min), b.max)
	return b.current/2 + rand.N(b.current/2+1)
}

// longestWait returns a longest wait: the cause will not pass by itself.
func (b *backoff) longestWait() time.Duration {
	b.current = b.max
	return b.next()
}

func (b *backoff) reset() { b.current = 0 }
