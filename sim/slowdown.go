package sim

// slowdown is what keeps a process behind the world: pauses, slowness, a clock that
// stops. Processes that keep up have none, and pay nothing for it.
type slowdown struct {
	pauses      int      // that hold
	pace        Duration // the least time between two events that it takes
	nextFree    Duration // when it may take the next one
	backlog     []record // what has come for it, in order
	drainQueued bool     // its turn to take something is scheduled

	clockStops   int        // of its clock that hold
	stoppedAt    Duration   // ... the first of them
	clockMissed  []Duration // by the clock in all, after each time that it had stopped; the first is 0
	frozenTimers []uint64   // that wait for the clock, in order: the tokens of their records
}

// ensureSlowdown is p's lag, made if need be.
func (p *proc) ensureSlowdown() *slowdown {
	if p.slowdown == nil {
		p.slowdown = &slowdown{clockMissed: []Duration{0}}
	}
	return p.slowdown
}

// Pause stops a process: it takes no event, its boot included, until it is
// resumed as often. What comes for it meanwhile waits in order, timers and
// completions of its disk too, while its clock goes on. It may be down, and stays paused
// when it is started.
func (w *World) Pause(id ID) {
	w.proc(id).ensureSlowdown().pauses++
	w.fold(uint64(w.now), uint64(id)<<32|10)
}

// Resume undoes one Pause. After the last the process takes all that waits, at
// this very time.
func (w *World) Resume(id ID) {
	p := w.proc(id)
	if g := p.slowdown; g != nil && g.pauses > 0 {
		g.pauses--
		w.queueDrain(p)
	}
	w.fold(uint64(w.now), uint64(id)<<32|11)
}

// Slow has a process take events at least pace apart, as if each step took it
// that long; 0 is as fast as they come.
func (w *World) Slow(id ID, pace Duration) {
	p := w.proc(id)
	g := p.ensureSlowdown()
	g.pace = pace
	if pace == 0 {
		g.nextFree = 0
	}
	w.queueDrain(p)
	w.fold(uint64(w.now)^uint64(pace), uint64(id)<<32|12)
}

// StopClock stops the clock of a process, and its timers with it, until it is
// started as often. Then it goes on from where it stood.
func (w *World) StopClock(id ID) {
	g := w.proc(id).ensureSlowdown()
	if g.clockStops++; g.clockStops == 1 {
		g.stoppedAt = w.now
	}
	w.fold(uint64(w.now), uint64(id)<<32|13)
}

// StartClock undoes one StopClock.
func (w *World) StartClock(id ID) {
	p := w.proc(id)
	g := p.slowdown
	if g == nil || g.clockStops == 0 {
		return
	}
	w.fold(uint64(w.now), uint64(id)<<32|14)
	if g.clockStops--; g.clockStops > 0 {
		return
	}
	g.clockMissed = append(g.clockMissed, g.totalMissed()+w.now-g.stoppedAt)
	w.resumeTimers(p)
}

// totalMissed is what the clock has missed, but for the time that it stands now.
func (g *slowdown) totalMissed() Duration { return g.clockMissed[len(g.clockMissed)-1] }

// stopCount is how often the clock has stopped and gone on.
func (g *slowdown) stopCount() uint32 { return uint32(len(g.clockMissed) - 1) }

// local is what p's clock shows at true time t, which is now.
func (p *proc) local(t Duration) Duration {
	if g := p.slowdown; g != nil {
		if g.clockStops > 0 {
			t = g.stoppedAt
		}
		t -= g.totalMissed()
	}
	return p.clock.local(t)
}

// deferRecord reports whether p does not take r now, and sees to it that it does so
// when it can.
func (w *World) deferRecord(p *proc, r *record) bool {
	g := p.slowdown
	switch {
	case r.kind == recordDrain:
		w.drainOne(p)
		return true
	case g.pauses == 0 && len(g.backlog) == 0 && g.nextFree <= w.now:
		if g.pace > 0 {
			g.nextFree = w.now + g.pace
		}
		return false
	case p.code == nil || !w.isCurrent(p, r):
		return false // it is lost, now
	}
	if r.kind == recordMessage && r.from != r.to && w.checkArrival(r) != 0 {
		return true
	}
	if g.pauses > 0 {
		w.hits.Pause++
	} else {
		w.hits.Slow++
	}
	g.backlog = append(g.backlog, *r)
	w.queueDrain(p)
	return true
}

// queueDrain schedules when p takes the next of what waits for it.
func (w *World) queueDrain(p *proc) {
	if g := p.slowdown; !g.drainQueued && g.pauses == 0 && len(g.backlog) > 0 {
		g.drainQueued = true
		w.push(max(w.now, g.nextFree), record{kind: recordDrain, to: p.id})
	}
}

// drainOne has p take the first of what waits for it.
func (w *World) drainOne(p *proc) {
	g := p.slowdown
	g.drainQueued = false
	if g.pauses > 0 || len(g.backlog) == 0 {
		return
	}
	if g.nextFree > w.now { // it has become slow since its turn was scheduled
		w.queueDrain(p)
		return
	}
	r := g.backlog[0]
	g.backlog[0] = record{}
	g.backlog = g.backlog[1:]
	g.nextFree = w.now + g.pace
	if p.code == nil || !w.isCurrent(p, &r) {
		w.dropRecord(&r)
	} else {
		w.dispatch(p, &r)
	}
	w.queueDrain(p)
}

// dropBacklog loses what waits for p, whose life has ended.
func (w *World) dropBacklog(p *proc) {
	g := p.slowdown
	if g == nil {
		return
	}
	for i := range g.backlog {
		w.dropRecord(&g.backlog[i])
	}
	g.backlog, g.frozenTimers = nil, nil
}

// endSlowdown ends all that keeps p behind.
func (w *World) endSlowdown(p *proc) {
	g := p.slowdown
	if g == nil {
		return
	}
	if g.clockStops > 0 {
		g.clockStops = 1
		w.StartClock(p.id)
	}
	g.pauses, g.pace, g.nextFree = 0, 0, 0
	w.queueDrain(p)
}
