package bubble

import (
	"sync"
	"time"
)

// deadline is a point of time after which calls fail. The lock of its host guards it.
type deadline struct {
	timer      *time.Timer
	passed     bool
	generation int // calls of set: the timer of an earlier one is stale
}

// set moves the deadline to t; the zero time is none. When it passes, changed is
// told.
func (d *deadline) set(t time.Time, changed *sync.Cond) {
	d.stop()
	d.generation++
	d.passed = false
	if t.IsZero() {
		return
	}
	left := time.Until(t)
	if left <= 0 {
		d.passed = true
		changed.Broadcast()
		return
	}
	mine := d.generation
	d.timer = time.AfterFunc(left, func() {
		changed.L.Lock()
		defer changed.L.Unlock()
		if d.generation == mine {
			d.passed = true
			changed.Broadcast()
		}
	})
}

// stop stops the timer.
func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}
