package guarantee

import (
	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/node/fsm"
)

// bruteForce is a naive checker: it compares every pair of items, as
// docs/GUARANTEES.md defines the guarantees.
type bruteForce struct {
	h            history.History
	observations []Observation
	o            Options
}

// versionReport is the claim of one operation or observation about one version.
type versionReport struct {
	machine   string
	version   int64
	state     string // empty: not reported
	operation string // that made it; empty: not reported
	time      int64
}

func (w bruteForce) facts() (facts []versionReport) {
	for _, op := range w.h.Operations {
		switch {
		case op.Version < 0, op.Outcome == history.Unknown, op.Outcome == history.Rejected && op.Reason != history.ReasonIllegal:
		case op.Outcome == history.Committed && op.Kind == history.KindPropose:
			facts = append(facts, versionReport{op.Machine, op.Version, op.Argument, op.ID, op.Return})
		default:
			facts = append(facts, versionReport{op.Machine, op.Version, op.State, "", op.Return})
		}
	}
	for _, o := range w.observations {
		if o.Kind == Resume || o.Kind == End {
			continue
		}
		facts = append(facts, versionReport{o.Machine, o.Version, o.State, o.Operation, o.Time})
		if o.From != "" {
			facts = append(facts, versionReport{o.Machine, o.Version - 1, o.From, "", o.Time})
		}
	}
	return facts
}

func (w bruteForce) asked(id string) *history.Operation {
	for i := range w.h.Operations {
		if w.h.Operations[i].ID == id {
			return &w.h.Operations[i]
		}
	}
	return nil
}

func (w bruteForce) definition(machine string) *fsm.Definition {
	name, _, _ := fsm.SplitKey(machine)
	for i := range w.h.Definitions {
		if w.h.Definitions[i].Name == name {
			return &w.h.Definitions[i]
		}
	}
	return nil
}

func (w bruteForce) holds(g Guarantee) bool {
	return map[Guarantee]func() bool{
		Chosen: w.chosen, Watch: w.watch, MonotonicReads: w.monotonicReads, ExactlyOnce: w.exactlyOnce, Convergence: w.convergence,
	}[g]()
}

func (w bruteForce) chosen() bool {
	for _, f := range w.facts() {
		d := w.definition(f.machine)
		if f.state != "" && !d.Has(f.state) || f.version == 0 && (f.operation != "" || f.state != "" && f.state != d.Initial) {
			return false
		}
		op := w.asked(f.operation)
		for _, g := range w.facts() {
			switch {
			case g.machine != f.machine:
			case g.version == f.version && g.state != "" && f.state != "" && g.state != f.state:
				return false
			case g.version == f.version && g.operation != "" && f.operation != "" && g.operation != f.operation:
				return false
			case g.version == f.version+1 && g.state != "" && f.state != "" && !d.Legal(f.state, g.state):
				return false
			case g.version >= f.version && op != nil && g.time < op.Call:
				return false
			}
		}
	}
	return true
}

func (w bruteForce) watch() bool {
	for i, b := range w.observations {
		if !b.ofStream() {
			continue
		}
		var before *Observation // of the same machine on the same stream
		resumed := false
		for j := range i {
			switch a := w.observations[j]; {
			case a.Source != b.Source:
			case a.Kind == Resume:
				resumed = true
			case a.ofStream() && a.Machine == b.Machine:
				before, resumed = &a, false
			}
		}
		if b.Kind == End {
			if w.keptBack(before, b) {
				return false
			}
			continue
		}
		if before == nil {
			continue
		}
		goesOn := b.Kind == Transition && b.Version == before.Version+1 &&
			(b.From == "" || before.State == "" || b.From == before.State)
		skips := b.Kind == Gap && b.First == before.Version+1
		restates := b.Kind == State && b.Version == before.Version && (resumed || before.Kind == Gap)
		if !goesOn && !skips && !restates {
			return false
		}
	}
	return true
}

func (w bruteForce) keptBack(last *Observation, end Observation) bool {
	told := int64(0)
	if last != nil {
		told = last.Version
	}
	for _, f := range w.facts() {
		if w.o.Deadline > 0 && f.machine == end.Machine && f.version > told && f.time <= end.Time-int64(w.o.Deadline) {
			return true
		}
	}
	return false
}

func (w bruteForce) monotonicReads() bool {
	for i, a := range w.observations {
		for _, b := range w.observations[i+1:] {
			if a.Kind == Local && b.Kind == Local && a.Source == b.Source && a.Machine == b.Machine && a.Version > b.Version {
				return false
			}
		}
	}
	return true
}

func (w bruteForce) exactlyOnce() bool {
	for _, f := range w.facts() {
		if f.operation == "" {
			continue
		}
		for _, g := range w.facts() {
			if f.operation == g.operation && (f.machine != g.machine || f.version != g.version) {
				return false
			}
		}
		op := w.asked(f.operation)
		if op == nil {
			if !w.o.Open {
				return false
			}
			continue
		}
		if op.Kind != history.KindPropose || op.Outcome == history.Rejected || op.Machine != f.machine || op.Argument != f.state {
			return false
		}
	}
	return true
}

func (w bruteForce) convergence() bool {
	for _, f := range w.observations {
		if f.Kind != Final {
			continue
		}
		for _, g := range w.observations {
			if g.Kind == Final && g.Machine == f.Machine && (g.Version != f.Version || g.State != f.State) {
				return false
			}
		}
		for _, g := range w.facts() {
			if g.machine == f.Machine && g.version > f.Version && g.time <= f.Time {
				return false
			}
			if g.version > 0 && !w.ends(f.Source, g.machine) {
				return false
			}
		}
		for _, g := range w.observations {
			if g.Kind == Final && !w.ends(f.Source, g.Machine) {
				return false
			}
		}
	}
	return true
}

// ends reports whether a node has reported its final value of a machine.
func (w bruteForce) ends(source, machine string) bool {
	for _, o := range w.observations {
		if o.Kind == Final && o.Source == source && o.Machine == machine {
			return true
		}
	}
	return false
}
