package disk

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/netmodel"
)

// Moment is a moment in the work of a process's disk: a phase of the n-th request
// of a kind, counted over all lives of the process from some time on.
type Moment struct {
	Step       Step
	Occurrence int // from 1
	Phase      Phase
}

// Step is a kind of request that makes, uses or renames a file.
type Step string

// The steps.
const (
	StepCreate     Step = "create"      // a write that creates its file
	StepFirstWrite Step = "first_write" // the first data written to a file since it was created or renamed
	StepSyncDir    Step = "sync_dir"
	StepRename     Step = "rename"
	StepRemove     Step = "remove"
)

// Phase is a time in the life of a request.
type Phase string

// The phases. Where the disk takes no time they are the same: the request is done.
const (
	Submitted Phase = "submitted" // nothing of it is done
	InFlight  Phase = "in_flight" // those before it are done, and half of its own time is over
	Completed Phase = "completed" // it is done, and the process has not heard of it
)

// At returns the time of the phase p of a request, from the times at which it was
// submitted, begins and is done.
func (p Phase) At(submitted, begin, done netmodel.Duration) netmodel.Duration {
	switch p {
	case InFlight:
		return begin + (done-begin)/2
	case Completed:
		return done
	}
	return submitted
}

// Validate reports the first part of m that is missing or unknown, by its JSON name in
// a plan.
func (m Moment) Validate() error {
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

// StepOf returns the kind of a request that is about to be submitted, or nothing.
func (d *Device) StepOf(r *Request) Step {
	switch f := d.dir.find(r.File); {
	case r.Op == SyncDir:
		return StepSyncDir
	case r.Op == Write && f == nil:
		return StepCreate
	case f == nil:
		return ""
	case r.Op == Rename:
		return StepRename
	case r.Op == Remove:
		return StepRemove
	case r.Op == Write && len(r.Data) > 0 && !f.used:
		return StepFirstWrite
	}
	return ""
}
