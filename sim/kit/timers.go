package kit

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/sim"
)

// Timers holds the timers of a process by name. A name is the token of the timer, as a
// constant of the process. The zero value has none; it belongs to one life.
//
//	const (
//		heartbeat = iota + 1
//		election
//	)
//
//	func (n *node) Step(now sim.Duration, ev *sim.Event, out *sim.Effects) {
//		switch name, _ := n.timers.Fired(now, ev, out); name {
//		case heartbeat:
//			...
//
// Durations are those of the local clock. A timer that was cancelled, or set again while
// its firing was on the way (as to a paused process), is not fired: each holds the time
// at which it is due, and an earlier firing is stale. All settings of a timer have one
// token, so that the world keeps one record for it, however often it is set again.
type Timers struct{ list []timer }

type timer struct {
	name   uint64
	armed  bool
	due    sim.Duration // local time
	period sim.Duration // 0: it fires once
}

// After has the timer fire once, when the local clock has advanced by d, in the place of
// its earlier setting. A negative d counts as 0.
func (t *Timers) After(now sim.Duration, out *sim.Effects, name uint64, d sim.Duration) {
	t.arm(now, out, name, d, 0)
}

// Every has the timer fire each time that the local clock has advanced by d, in the place
// of its earlier setting. The next period begins when the process takes the firing: a
// process that was paused does not make up for the firings that it missed. Every panics
// if d is not positive.
func (t *Timers) Every(now sim.Duration, out *sim.Effects, name uint64, d sim.Duration) {
	if d <= 0 {
		panic(fmt.Sprintf("kit: timer %d every %v: time would stand still: want a positive period", name, d))
	}
	t.arm(now, out, name, d, d)
}

func (t *Timers) arm(now sim.Duration, out *sim.Effects, name uint64, d, period sim.Duration) {
	d = min(max(d, 0), sim.MaxTime)
	x := t.find(name)
	if x == nil {
		t.list = append(t.list, timer{name: name})
		x = &t.list[len(t.list)-1]
	}
	x.armed, x.due, x.period = true, now+d, period
	out.SetTimer(name, d)
}

// Cancel has the timer not fire any more, until it is set again.
func (t *Timers) Cancel(name uint64) {
	if x := t.find(name); x != nil {
		x.armed = false
	}
}

// Armed reports whether the timer is going to fire.
func (t *Timers) Armed(name uint64) bool {
	x := t.find(name)
	return x != nil && x.armed
}

// Fired returns the name of the timer that fires with ev, and sets it again if it is
// periodic. ok is false if ev is another event, a stale firing, or of a timer that the
// process has set without t. The name is 0 then, so 0 is no good name.
func (t *Timers) Fired(now sim.Duration, ev *sim.Event, out *sim.Effects) (name uint64, ok bool) {
	if ev.Kind != sim.Timer {
		return 0, false
	}
	x := t.find(ev.Token)
	if x == nil || !x.armed || now < x.due {
		return 0, false
	}
	x.armed = false
	if x.period > 0 {
		t.arm(now, out, x.name, x.period, x.period)
	}
	return ev.Token, true
}

// find returns the timer of a name, nil if it was never set. A process has few.
func (t *Timers) find(name uint64) *timer {
	for i := range t.list {
		if t.list[i].name == name {
			return &t.list[i]
		}
	}
	return nil
}
