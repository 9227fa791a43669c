package sim

// alarms are a process's timers: at most one for each token. A timer that is set
// again keeps its record in the queue, if that comes early enough: what
// rings too early waits on, unheard by the process. So a timeout that is set anew with
// each request costs the queue little, and fires only when it means something.
type alarms struct {
	list  []alarm
	free  []uint32          // places in list
	place map[uint64]uint32 // in list, by token; looked up, never ranged over
}

// alarm is one timer.
type alarm struct {
	token  uint64
	due    Duration // true time
	rings  Duration // when its record in the queue comes; no later than due
	tries  uint32   // records that it has had: any but the last are void
	stops  uint32   // times that the clock had stopped when it was set
	stands bool     // the clock stands, and due is how much is left of it then
}

// take finds or makes the place of the timer with a token.
func (a *alarms) take(token uint64) (place uint32, made bool) {
	if i, ok := a.place[token]; ok {
		return i, false
	}
	if a.place == nil {
		a.place = map[uint64]uint32{}
	}
	if n := len(a.free); n > 0 {
		place, a.free = a.free[n-1], a.free[:n-1]
	} else {
		place = uint32(len(a.list))
		a.list = append(a.list, alarm{})
	}
	a.place[token] = place
	x := &a.list[place]
	*x = alarm{token: token, tries: x.tries + 1} // what came for the last one here is void
	return place, true
}

// reset forgets all timers, in the same memory.
func (a *alarms) reset() {
	clear(a.place)
	a.list, a.free = a.list[:0], a.free[:0]
}

// drop takes a timer away.
func (a *alarms) drop(place uint32) {
	x := &a.list[place]
	delete(a.place, x.token)
	x.tries++
	a.free = append(a.free, place)
}

// arm sets the timer of p with a token, to fire when its clock has gone on for
// what takes it so long.
func (w *World) arm(p *proc, token uint64, after Duration) {
	if p.clock.Drift != 0 {
		w.faults.Drift++
	}
	place, made := p.alarms.take(token)
	a, g := &p.alarms.list[place], p.lag
	if g != nil && g.stops > 0 {
		w.keep(p, place, after)
		return
	}
	if g != nil {
		a.stops = g.stopped()
	}
	a.stands, a.due = false, w.now+after
	if made || a.due < a.rings {
		w.ring(p, place)
	}
}

// ring has a timer's record come when it is due.
func (w *World) ring(p *proc, place uint32) {
	a := &p.alarms.list[place]
	a.tries++
	a.rings = a.due
	w.push(a.due, record{what: whatTimer, to: p.id, life: p.life, token: uint64(a.tries)<<32 | uint64(place)})
}

// rings reports whether a timer of p fires, whose record has come. If it does r
// has its token from then on.
func (w *World) rings(p *proc, r *record) bool {
	place, tries := uint32(r.token), uint32(r.token>>32)
	if p.code == nil || r.life != p.life || p.alarms.list[place].tries != tries {
		return false
	}
	a := &p.alarms.list[place]
	if w.now < a.due || p.lag != nil && w.early(p, place) {
		if !a.stands {
			w.ring(p, place)
		}
		return false
	}
	r.token = a.token
	p.alarms.drop(place)
	return true
}

// early has a timer that the clock has not come to be due later.
func (w *World) early(p *proc, place uint32) bool {
	g, a := p.lag, &p.alarms.list[place]
	if late := g.total() - g.missed[a.stops]; late > 0 {
		w.faults.Freeze++
		a.stops, a.due = g.stopped(), w.now+late
		return true
	}
	if g.stops > 0 && w.now > g.since {
		w.keep(p, place, w.now-g.since)
		return true
	}
	return false
}

// keep has a timer wait for the clock, which stands.
func (w *World) keep(p *proc, place uint32, left Duration) {
	w.faults.Freeze++
	a := &p.alarms.list[place]
	if !a.stands {
		a.tries++ // a record that is in the queue is void
		p.lag.timers = append(p.lag.timers, uint64(a.tries)<<32|uint64(place))
	}
	a.stands, a.due = true, left
}

// goOn has the timers that have waited for the clock go on with it.
func (w *World) goOn(p *proc) {
	g := p.lag
	for _, t := range g.timers {
		place := uint32(t)
		a := &p.alarms.list[place]
		if a.tries != uint32(t>>32) || !a.stands {
			continue
		}
		a.stands, a.stops, a.due = false, g.stopped(), w.now+a.due
		w.ring(p, place)
	}
	g.timers = g.timers[:0]
}
