package sim

// timerTable are a process's timers: at most one for each token. A timer that is set
// again keeps its record in the queue, if that comes early enough: what
// rings too early waits on, unheard by the process. So a timeout that is set anew with
// each request costs the queue little, and fires only when it means something.
type timerTable struct {
	list  []timer
	free  []uint32          // places in list
	slots map[uint64]uint32 // in list, by token; looked up, never ranged over
}

// timer is one timer.
type timer struct {
	token      uint64
	due        Duration // true time
	queuedFor  Duration // when its record in the queue comes; no later than due
	generation uint32   // records that it has had: any but the last are void
	clockStops uint32   // times that the clock had stopped when it was set
	frozen     bool     // the clock stands, and due is how much is left of it then
}

// slot finds or makes the place of the timer with a token.
func (a *timerTable) slot(token uint64) (place uint32, made bool) {
	if i, ok := a.slots[token]; ok {
		return i, false
	}
	if a.slots == nil {
		a.slots = map[uint64]uint32{}
	}
	if n := len(a.free); n > 0 {
		place, a.free = a.free[n-1], a.free[:n-1]
	} else {
		place = uint32(len(a.list))
		a.list = append(a.list, timer{})
	}
	a.slots[token] = place
	x := &a.list[place]
	*x = timer{token: token, generation: x.generation + 1} // what came for the last one here is void
	return place, true
}

// reset forgets all timers, in the same memory.
func (a *timerTable) reset() {
	clear(a.slots)
	a.list, a.free = a.list[:0], a.free[:0]
}

// remove takes a timer away.
func (a *timerTable) remove(place uint32) {
	x := &a.list[place]
	delete(a.slots, x.token)
	x.generation++
	a.free = append(a.free, place)
}

// setTimer sets the timer of p with a token, to fire when its clock has gone on for
// what takes it so long.
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

// queueTimer has a timer's record come when it is due.
func (w *World) queueTimer(p *proc, place uint32) {
	a := &p.timers.list[place]
	a.generation++
	a.queuedFor = a.due
	w.push(a.due, record{kind: recordTimer, to: p.id, life: p.life, token: uint64(a.generation)<<32 | uint64(place)})
}

// timerFires reports whether a timer of p fires, whose record has come. If it does r
// has its token from then on.
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

// postponeTimer has a timer that the clock has not come to be due later.
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

// freezeTimer has a timer wait for the clock, which stands.
func (w *World) freezeTimer(p *proc, place uint32, left Duration) {
	w.hits.Freeze++
	a := &p.timers.list[place]
	if !a.frozen {
		a.generation++ // a record that is in the queue is void
		p.slowdown.frozenTimers = append(p.slowdown.frozenTimers, uint64(a.generation)<<32|uint64(place))
	}
	a.frozen, a.due = true, left
}

// resumeTimers has the timers that have waited for the clock go on with it.
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
