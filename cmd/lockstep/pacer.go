package main

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// pacer gives the clients of an open loop the times at which operations are
// intended to begin. They depend on the rate alone, never on how fast earlier
// operations are answered. The client that has the lock sleeps until the next
// arrival; the others follow it.
type pacer struct {
	begin time.Time
	gap   func() time.Duration // between arrivals
	end   int64                // no arrival is at or after this time

	mu   sync.Mutex
	next int64 // arrival, since begin in nanoseconds
}

// newPacer returns a pacer of so many arrivals a second, from a time on; poisson:
// with exponentially distributed gaps, else with equal ones.
func newPacer(begin time.Time, from, end int64, rate float64, poisson bool, choice *rand.Rand) *pacer {
	mean := float64(time.Second) / rate
	fraction := 0.0 // of a nanosecond, carried over so that the rate is exact
	gap := func() time.Duration {
		exact := mean
		if poisson {
			exact *= choice.ExpFloat64()
		}
		whole := time.Duration(exact + fraction)
		fraction += exact - float64(whole)
		return whole
	}
	return &pacer{begin: begin, end: end, next: from, gap: gap}
}

// arrival waits for the next arrival and returns its time, which has passed if
// operations are late; false after the last, or when ctx ends.
func (p *pacer) arrival(ctx context.Context) (at int64, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if ctx.Err() != nil || p.next >= p.end || !p.sleepUntil(ctx, p.next) {
		return 0, false
	}
	at = p.next
	p.next += int64(p.gap())
	return at, true
}

// unstarted returns the number of arrivals that no client has taken. No client may be
// running.
func (p *pacer) unstarted() int {
	n := 0
	for ; p.next < p.end; n++ {
		p.next += int64(p.gap())
	}
	return n
}

// sleepSlack is the time by which timers may ring late: net polling counts in
// milliseconds.
const sleepSlack = 2 * time.Millisecond

// sleepUntil reports false if ctx has ended.
func (p *pacer) sleepUntil(ctx context.Context, at int64) bool {
	for {
		left := time.Duration(at) - time.Since(p.begin)
		switch {
		case left <= 0:
			return true
		case left <= sleepSlack:
			preciseSleep(left)
		default:
			timer := time.NewTimer(left - sleepSlack)
			select {
			case <-ctx.Done():
				timer.Stop()
				return false
			case <-timer.C:
			}
		}
	}
}
