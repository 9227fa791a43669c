package guarantee

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// examples returns a fixed set of worlds, some of them corrupted.
func examples(t *testing.T) (worlds []bruteForce) {
	const n = 4_000
	custom := rapid.Custom(func(t *rapid.T) bruteForce { return corrupted(t, anyWorld(t)) })
	for seed := range n {
		if w := custom.Example(seed); w.judgeable() {
			worlds = append(worlds, w)
		}
	}
	require.Greater(t, len(worlds), n/2)
	return worlds
}

// classes are all classes of violation.
var classes = []string{
	"chosen/foreseen", "chosen/illegal-step", "chosen/initial", "chosen/made-nothing", "chosen/no-state",
	"chosen/other-operation", "chosen/other-state",
	"convergence/behind", "convergence/differ", "convergence/missing",
	"exactly-once/never-invoked", "exactly-once/other-machine", "exactly-once/other-state", "exactly-once/read", "exactly-once/rejected",
	"exactly-once/twice",
	"monotonic-reads/went-back",
	"watch/kept-back", "watch/left-out", "watch/other-from", "watch/repeated", "watch/went-back",
}

// The worlds of these tests violate every guarantee in every way, and often
// keep each.
func TestWorldsAreOfEveryKind(t *testing.T) {
	seen, held := map[string]int{}, map[Guarantee]int{}
	worlds := examples(t)
	for _, w := range worlds {
		for _, v := range w.judge(t) {
			if v.Status == Violated {
				seen[string(v.Guarantee)+"/"+v.Class]++
			} else if v.Judged > 0 {
				held[v.Guarantee]++
			}
		}
	}
	t.Log(seen, held)
	require.Equal(t, classes, slices.Sorted(maps.Keys(seen)))
	for _, g := range guarantees {
		require.Greater(t, held[g], len(worlds)/20, g)
	}
}

// The worlds distinguish a checker with one flaw from the naive checker.
func TestWrongCheckersAreNoticed(t *testing.T) {
	worlds := examples(t)
	for _, wrong := range []struct {
		name      string
		guarantee Guarantee
		sees      func(w *bruteForce) // hides some of a world from the checker
	}{
		{"deaf to where steps come from", Chosen, each(func(o *Observation) { o.From = "" })},
		{"deaf to operations", Chosen, each(func(o *Observation) {
			if o.Kind == Transition {
				o.Operation = ""
			}
		})},
		{"deaf to states", Chosen, only(State, Local, Final)},
		{"deaf to gaps", Chosen, without(Gap)},
		{"deaf to local reads", Chosen, without(Local)},
		{"deaf to finals", Chosen, without(Final)},
		{"without a clock", Chosen, eachOperation(func(op *history.Operation) { op.Call = 0 })},
		{"without reads", Chosen, withoutOperations(func(op history.Operation) bool { return op.Kind == history.KindRead })},
		{"without rejections", Chosen, withoutOperations(func(op history.Operation) bool { return op.Outcome == history.Rejected })},

		{"forgets that streams resume", Watch, without(Resume)},
		{"takes no end for one", Watch, without(End)},
		{"knows no deadline", Watch, func(w *bruteForce) { w.o.Deadline = 0 }},
		{"is too patient", Watch, func(w *bruteForce) { w.o.Deadline *= 2 }},
		{"deaf to where steps come from", Watch, each(func(o *Observation) { o.From = "" })},
		{"forgets gaps", Watch, without(Gap)},
		{"looks at no beginnings", Watch, without(State)},
		{"waits for commits only", Watch, without(Local, Final, Entry)},

		{"takes all lives for one another's", MonotonicReads, each(func(o *Observation) {
			if o.Kind == Local {
				o.Source = o.Machine
				o.Time = 0
			}
		})},
		{"looks at the first machine only", MonotonicReads, func(w *bruteForce) {
			name := w.h.Definitions[0].Name + "/a"
			w.observations = slices.DeleteFunc(w.observations, func(o Observation) bool { return o.Machine != name })
		}},

		{"takes others for clients", ExactlyOnce, func(w *bruteForce) { w.o.Open = true }},
		{"does not look into rings", ExactlyOnce, without(Entry)},
		{"does not look at streams", ExactlyOnce, without(Transition)},
		{"believes that what is rejected may take effect", ExactlyOnce, eachOperation(func(op *history.Operation) {
			if op.Outcome == history.Rejected {
				op.Outcome = history.Unknown
			}
		})},
		{"forgets what clients were told", ExactlyOnce, eachOperation(func(op *history.Operation) { op.Version = history.NoVersion })},

		{"forgets what clients were told", Convergence, eachOperation(func(op *history.Operation) { op.Version = history.NoVersion })},
		{"looks at one node", Convergence, func(w *bruteForce) {
			w.observations = slices.DeleteFunc(w.observations, func(o Observation) bool { return o.Kind == Final && o.Source != "n1" })
		}},
		{"compares states only", Convergence, each(func(o *Observation) {
			if o.Kind == Final {
				o.Version = history.MaxTime
			}
		})},
		{"listens to no stream", Convergence, without(Transition, Gap, State)},
	} {
		t.Run(string(wrong.guarantee)+" "+wrong.name, func(t *testing.T) {
			noticed := 0
			for _, w := range worlds {
				seen := bruteForce{history.History{Definitions: w.h.Definitions, Operations: slices.Clone(w.h.Operations)}, slices.Clone(w.observations), w.o}
				wrong.sees(&seen)
				verdicts, err := Judge(seen.h, seen.observations, seen.o)
				if err != nil {
					continue // it is malformed then
				}
				if v := verdicts[slices.Index(guarantees[:], wrong.guarantee)]; (v.Status != Violated) != w.holds(wrong.guarantee) {
					noticed++
				}
			}
			t.Logf("noticed in %d of %d worlds", noticed, len(worlds))
			require.Positive(t, noticed)
		})
	}
}

func each(change func(*Observation)) func(*bruteForce) {
	return func(w *bruteForce) {
		for i := range w.observations {
			change(&w.observations[i])
		}
	}
}

func eachOperation(change func(*history.Operation)) func(*bruteForce) {
	return func(w *bruteForce) {
		for i := range w.h.Operations {
			change(&w.h.Operations[i])
		}
	}
}

func without(kinds ...Kind) func(*bruteForce) {
	return func(w *bruteForce) {
		w.observations = slices.DeleteFunc(w.observations, func(o Observation) bool { return slices.Contains(kinds, o.Kind) })
	}
}

func only(kinds ...Kind) func(*bruteForce) {
	return func(w *bruteForce) {
		w.observations = slices.DeleteFunc(w.observations, func(o Observation) bool { return !slices.Contains(kinds, o.Kind) })
	}
}

func withoutOperations(of func(history.Operation) bool) func(*bruteForce) {
	return func(w *bruteForce) { w.h.Operations = slices.DeleteFunc(w.h.Operations, of) }
}
