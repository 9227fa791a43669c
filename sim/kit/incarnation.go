package kit

import (
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/disk"
)

// Incarnation is a number of a life that is higher than those of all earlier lives which
// have learnt theirs: a durable boot counter, in a file. A process that has a Log has
// one in Log.Boots. If the disk is emptied the number begins again at 1.
type Incarnation struct{ log *Log }

// OpenIncarnation counts a life in the file of a name on the disk d of a Boot event. It
// calls ready with the number when that is durable. The error is that of OpenLog.
func OpenIncarnation(name string, d disk.View, out *sim.Effects, ready func(now sim.Duration, out *sim.Effects, number uint64)) (*Incarnation, error) {
	i := &Incarnation{}
	log, err := OpenLog(name, d, out, func(now sim.Duration, out *sim.Effects, _ [][]byte) {
		ready(now, out, i.log.Boots())
	})
	i.log = log
	return i, err
}

// Step takes the completions of disk requests, as Log.Step does.
func (i *Incarnation) Step(now sim.Duration, ev *sim.Event, out *sim.Effects) (mine bool, err error) {
	return i.log.Step(now, ev, out)
}
