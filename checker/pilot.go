package checker

import (
	"context"
	"math"
	"slices"
)

// pilot walks through the events of one machine with few configurations. Where
// none of them leads on it goes back, the farther the longer it has been in
// trouble, and tries again with more. All that it has are reachable, so the end of
// the history is a proof; so is a dead end if no configuration was left out on the
// way.
type pilot struct {
	machine
	current  *linearizer
	events   *events
	trail    []checkpoint
	spare    []*linearizer
	trouble  int         // dead ends since the last trouble was over
	until    int         // the event at which it is
	width    int         // where there is no trouble
	stride   int         // number of events between checkpoints
	open     int         // as in a checkpoint, now
	made     []int64     // see madeFirst; nil as long as it is not needed
	disproof *refutation // of the last events, where none of the configurations leads on
	partial  bool        // it began with one of many configurations
	most     int         // dead ends in a row after which it gives up; 0: no limit
	doubted  int         // configurations made in search of disproofs
	allowed  int         // work after which it stops; 0: no limit
	last     *checkedOp  // that was considered
	done     bool        // it came to the end, or to a dead end from which it did not go back
}

// checkpoint is the walk before an event.
type checkpoint struct {
	walk *linearizer
	at   position
	open int // operations in flight that return, those without effect included
}

// Widths of a pilot where there is no trouble: the fewer dead ends there were, the
// fewer configurations.
const (
	minWidth   = 2
	firstWidth = 4
	maxWidth   = 16
)

const (
	stride = 64   // of a pilot
	quiet  = 4096 // number of events without a dead end after which width shrinks
)

func newPilot(ctx context.Context, m machine, checked []checkedOp, memory int64) *pilot {
	m.begin(ctx, memory)
	p := &pilot{machine: m, current: newLinearizer(ctx, m.automaton, hasVersions(checked), memory/8), events: newEvents(checked)}
	if m.object != nil {
		m.object.findResets(checked)
	}
	p.width, p.stride = firstWidth, stride
	p.setEffort()
	return p
}

// run goes on to the end, to a dead end that is a proof, or until time or memory
// run out. It returns the last operation that was considered.
func (p *pilot) run() (last *checkedOp) {
	p.allowed = 0
	return p.runTo(math.MaxInt)
}

// runTo is run, but stops after some events once it is out of trouble, and after as much
// work as it is allowed.
func (p *pilot) runTo(end int) (last *checkedOp) {
	for !p.done && !p.current.stopped {
		p.mark()
		out := p.events.index() >= end && p.events.index() > p.until+p.stride && p.trouble == 0
		if out || p.allowed > 0 && p.work() > p.allowed {
			break
		}
		e, more := p.events.next()
		if !more {
			p.done = true
			break
		}
		p.last = e.c
		p.done = !p.follow(e)
	}
	return p.last
}

// follow processes an event. It reports false at a dead end from which there is no way
// back.
func (p *pilot) follow(e event) bool {
	switch {
	case e.ret:
		p.open--
	case e.c.ret != forever:
		p.open++
	}
	if p.current.effects != nil {
		p.current.effects.at = int32(p.events.index())
	}
	if !e.ret {
		p.current.call(e.c)
		return true
	}
	return p.current.ret(e.c) || p.goBack()
}

// work returns the number of configurations that were made.
func (p *pilot) work() int { return p.current.expansions + p.doubted }

// mark takes a checkpoint now and then.
func (p *pilot) mark() {
	at := p.events.position
	switch {
	case p.trouble > 0 && at.index() > p.until:
		p.trouble = 0
		p.setEffort()
	case at.index() > p.until+quiet && p.width > minWidth:
		p.width, p.until = p.width/2, at.index()
		p.setEffort()
	}
	if e := p.current.effects; e != nil && e.full() {
		e.collect(p.users()...)
	}
	p.collect()
	if len(p.trail) > 0 && (at.index()%p.stride != 0 || p.trail[len(p.trail)-1].at == at) {
		return
	}
	walk := new(linearizer)
	if last := len(p.spare) - 1; last >= 0 {
		walk, p.spare = p.spare[last], p.spare[:last]
	}
	walk.copy(p.current)
	p.trail = append(p.trail, checkpoint{walk, at, p.open})
	p.thin()
}

// collect drops states of an object that are of no use any more.
func (p *pilot) collect() {
	if o := p.current.object; o != nil && o.full() {
		o.collect(p.users()...)
	}
}

// users returns the walk and its checkpoints.
func (p *pilot) users() []*linearizer {
	users := []*linearizer{p.current}
	for _, c := range p.trail {
		users = append(users, c.walk)
	}
	return users
}

// thin drops checkpoints so that those left are the farther apart the farther
// back.
func (p *pilot) thin() {
	end := p.trail[len(p.trail)-1].at.index()
	for i := len(p.trail) - 2; i > 0; i-- {
		if before, after := p.trail[i-1].at.index(), p.trail[i+1].at.index(); after-before <= (end-after)/2 {
			p.spare = append(p.spare, p.trail[i].walk)
			p.trail = slices.Delete(p.trail, i, i+1)
		}
	}
}

// goBack leaves a dead end. It reports false if that is a proof.
func (p *pilot) goBack() bool {
	if !p.current.narrowed {
		return false
	}
	at := p.events.position.index()
	p.trouble++
	p.until = max(p.until, at)
	if p.trouble > 1 {
		p.width = min(2*p.width, maxWidth)
	}
	if p.trouble > 1 && p.disprove() || p.most > 0 && p.trouble > p.most {
		return false
	}
	back := at - p.stride<<min(p.trouble, 24)
	i := len(p.trail) - 1
	for i > 0 && p.trail[i].at.index() > back {
		p.spare = append(p.spare, p.trail[i].walk)
		i--
	}
	p.trail = p.trail[:i+1]
	p.current.copy(p.trail[i].walk)
	p.setEffort()
	p.events.position, p.open = p.trail[i].at, p.trail[i].open
	return true
}

// setEffort makes the walk try the harder the longer it has been in trouble.
func (p *pilot) setEffort() {
	alike := 1 << (2 * min(p.trouble, 12))
	p.current.effort = effort{width: p.width * alike, slack: int32(1 + 4*p.trouble), alike: alike}
}

// impossible reports whether no configuration is left.
func (p *pilot) impossible() bool { return p.current.configurations.len() == 0 }

// refute finds the culprit behind a dead end that is a proof.
func (p *pilot) refute() *refutation {
	v := p.disproof
	p.collect()
	if v == nil {
		v = p.recent(2 * p.stride)
		v.base.effort = effort{} // a proof must not leave out configurations
	}
	return v.findCulprit(p.events.next)
}

// recent returns the last events, at least some number of them. The operations in
// flight when they begin have all returned before the last.
func (p *pilot) recent(least int) *refutation { // nil if it is partial and they have not
	end := p.events.position
	for i := len(p.trail) - 1; ; i-- {
		c := p.trail[i]
		if i > 0 && end.index()-c.at.index() < least {
			continue
		}
		var log []event
		open, called := c.open, map[*checkedOp]bool{}
		for p.events.position = c.at; p.events.position != end; {
			e, _ := p.events.next()
			log = append(log, e)
			if called[e.c] = called[e.c] || !e.ret; !called[e.c] && p.events.position != end {
				open--
			}
		}
		if i == 0 && open > 0 && p.partial {
			return nil
		}
		if i == 0 || open == 0 {
			base := new(linearizer)
			base.copy(c.walk)
			base.effects, base.configurations.recorded = nil, false
			return newRefutation(base, i == 0 && !p.partial, log)
		}
	}
}
