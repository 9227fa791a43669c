package tcp

import (
	"math/rand/v2"
	"time"
)

// backoff is how long to wait between attempts: twice as long after each, and
// never the same for all members.
type backoff struct {
	min, max time.Duration
	base     time.Duration // of the last wait
}

func (b *backoff) next() time.Duration {
	b.base = min(max(2*b.base, b.min), b.max)
	return b.base/2 + rand.N(b.base/2+1)
}

// longest is for trouble that will not pass by itself.
func (b *backoff) longest() time.Duration {
	b.base = b.max
	return b.next()
}

func (b *backoff) reset() { b.base = 0 }
