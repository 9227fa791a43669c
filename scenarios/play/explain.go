package play

import (
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// explain adds to a violation what a second run of the plan can tell: the step in
// which a message changed, or the state of all processes in a run without progress,
// if the system does not tell it by itself.
func (r *Result) explain(sys scenarios.System, p *scenarios.Plan, o Options) {
	_, reports := sys.New(p).(scenarios.ActivityReporter)
	again := Options{SafetyOnly: o.SafetyOnly, Buffers: o.Buffers}
	switch v := r.Violation; {
	case v == nil:
	case v.Property == harnessProperty && v.Class == sim.MisuseMessageChanged:
		again.everyStep = true
		if s := runAgain(sys, p, again); s != nil && s.violation != nil && s.violation.Class == v.Class {
			v.Sentence = s.violation.Sentence
		}
	case v.Property == "liveness" && !reports:
		again.watch = newWatcher()
		if s := runAgain(sys, p, again); s != nil && s.world.Hash() == r.Hash {
			r.Evidence = s.watch.storm() + s.story()
		}
	}
}

// runAgain runs a plan to its end, without a check of its history. It returns nil
// if the plan cannot run.
func runAgain(sys scenarios.System, p *scenarios.Plan, o Options) *runner {
	s, err := newRunner(sys, p, o)
	if err != nil {
		return nil
	}
	s.runRecovered()
	return s
}
