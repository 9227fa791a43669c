package sim

// slowdown is the state of a process that may lag behind the world: pauses,
// slowness, a stopped clock. A process without these faults has none.
type slowdown struct {
	pauses      int      // pauses in force
	pace        Duration // fault: the least time between two steps of the process
	nextFree    Duration // when it may take the next step
	backlog     []record // records deferred, in order; the first taken ones are gone
	taken       int
	drainQueued bool // a recordDrain is in the queue

	clockStops   int        // stops of its clock in force
	stoppedAt    Duration   // when the first of them began
	clockMissed  []Duration // total time missed by the clock after each stop; the first is 0
	frozenTimers []uint64   // timers that wait for the clock, in order: the tokens of their records
}

// ensureSlowdown returns p's slowdown, and makes it if p has none.
func (p *proc) ensureSlowdown() *slowdown {
	if p.slowdown == nil {
		p.slowdown = &slowdown{clockMissed: []Duration{0}}
	}
	return p.slowdown
}

// Pause stops a process until each Pause has its Resume: it takes no event, not
// even Boot. Events for it wait in order, timers and disk completions too, and
// its clock goes on. The process may be down; it stays paused when it is started.
func (w *World) Pause(id ID) {
	w.proc(id).ensureSlowdown().pauses++
	w.fold(uint64(w.now), uint64(id)<<32|10)
}

// Resume undoes one Pause, if there is one. After the last the process takes all
// waiting events, at the present time.
func (w *World) Resume(id ID) {
	p := w.proc(id)
	if g := p.slowdown; g != nil && g.pauses > 0 {
		g.pauses--
		w.queueDrain(p)
	}
	w.fold(uint64(w.now), uint64(id)<<32|11)
}

// Slow has a process take steps at least pace apart, as if each step lasted that
// long. A pace of 0 ends it.
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

// StopClock stops the clock of a process, and its timers with it, until each
// StopClock has its StartClock. Then the clock goes on from its last reading.
func (w *World) StopClock(id ID) {
	g := w.proc(id).ensureSlowdown()
	if g.clockStops++; g.clockStops == 1 {
		g.stoppedAt = w.now
	}
	w.fold(uint64(w.now), uint64(id)<<32|13)
}

// StartClock undoes one StopClock. It does nothing if the clock is not stopped.
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

// totalMissed returns the time that the clock has missed, without a stop in
// force.
func (g *slowdown) totalMissed() Duration { return g.clockMissed[len(g.clockMissed)-1] }

// stopCount returns how many stops of the clock have ended.
func (g *slowdown) stopCount() uint32 { return uint32(len(g.clockMissed) - 1) }

// local returns the reading of p's clock at true time t, which is now.
func (p *proc) local(t Duration) Duration {
	if g := p.slowdown; g != nil {
		if g.clockStops > 0 {
			t = g.stoppedAt
		}
		t -= g.totalMissed()
	}
	return p.clock.local(t)
}

// deferRecord reports whether p does not take r now. Then r is in the backlog,
// held by a clogged link, or lost on arrival; or it is a recordDrain, which
// deferRecord carries out.
func (w *World) deferRecord(p *proc, r *record) bool {
	g := p.slowdown
	switch {
	case r.kind == recordDrain:
		w.drainOnce(p)
		return true
	case g.pauses == 0 && g.waiting() == 0 && g.nextFree <= w.now:
		g.nextFree = w.now + p.pace()
		return false
	case p.code == nil || !w.isCurrent(p, r):
		return false // the caller drops it
	}
	if r.kind == recordMessage && r.from != r.to && w.checkArrival(r) != 0 {
		return true
	}
	switch {
	case g.pauses > 0:
		w.hits.Pause++
	case g.pace > 0:
		w.hits.Slow++
	default:
		w.hits.StepTime++
	}
	g.backlog = append(g.backlog, *r)
	w.queueDrain(p)
	return true
}

// waiting returns the number of deferred records.
func (g *slowdown) waiting() int { return len(g.backlog) - g.taken }

// takeFirst takes the first deferred record. Their memory is used again once all are
// taken, or many.
func (g *slowdown) takeFirst() record {
	r := g.backlog[g.taken]
	g.backlog[g.taken] = record{}
	if g.taken++; g.waiting() == 0 || g.taken == 256 {
		g.backlog, g.taken = append(g.backlog[:0], g.backlog[g.taken:]...), 0
	}
	return r
}

// pace returns the least time between two steps of p, which has a slowdown.
func (p *proc) pace() Duration { return max(p.slowdown.pace, p.steps.Time) }

// queueDrain schedules the time at which p takes the next step from its backlog.
func (w *World) queueDrain(p *proc) {
	if g := p.slowdown; !g.drainQueued && g.pauses == 0 && g.waiting() > 0 {
		g.drainQueued = true
		w.push(max(w.now, g.nextFree), record{kind: recordDrain, to: p.id})
	}
}

// drainOnce has p take a step from its backlog: the first record, or as many as it
// takes at once. A Boot is taken alone.
func (w *World) drainOnce(p *proc) {
	g := p.slowdown
	g.drainQueued = false
	if g.pauses > 0 || g.waiting() == 0 {
		return
	}
	if g.nextFree > w.now { // it became slow after this drain was scheduled
		w.queueDrain(p)
		return
	}
	g.nextFree = w.now + p.pace()
	w.batch = w.batch[:0]
	for g.waiting() > 0 && len(w.batch) < p.batchLimit() {
		if g.backlog[g.taken].kind == recordBoot && len(w.batch) > 0 {
			break
		}
		r := g.takeFirst()
		if p.code == nil || !w.isCurrent(p, &r) {
			w.dropRecord(&r)
			continue
		}
		if w.addEvent(p, &r); r.kind == recordBoot {
			break
		}
	}
	w.runStep(p)
	w.queueDrain(p)
}

// dropBacklog drops the backlog of p at the end of a life.
func (w *World) dropBacklog(p *proc) {
	g := p.slowdown
	if g == nil {
		return
	}
	for g.waiting() > 0 {
		r := g.takeFirst()
		w.dropRecord(&r)
	}
	g.frozenTimers = nil
}

// endSlowdown ends the pauses, the slowness and the clock stops of p.
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
