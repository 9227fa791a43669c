package sim

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
)

// BatchProcess is a Process that can take several events as one step, as a server
// does that drains its queue of events. StepAll is Step for events that have
// gathered; the first is taken first. A Boot comes alone.
type BatchProcess interface {
	Process
	StepAll(now Duration, evs []Event, out *Effects)
}

// StepProfile describes the steps of a process. The zero value is one event a step,
// and a step takes no time.
type StepProfile struct {
	Batch int      `json:"batch,omitempty"` // the most events of one step of a BatchProcess; 0: one
	Time  Duration `json:"time,omitempty"`  // duration of a step; events that arrive meanwhile wait, and are taken together
}

// MaxBatch is the largest StepProfile.Batch.
const MaxBatch = 1024

// Validate names the first field that is out of bounds.
func (s StepProfile) Validate() error {
	switch {
	case s.Batch < 0 || s.Batch > MaxBatch:
		return fmt.Errorf("batch: %d: want 0 to %d", s.Batch, MaxBatch)
	case s.Time < 0 || s.Time > netmodel.Second:
		return fmt.Errorf("time: %v: want 0s to %v", s.Time, netmodel.Second)
	}
	return nil
}

// setCode makes code the process of p's life.
func (p *proc) setCode(code Process) {
	p.code, p.batchCode = code, nil
	if b, ok := code.(BatchProcess); ok && p.steps.Batch > 1 {
		p.batchCode = b
	}
}

// dispatch has p take r as one step, with the events that are due at the same
// instant if p takes several.
func (w *World) dispatch(p *proc, r *record) {
	w.batch = w.batch[:0]
	w.addEvent(p, r)
	if r.kind != recordBoot {
		for len(w.batch) < p.batchLimit() && w.popDue(p, r) {
			w.addEvent(p, r)
		}
	}
	w.runStep(p)
}

// batchLimit returns the most events that p takes in one step.
func (p *proc) batchLimit() int {
	if p.batchCode == nil {
		return 1
	}
	return p.steps.Batch
}

// popDue takes the next record that p can take into r, if it is first in the queue
// and due now.
func (w *World) popDue(p *proc, r *record) bool {
	for w.queue.len() > 0 && w.queue.next() == w.now {
		next := w.queue.peek()
		if next.to != p.id || !next.kind.forProcess() || next.kind == recordBoot || p.starting {
			return false
		}
		w.queue.pop(r)
		if r.kind == recordTimer && !w.timerFires(p, r) || r.kind.isNotice() && !w.takeNotice(r) {
			continue
		}
		w.stats.Events++
		switch {
		case !w.isCurrent(p, r):
			w.dropRecord(r)
		case r.kind != recordMessage || r.from == r.to || w.checkArrival(r) == netmodel.Arrived:
			return true
		}
	}
	return false
}

// runStep has p take the events of the step, if there are any, and applies the
// effects.
func (w *World) runStep(p *proc) {
	switch n := len(w.batch); {
	case n == 0:
		return
	case n == 1:
		p.code.Step(p.local(w.now), &w.batch[0], &w.out)
	default:
		w.hits.Batch++
		w.fold(uint64(n), 15)
		p.batchCode.StepAll(p.local(w.now), w.batch, &w.out)
	}
	if w.strict != nil {
		w.checkStep(p)
	}
	if w.cfg.OnStep != nil {
		w.cfg.OnStep(p.id, w.batch, &w.out)
	}
	w.applyEffects(p)
}

// addEvent adds the event of a record to the step of p.
func (w *World) addEvent(p *proc, r *record) {
	w.batch = append(w.batch, Event{From: r.from, Message: r.msg})
	ev := &w.batch[len(w.batch)-1]
	switch r.kind {
	case recordBoot:
		ev.Kind, ev.Token, ev.Disk = Boot, uint64(p.life), p.disk
	case recordMessage:
		ev.Kind = Receive
		w.stats.Delivered++
		if w.cfg.RoundTrip != nil && r.from != r.to {
			ev.Message = w.cfg.RoundTrip(r.from, r.to, r.msg)
		}
	case recordTimer:
		ev.Kind, ev.Token, ev.From = Timer, r.token, 0
	case recordDiskDone:
		ev.Kind = DiskDone
		ev.Token, ev.Err = p.disk.CompleteNotified()
		if ev.Err != nil {
			w.fold(ev.Token, keyed.String(ev.Err.Error()))
		}
	case recordInvoke:
		ev.Kind = Invoke
	case recordSendFailed, recordRefusal:
		ev.Kind = SendFailed
	case recordDisconnect:
		ev.Kind, ev.Token = Disconnected, r.token
	}
	if w.strict != nil {
		w.strict.taken = append(w.strict.taken, r.token)
	}
	w.foldEvent(p.id, ev, r)
	if w.cfg.Trace != nil {
		w.traceEvent(p.id, ev)
	}
	if w.cfg.OnEvent != nil {
		w.cfg.OnEvent(p.id, ev)
	}
}
