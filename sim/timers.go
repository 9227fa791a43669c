package sim

// timerTable holds the timers of a process, at most one for each token. A timer
// that is set again keeps its record in the queue if that comes early enough. A
// record that comes before the timer is due is queued again, and the process gets
// no event. So a timeout that is reset with each request costs the queue little,
// and fires only when it is due.
type timerTable struct {
	list  []timer
	free  []uint32          // free indexes of list
	slots map[uint64]uint32 // indexes of list by token, from maxScanned on; looked up, never ranged over
}

// maxScanned is the number of timers that are found by their tokens in the list itself:
// most processes have one or two.
const maxScanned = 4

// timer is one timer.
type timer struct {
	set        bool
	token      uint64
	due        Duration // true time
	queuedFor  Duration // time of its record in the queue; no later than due
	generation uint32   // number of its latest record: earlier ones are stale
	clockStops uint32   // times that the clock had stopped when the timer was set
	frozen     bool     // the clock is stopped, and due is the remaining time
}

// slot returns the index of the timer with a token, and makes one if there is
// none.
func (a *timerTable) slot(token uint64) (place uint32, made bool) {
	if i, ok := a.find(token); ok {
		return i, false
	}
	if n := len(a.free); n > 0 {
		place, a.free = a.free[n-1], a.free[:n-1]
	} else {
		place = uint32(len(a.list))
		a.list = append(a.list, timer{})
	}
	if place >= maxScanned {
		if a.slots == nil {
			a.slots = map[uint64]uint32{}
		}
		a.slots[token] = place
	}
	x := &a.list[place]
	*x = timer{set: true, token: token, generation: x.generation + 1} // records of the last timer here are stale
	return place, true
}

// find returns the index of the timer with a token.
func (a *timerTable) find(token uint64) (place uint32, ok bool) {
	for i := range a.list[:min(len(a.list), maxScanned)] {
		if x := &a.list[i]; x.set && x.token == token {
			return uint32(i), true
		}
	}
	if len(a.slots) == 0 {
		return 0, false
	}
	place, ok = a.slots[token]
	return place, ok
}

// reset removes all timers and keeps the memory.
func (a *timerTable) reset() {
	clear(a.slots)
	a.list, a.free = a.list[:0], a.free[:0]
}

// remove removes a timer.
func (a *timerTable) remove(place uint32) {
	x := &a.list[place]
	if place >= maxScanned {
		delete(a.slots, x.token)
	}
	x.set = false
	x.generation++
	a.free = append(a.free, place)
}

// setTimer sets the timer of p with a token. after is true time: how long the
// clock of p takes for the requested time, if it does not stop.
func (w *World) setTimer(p *proc, token uint64, after Duration) {
	if p.clock.Drift != 0 {
		w.hits.Drift++
	}
	place, made := p.timers.slot(token)
	a, g := &p.timers.list[place], p.slowdown
	if g != nil && g.clockStops > 0 {
		w.freezeTimer(p, place, after)
		return
	}
	if g != nil {
		a.clockStops = g.stopCount()
	}
	a.frozen, a.due = false, w.now+after
	if made || a.due < a.queuedFor {
		w.queueTimer(p, place)
	}
}

// queueTimer queues a record of a timer for the time at which it is due.
func (w *World) queueTimer(p *proc, place uint32) {
	a := &p.timers.list[place]
	a.generation++
	a.queuedFor = a.due
	w.push(a.due, record{kind: recordTimer, to: p.id, life: p.life, token: uint64(a.generation)<<32 | uint64(place)})
}

// timerFires reports whether the timer of record r fires now. If so, it sets
// r.token to the timer's token and removes the timer.
func (w *World) timerFires(p *proc, r *record) bool {
	place, tries := uint32(r.token), uint32(r.token>>32)
	if p.code == nil || r.life != p.life || p.timers.list[place].generation != tries {
		return false
	}
	a := &p.timers.list[place]
	if w.now < a.due || p.slowdown != nil && w.postponeTimer(p, place) {
		if !a.frozen {
			w.queueTimer(p, place)
		}
		return false
	}
	r.token = a.token
	p.timers.remove(place)
	return true
}

// postponeTimer makes a timer due later if the clock has stopped since it was
// set, and reports whether it has.
func (w *World) postponeTimer(p *proc, place uint32) bool {
	g, a := p.slowdown, &p.timers.list[place]
	if late := g.totalMissed() - g.clockMissed[a.clockStops]; late > 0 {
		w.hits.Freeze++
		a.clockStops, a.due = g.stopCount(), w.now+late
		return true
	}
	if g.clockStops > 0 && w.now > g.stoppedAt {
		w.freezeTimer(p, place, w.now-g.stoppedAt)
		return true
	}
	return false
}

// freezeTimer has a timer wait, with left to go, until the stopped clock starts.
func (w *World) freezeTimer(p *proc, place uint32, left Duration) {
	w.hits.Freeze++
	a := &p.timers.list[place]
	if !a.frozen {
		a.generation++ // a record in the queue is stale
		p.slowdown.frozenTimers = append(p.slowdown.frozenTimers, uint64(a.generation)<<32|uint64(place))
	}
	a.frozen, a.due = true, left
}

// resumeTimers queues the frozen timers again when the clock starts.
func (w *World) resumeTimers(p *proc) {
	g := p.slowdown
	for _, t := range g.frozenTimers {
		place := uint32(t)
		a := &p.timers.list[place]
		if a.generation != uint32(t>>32) || !a.frozen {
			continue
		}
		a.frozen, a.clockStops, a.due = false, g.stopCount(), w.now+a.due
		w.queueTimer(p, place)
	}
	g.frozenTimers = g.frozenTimers[:0]
}
