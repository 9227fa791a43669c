package sim

import "fmt"

// DiskMoment is a moment in the work of a process's disk: a phase of the n-th request
// of a kind, counted over all lives of the process from the call of World.WatchDisk.
type DiskMoment struct {
	Step       DiskStep
	Occurrence int // from 1
	Phase      DiskPhase
}

// DiskStep is a kind of request that makes, uses or renames a file.
type DiskStep string

// The steps.
const (
	StepCreate     DiskStep = "create"      // a write that creates its file
	StepFirstWrite DiskStep = "first_write" // the first data written to a file since it was created or renamed
	StepSyncDir    DiskStep = "sync_dir"
	StepRename     DiskStep = "rename"
	StepRemove     DiskStep = "remove"
)

// DiskPhase is a time in the life of a request.
type DiskPhase string

// The phases. Where the disk takes no time they are the same: the request is done.
const (
	Submitted DiskPhase = "submitted" // nothing of it is done
	InFlight  DiskPhase = "in_flight" // those before it are done, and half of its own time is over
	Completed DiskPhase = "completed" // it is done, and the process has not heard of it
)

// Validate reports the first part of m that is missing or unknown, by its JSON name in
// a plan.
func (m DiskMoment) Validate() error {
	switch m.Step {
	case StepCreate, StepFirstWrite, StepSyncDir, StepRename, StepRemove:
	default:
		return fmt.Errorf("op: %q: want %s, %s, %s, %s or %s", m.Step, StepCreate, StepFirstWrite, StepSyncDir, StepRename, StepRemove)
	}
	switch m.Phase {
	case Submitted, InFlight, Completed:
	default:
		return fmt.Errorf("phase: %q: want %s, %s or %s", m.Phase, Submitted, InFlight, Completed)
	}
	if m.Occurrence < 1 || m.Occurrence > maxOccurrence {
		return fmt.Errorf("occurrence: %d: want 1 to %d", m.Occurrence, maxOccurrence)
	}
	return nil
}

const maxOccurrence = 1_000_000

// diskWatch is a DiskMoment that a process's disk has not come to.
type diskWatch struct {
	DiskMoment
	until  Duration // requests submitted later do not count
	number uint64
	words  func() string
	do     func()
}

// WatchDisk calls do once, when the disk of a process has come to a moment by a request
// that was submitted by the given time, unless the life of that request has ended
// before. number and words are those of ScheduleLazy. m must be valid.
func (w *World) WatchDisk(id ID, m DiskMoment, until Duration, number uint64, words func() string, do func()) {
	p := w.proc(id)
	p.watches = append(p.watches, diskWatch{m, until, number, words, do})
}

// stepOf returns the kind of a request that is about to be submitted, or nothing.
func (d *disk) stepOf(r *DiskRequest) DiskStep {
	switch f := d.dir.find(r.File); {
	case r.Op == DiskSyncDir:
		return StepSyncDir
	case r.Op == DiskWrite && f == nil:
		return StepCreate
	case f == nil:
		return ""
	case r.Op == DiskRename:
		return StepRename
	case r.Op == DiskRemove:
		return StepRemove
	case r.Op == DiskWrite && len(r.Data) > 0 && !f.used:
		return StepFirstWrite
	}
	return ""
}

// onWatchedStep schedules the actions of p's watches for a request that was submitted,
// that begins and that is done at the given times.
func (w *World) onWatchedStep(p *proc, step DiskStep, begin, done Duration) {
	kept := p.watches[:0]
	for _, t := range p.watches {
		if t.Step == step && w.now <= t.until {
			t.Occurrence--
		}
		switch {
		case t.Occurrence == 0:
			w.scheduleWatched(p, &t, begin, done)
		case w.now <= t.until:
			kept = append(kept, t)
		}
	}
	p.watches = kept
}

func (w *World) scheduleWatched(p *proc, t *diskWatch, begin, done Duration) {
	at := map[DiskPhase]Duration{Submitted: w.now, InFlight: begin + (done-begin)/2, Completed: done}[t.Phase]
	life, do := p.life, t.do
	w.ScheduleLazy(at, t.number, t.words, func() {
		if p.code != nil && p.life == life {
			do()
		}
	})
}
