package guarantee

import (
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/node/fsm"
)

// anyDefinition has few states, so that wrong reports are often right by luck.
func anyDefinition(t *rapid.T) fsm.Definition {
	if rapid.Bool().Draw(t, "lifecycle") {
		return fsm.Lifecycle()
	}
	d := fsm.Definition{Name: "any", States: []string{"A", "B", "C"}, Initial: "B"}
	for _, from := range d.States {
		for _, to := range d.States {
			if rapid.Bool().Draw(t, "legal") {
				d.Transitions = append(d.Transitions, fsm.Transition{From: from, To: to})
			}
		}
	}
	return d
}

// step is one chosen transition.
type step struct {
	machine  string
	version  int64
	from, to string
	id       string
	instant  int64
}

// world is a run of a correct system.
type world struct {
	t        *rapid.T
	d        fsm.Definition
	machines []string
	steps    []step
	seen     bruteForce
}

const worldEnd = 1000

// anyWorld returns a history and observations of a correct system.
func anyWorld(t *rapid.T) bruteForce {
	w := &world{t: t, d: anyDefinition(t), machines: []string{"/a", "/b"}[:rapid.IntRange(1, 2).Draw(t, "machines")]}
	for i := range w.machines {
		w.machines[i] = w.d.Name + w.machines[i]
	}
	w.seen.h.Definitions = []fsm.Definition{w.d}
	w.seen.o.Deadline = rapid.SampledFrom([]time.Duration{0, 1, 40}).Draw(t, "deadline")
	w.clients(rapid.IntRange(0, 6).Draw(t, "operations"))
	for i := range rapid.IntRange(0, 2).Draw(t, "streams") {
		w.stream(fmt.Sprintf("w%d", i+1))
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "lives") {
		w.life(fmt.Sprintf("n1.%d", i+1))
	}
	if rapid.Bool().Draw(t, "settled") {
		for i := range rapid.IntRange(1, 3).Draw(t, "nodes") {
			w.end(fmt.Sprintf("n%d", i+1))
		}
	}
	return w.seen
}

// at returns the last step of a machine by an instant.
func (w *world) at(machine string, instant int64) step {
	last := step{machine: machine, to: w.d.Initial}
	for _, s := range w.steps {
		if s.machine == machine && s.instant <= instant {
			last = s
		}
	}
	return last
}

func (w *world) machine() string { return rapid.SampledFrom(w.machines).Draw(w.t, "machine") }

func (w *world) clients(n int) {
	for i := range n {
		instant := int64(100 + 10*i)
		op := history.Operation{
			Client: i, ID: fmt.Sprintf("c%d.1", i), Machine: w.machine(), Kind: history.KindPropose, Outcome: history.Committed,
			Call:   instant - rapid.Int64Range(0, 25).Draw(w.t, "sooner"),
			Return: instant + rapid.Int64Range(0, 25).Draw(w.t, "later"), Version: history.NoVersion,
		}
		now := w.at(op.Machine, instant)
		op.Argument = rapid.SampledFrom(w.d.States).Draw(w.t, "to")
		if w.d.Legal(now.to, op.Argument) {
			now = step{op.Machine, now.version + 1, now.to, op.Argument, op.ID, instant}
			w.steps = append(w.steps, now)
		} else {
			op.Outcome, op.Reason = history.Rejected, history.ReasonIllegal
		}
		switch rapid.IntRange(0, 4).Draw(w.t, "outcome") {
		case 0:
			if op.Outcome == history.Committed {
				op.Outcome, op.Reason = history.Unknown, "timeout"
			}
		case 1:
		default:
			op.State, op.Version = now.to, now.version
		}
		w.seen.h.Operations = append(w.seen.h.Operations, op)
		if rapid.IntRange(0, 5).Draw(w.t, "turned away") == 0 { // the rest of its response is not judged
			w.seen.h.Operations = append(w.seen.h.Operations, history.Operation{
				Client: 200 + i, ID: fmt.Sprintf("t%d.1", i), Machine: op.Machine, Kind: history.KindPropose, Argument: op.Argument,
				Outcome: history.Rejected, Reason: "overloaded", Call: instant, Return: instant + 3, State: w.d.States[0], Version: 9,
			})
		}
		if rapid.IntRange(0, 3).Draw(w.t, "read") == 0 {
			w.seen.h.Operations = append(w.seen.h.Operations, history.Operation{
				Client: 100 + i, ID: fmt.Sprintf("r%d.1", i), Machine: op.Machine, Kind: history.KindRead, Outcome: history.Committed,
				Call: instant, Return: instant + 3, State: now.to, Version: now.version,
			})
		}
	}
}

func (w *world) see(o Observation) { w.seen.observations = append(w.seen.observations, o) }

// stream reports the steps in order, some late, and replaces some by a gap.
func (w *world) stream(name string) {
	now := int64(0)
	told := map[string]bool{}
	gap := map[string]Observation{}
	for _, s := range w.steps {
		now = max(now, s.instant+rapid.Int64Range(0, 15).Draw(w.t, "late"))
		g, open := gap[s.machine]
		if !open {
			g = Observation{Gap, name, now, s.machine, s.version, s.version, "", "", ""}
		}
		g.Version, g.Time = s.version, now
		how := rapid.IntRange(0, 7).Draw(w.t, "how")
		switch {
		case how == 0, open && how == 1:
			gap[s.machine] = g
			continue
		case open:
			w.see(g)
			told[s.machine] = true
			delete(gap, s.machine)
			if how == 2 {
				w.see(Observation{State, name, now, s.machine, s.version, 0, s.to, "", ""})
			}
			continue
		case how == 3:
			w.see(Observation{Resume, name, now, "", 0, 0, "", "", ""})
			if rapid.Bool().Draw(w.t, "restated") {
				w.see(Observation{State, name, now, s.machine, s.version - 1, 0, s.from, "", ""})
			}
		case how == 4 && !told[s.machine]:
			w.see(Observation{State, name, now, s.machine, s.version - 1, 0, s.from, "", ""})
		}
		o := Observation{Transition, name, now, s.machine, s.version, 0, s.to, s.from, s.id}
		switch rapid.IntRange(0, 4).Draw(w.t, "untold") {
		case 0:
			o.From = ""
		case 1:
			o.Operation = ""
		}
		w.see(o)
		told[s.machine] = true
	}
	for _, m := range w.machines {
		if g, open := gap[m]; open {
			g.Time = now
			w.see(g)
		}
	}
	for _, m := range w.machines {
		if rapid.Bool().Draw(w.t, "ends") {
			w.see(Observation{End, name, worldEnd + 50, m, 0, 0, "", "", ""})
		}
	}
}

// life reads machines at one node, which falls less and less behind.
func (w *world) life(name string) {
	now := int64(0)
	known := map[string]step{}
	for range rapid.IntRange(0, 4).Draw(w.t, "reads") {
		now += rapid.Int64Range(0, 60).Draw(w.t, "pause")
		m := w.machine()
		if _, ok := known[m]; !ok || rapid.Bool().Draw(w.t, "learns") {
			known[m] = w.at(m, now)
		}
		w.see(Observation{Local, name, now, m, known[m].version, 0, known[m].to, "", ""})
	}
}

// end reports the values that a node holds in the end.
func (w *world) end(name string) {
	for _, m := range w.machines {
		last := w.at(m, worldEnd)
		for _, s := range w.steps {
			if s.machine == m && s.version > last.version-2 {
				w.see(Observation{Entry, name, worldEnd, m, s.version, 0, s.to, "", s.id})
			}
		}
		w.see(Observation{Final, name, worldEnd, m, last.version, 0, last.to, "", ""})
	}
}

// corrupted returns w with up to two mistakes of the system.
func corrupted(t *rapid.T, w bruteForce) bruteForce {
	w.observations = slices.Clone(w.observations)
	w.h.Operations = slices.Clone(w.h.Operations)
	for range rapid.IntRange(0, 2).Draw(t, "lies") {
		if rapid.IntRange(0, 3).Draw(t, "whose") == 0 {
			corruptOperation(t, &w)
		} else {
			corruptObservation(t, &w)
		}
	}
	return w
}

func corruptOperation(t *rapid.T, w *bruteForce) {
	if len(w.h.Operations) == 0 {
		return
	}
	op := &w.h.Operations[rapid.IntRange(0, len(w.h.Operations)-1).Draw(t, "operation")]
	switch rapid.IntRange(0, 5).Draw(t, "lie") {
	case 0:
		if op.Version != history.NoVersion {
			op.Version = rapid.Int64Range(0, 4).Draw(t, "version")
		}
	case 1:
		op.Outcome, op.Reason, op.State, op.Version = history.Rejected, "overloaded", "", history.NoVersion
	case 2:
		op.Call += 30
		op.Return += 30
	case 3:
		if op.Kind == history.KindPropose {
			op.Argument = rapid.SampledFrom(w.h.Definitions[0].States).Draw(t, "argument")
		}
	case 4:
		op.Machine = w.h.Operations[0].Machine
	case 5:
		w.h.Operations = slices.DeleteFunc(w.h.Operations, func(o history.Operation) bool { return o.ID == op.ID })
	}
}

func corruptObservation(t *rapid.T, w *bruteForce) {
	if len(w.observations) == 0 {
		return
	}
	i := rapid.IntRange(0, len(w.observations)-1).Draw(t, "observation")
	o := &w.observations[i]
	switch rapid.IntRange(0, 9).Draw(t, "lie") {
	case 0:
		o.Version = max(0, o.Version+rapid.SampledFrom([]int64{-2, -1, 1, 2}).Draw(t, "by"))
	case 1:
		o.State = rapid.SampledFrom(append(w.h.Definitions[0].States, "Rubbish", fsm.Retired)).Draw(t, "state")
	case 2:
		o.From = rapid.SampledFrom(w.h.Definitions[0].States).Draw(t, "from")
	case 3:
		o.Operation = "ghost"
		if n := len(w.h.Operations); n > 0 && rapid.Bool().Draw(t, "known") {
			o.Operation = w.h.Operations[rapid.IntRange(0, n-1).Draw(t, "which")].ID
		}
	case 4:
		w.observations = slices.Delete(w.observations, i, i+1)
	case 5:
		w.observations = slices.Insert(w.observations, i, *o)
	case 6:
		name, by := o.Source, rapid.Int64Range(1, 40).Draw(t, "sooner")
		for j := range w.observations {
			if o := &w.observations[j]; o.Source == name {
				o.Time = max(0, o.Time-by)
			}
		}
	case 7:
		if i > 0 { // two change places, though not their times
			p := &w.observations[i-1]
			*o, *p = *p, *o
			o.Time, p.Time = p.Time, o.Time
		}
	case 8:
		o.First = max(1, o.First+rapid.SampledFrom([]int64{-1, 1}).Draw(t, "by"))
	case 9: // a stream with a listener reports nothing more
		w.observations = slices.Insert(w.observations, i+1, Observation{End, o.Source, o.Time, o.Machine, 0, 0, "", "", ""})
		w.observations = append(w.observations[:i+2], slices.DeleteFunc(w.observations[i+2:], func(later Observation) bool {
			return later.Source == w.observations[i].Source && later.ofStream()
		})...)
		w.observations[i+1].Time += 100
	}
}
