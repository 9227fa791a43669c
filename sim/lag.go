package sim

// lag is what keeps a process behind the world: pauses, slowness, a clock that
// stops. Processes that keep up have none, and pay nothing for it.
type lag struct {
	pauses  int      // that hold
	pace    Duration // the least time between two events that it takes
	free    Duration // when it may take the next one
	waiting []record // what has come for it, in order
	turn    bool     // its turn to take something is scheduled

	stops  int        // of its clock that hold
	since  Duration   // ... the first of them
	missed []Duration // by the clock in all, after each time that it had stopped; the first is 0
	timers []uint64   // that wait for the clock, in order: the tokens of their records
}

// behind is p's lag, made if need be.
func (p *proc) behind() *lag {
	if p.lag == nil {
		p.lag = &lag{missed: []Duration{0}}
	}
	return p.lag
}

// Pause stops a process: it takes no event, its boot included, until it is
// resumed as often. What comes for it meanwhile waits in order, timers and
// completions of its disk too, while its clock goes on. It may be down, and stays paused
// when it is started.
func (w *World) Pause(id ID) {
	w.proc(id).behind().pauses++
	w.fold(uint64(w.now), uint64(id)<<32|10)
}

// Resume undoes one Pause. After the last the process takes all that waits, at
// this very time.
func (w *World) Resume(id ID) {
	p := w.proc(id)
	if g := p.lag; g != nil && g.pauses > 0 {
		g.pauses--
		w.turn(p)
	}
	w.fold(uint64(w.now), uint64(id)<<32|11)
}

// Slow has a process take events at least pace apart, as if each step took it
// that long; 0 is as fast as they come.
func (w *World) Slow(id ID, pace Duration) {
	p := w.proc(id)
	g := p.behind()
	g.pace = pace
	if pace == 0 {
		g.free = 0
	}
	w.turn(p)
	w.fold(uint64(w.now)^uint64(pace), uint64(id)<<32|12)
}

// StopClock stops the clock of a process, and its timers with it, until it is
// started as often. Then it goes on from where it stood.
func (w *World) StopClock(id ID) {
	g := w.proc(id).behind()
	if g.stops++; g.stops == 1 {
		g.since = w.now
	}
	w.fold(uint64(w.now), uint64(id)<<32|13)
}

// StartClock undoes one StopClock.
func (w *World) StartClock(id ID) {
	p := w.proc(id)
	g := p.lag
	if g == nil || g.stops == 0 {
		return
	}
	w.fold(uint64(w.now), uint64(id)<<32|14)
	if g.stops--; g.stops > 0 {
		return
	}
	g.missed = append(g.missed, g.total()+w.now-g.since)
	w.goOn(p)
}

// total is what the clock has missed, but for the time that it stands now.
func (g *lag) total() Duration { return g.missed[len(g.missed)-1] }

// stopped is how often the clock has stopped and gone on.
func (g *lag) stopped() uint32 { return uint32(len(g.missed) - 1) }

// local is what p's clock shows at true time t, which is now.
func (p *proc) local(t Duration) Duration {
	if g := p.lag; g != nil {
		if g.stops > 0 {
			t = g.since
		}
		t -= g.total()
	}
	return p.clock.local(t)
}

// lags reports whether p does not take r now, and sees to it that it does so
// when it can.
func (w *World) lags(p *proc, r *record) bool {
	g := p.lag
	switch {
	case r.what == whatTurn:
		w.takeTurn(p)
		return true
	case g.pauses == 0 && len(g.waiting) == 0 && g.free <= w.now:
		if g.pace > 0 {
			g.free = w.now + g.pace
		}
		return false
	case p.code == nil || !w.admit(p, r):
		return false // it is lost, now
	}
	if r.what == whatMessage && r.from != r.to && w.arrive(r) != 0 {
		return true
	}
	if g.pauses > 0 {
		w.faults.Pause++
	} else {
		w.faults.Slow++
	}
	g.waiting = append(g.waiting, *r)
	w.turn(p)
	return true
}

// turn schedules when p takes the next of what waits for it.
func (w *World) turn(p *proc) {
	if g := p.lag; !g.turn && g.pauses == 0 && len(g.waiting) > 0 {
		g.turn = true
		w.push(max(w.now, g.free), record{what: whatTurn, to: p.id})
	}
}

// takeTurn has p take the first of what waits for it.
func (w *World) takeTurn(p *proc) {
	g := p.lag
	g.turn = false
	if g.pauses > 0 || len(g.waiting) == 0 {
		return
	}
	if g.free > w.now { // it has become slow since its turn was scheduled
		w.turn(p)
		return
	}
	r := g.waiting[0]
	g.waiting[0] = record{}
	g.waiting = g.waiting[1:]
	g.free = w.now + g.pace
	if p.code == nil || !w.admit(p, &r) {
		w.lose(&r)
	} else {
		w.dispatch(p, &r)
	}
	w.turn(p)
}

// forget loses what waits for p, whose life has ended.
func (w *World) forget(p *proc) {
	g := p.lag
	if g == nil {
		return
	}
	for i := range g.waiting {
		w.lose(&g.waiting[i])
	}
	g.waiting, g.timers = nil, nil
}

// catchUp ends all that keeps p behind.
func (w *World) catchUp(p *proc) {
	g := p.lag
	if g == nil {
		return
	}
	if g.stops > 0 {
		g.stops = 1
		w.StartClock(p.id)
	}
	g.pauses, g.pace, g.free = 0, 0, 0
	w.turn(p)
}
