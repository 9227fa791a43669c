package kit

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/sim"
)

// Observer is an oracle as a function over facts: it is called with each observation in
// order, as by Body, and returns an error for the first that must not be. at is the true
// time, and id the process.
type Observer func(at sim.Duration, id sim.ID, fact any) error

// First returns a function for sim.Config.Observe that keeps the observer's first error
// in *err, with the time and the process, and calls the observer no more after it.
func (o Observer) First(err *error) func(at sim.Duration, id sim.ID, f sim.Observation) {
	return func(at sim.Duration, id sim.ID, f sim.Observation) {
		if *err != nil {
			return
		}
		if e := o(at, id, Body(f)); e != nil {
			*err = fmt.Errorf("%v, process %d: %w", at, id, e)
		}
	}
}
