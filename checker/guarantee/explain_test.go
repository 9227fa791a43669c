package guarantee

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/node/fsm"
)

const (
	m1 = "lifecycle/a"
	m2 = "lifecycle/b"
)

// asked is the history of the tests in this file.
var asked = history.History{
	Definitions: []fsm.Definition{fsm.Lifecycle()},
	Operations: []history.Operation{
		{ID: "c1", Machine: m1, Kind: history.KindPropose, Argument: "Running", Call: 10, Return: 20, Outcome: history.Committed, Version: 1},
		{ID: "c2", Machine: m1, Kind: history.KindPropose, Argument: "Stopped", Call: 30, Outcome: history.Unknown, Return: history.NoReturn, Version: history.NoVersion},
		{ID: "c3", Machine: m1, Kind: history.KindPropose, Argument: "Stopped", Call: 30, Return: 40, Outcome: history.Rejected, Reason: "timeout", Version: history.NoVersion},
		{ID: "r1", Machine: m1, Kind: history.KindRead, Call: 21, Return: 22, Outcome: history.Committed, State: "Running", Version: 1},
	},
}

func state(source string, time int64, machine string, version int64, state string) Observation {
	return Observation{Kind: State, Source: source, Time: time, Machine: machine, Version: version, State: state}
}

func taken(source string, time, version int64, from, to, operation string) Observation {
	return Observation{Kind: Transition, Source: source, Time: time, Machine: m1, Version: version, From: from, State: to, Operation: operation}
}

func local(source string, time, version int64, state string) Observation {
	return Observation{Kind: Local, Source: source, Time: time, Machine: m1, Version: version, State: state}
}

func final(source, machine string, version int64, state string) Observation {
	return Observation{Kind: Final, Source: source, Time: 100, Machine: machine, Version: version, State: state}
}

// Every class of violation is explained in one sentence with the evidence that
// contradicts each other.
func TestExplanations(t *testing.T) {
	cases := map[string]struct {
		seen []Observation
		want string
	}{
		"chosen/other-state": {[]Observation{local("n1", 25, 1, "Stopped")},
			"c1 committed Running at version 1 between 10ns and 20ns, but n1 answered a local read with Stopped at version 1 at 25ns: version 1 cannot be both Running and Stopped"},
		"chosen/other-operation": {[]Observation{taken("w1", 25, 1, "", "Running", "c2")},
			"c1 committed Running at version 1 between 10ns and 20ns, but w1 reported a step to Running at version 1 by c2 at 25ns: version 1 was made by one operation, not by both c1 and c2"},
		"chosen/illegal-step": {[]Observation{state("w1", 25, m1, 2, "Init")},
			"c1 committed Running at version 1 between 10ns and 20ns, but w1 reported Init at version 2 at 25ns: no step leads from Running to Init"},
		"chosen/no-state": {[]Observation{state("w1", 25, m2, 7, "Walking")},
			"w1 reported Walking at version 7 at 25ns, but definition lifecycle has no such state"},
		"chosen/initial": {[]Observation{local("n1", 25, 0, "Running")},
			"n1 answered a local read with Running at version 0 at 25ns, but every machine of definition lifecycle begins in Init"},
		"chosen/foreseen": {[]Observation{local("n1", 9, 1, "Running")},
			"n1 answered a local read with Running at version 1 at 9ns, but c1 committed Running at version 1 between 10ns and 20ns, and c1 was called only at 10ns"},
		"watch/left-out": {[]Observation{state("w1", 25, m2, 1, "Running"), state("w1", 27, m2, 3, "Init")},
			"w1 reported Running at version 1 at 25ns, and next w1 reported Init at version 3 at 27ns: it leaves out 2 steps without a gap"},
		"watch/went-back": {[]Observation{taken("w1", 35, 2, "", "Stopped", ""), taken("w1", 36, 1, "", "Running", "")},
			"w1 reported a step to Stopped at version 2 at 35ns, and next w1 reported a step to Running at version 1 at 36ns: that is behind what it had reported"},
		"watch/repeated": {[]Observation{state("w1", 25, m1, 1, "Running"), state("w1", 26, m1, 1, "Running")},
			"w1 reported Running at version 1 at 25ns, and next w1 reported Running at version 1 at 26ns: it begins anew without having been resumed"},
		"watch/other-from": {[]Observation{state("w1", 25, m2, 1, "Running"), {Kind: Transition, Source: "w1", Time: 26, Machine: m2, Version: 2, From: "Stopped", State: "Init"}},
			"w1 reported Running at version 1 at 25ns, and next w1 reported a step from Stopped to Init at version 2 at 26ns: that is not where it was"},
		"watch/kept-back": {[]Observation{state("w1", 25, m1, 0, "Init"), {Kind: End, Source: "w1", Time: 31, Machine: m1}},
			"c1 committed Running at version 1 between 10ns and 20ns, but w1 was observed until 31ns and had reported nothing after version 0: it has kept version 1 back for longer than 10ns"},
		"monotonic-reads/went-back": {[]Observation{local("n1", 35, 2, "Stopped"), local("n1", 36, 1, "Running")},
			"n1 answered a local read with Stopped at version 2 at 35ns, and later n1 answered a local read with Running at version 1 at 36ns"},
		"exactly-once/twice": {[]Observation{taken("w1", 35, 2, "", "Stopped", "c2"), {Kind: Entry, Source: "n1", Time: 100, Machine: m1, Version: 5, State: "Stopped", Operation: "c2"}},
			"n1 showed at the end, at 100ns, that c2 made version 5, Stopped, but of lifecycle/a w1 reported a step to Stopped at version 2 by c2 at 35ns: c2 took effect twice"},
		"exactly-once/rejected": {[]Observation{taken("w1", 35, 2, "", "Stopped", "c3")},
			"c3 requested Stopped at 30ns and was rejected by 40ns, but w1 reported a step to Stopped at version 2 by c3 at 35ns: a rejected operation never takes effect"},
		"exactly-once/read": {[]Observation{taken("w1", 35, 2, "", "Stopped", "r1")},
			"r1 read Running at version 1 between 21ns and 22ns, but w1 reported a step to Stopped at version 2 by r1 at 35ns: a read makes no version"},
		"exactly-once/other-machine": {[]Observation{{Kind: Entry, Source: "n1", Time: 100, Machine: m2, Version: 2, State: "Stopped", Operation: "c2"}},
			"c2 requested Stopped at 30ns, but n1 showed at the end, at 100ns, that c2 made version 2, Stopped: the request was for lifecycle/a"},
		"exactly-once/other-state": {[]Observation{taken("w1", 35, 2, "", "Running", "c2")},
			"c2 requested Stopped at 30ns, but w1 reported a step to Running at version 2 by c2 at 35ns: the request was for another state"},
		"exactly-once/never-invoked": {[]Observation{taken("w1", 35, 2, "Running", "Stopped", "x9")},
			"w1 reported a step from Running to Stopped at version 2 by x9 at 35ns, but x9 was never invoked"},
		"convergence/differ": {[]Observation{final("n1", m1, 1, "Running"), final("n2", m1, 2, "Stopped")},
			"n1 ended with Running at version 1, at 100ns, but n2 ended with Stopped at version 2, at 100ns"},
		"convergence/behind": {[]Observation{final("n1", m1, 0, "Init")},
			"c1 committed Running at version 1 between 10ns and 20ns, but n1 ended with Init at version 0, at 100ns"},
		"convergence/missing": {[]Observation{final("n1", m2, 0, "Init")},
			"c1 committed Running at version 1 between 10ns and 20ns, but n1, which has finals of other machines at 100ns, has none of it"},
		"chosen/made-nothing": {[]Observation{}, "c1 committed Running at version 0 between 10ns and 20ns, but nothing makes version 0"},
	}
	require.Equal(t, classes, slices.Sorted(maps.Keys(cases)))
	for _, class := range classes {
		c, h := cases[class], asked
		if class == "chosen/made-nothing" {
			h.Operations = slices.Clone(h.Operations)
			h.Operations[0].Version = 0
		}
		t.Run(class, func(t *testing.T) {
			verdicts, err := Judge(h, c.seen, Options{Deadline: 10})
			require.NoError(t, err)
			name, _, _ := strings.Cut(class, "/")
			v := verdicts[slices.Index(guarantees[:], Guarantee(name))]
			require.Equal(t, Violated, v.Status)
			require.Equal(t, class, string(v.Guarantee)+"/"+v.Class)
			require.Equal(t, v.Machine+": "+c.want, v.Explanation)
		})
	}
}

// Later observations do not overwrite kept evidence.
func TestWitnessesAreKept(t *testing.T) {
	gap := Observation{Kind: Gap, Source: "w1", Time: 50, Machine: m2, First: 1, Version: 4}
	held := Observation{Kind: Local, Source: "n1", Time: 60, Machine: m2, Version: 4, State: "Running"}
	next := held
	next.Source, next.State = "n2", "Stopped"
	for name, seen := range map[string][]Observation{
		"state after a gap":    {gap, held, {Kind: Resume, Source: "w2"}, next},
		"operation after both": {gap, held, {Kind: Entry, Source: "n3", Machine: m2, Version: 4, State: "Running", Operation: "c1"}, {Kind: Resume, Source: "w2"}, next},
	} {
		t.Run(name, func(t *testing.T) {
			verdicts, err := Judge(asked, seen, Options{})
			require.NoError(t, err)
			require.Equal(t, "lifecycle/b: n1 answered a local read with Running at version 4 at 60ns, but n2 answered a local read with Stopped at version 4 at 60ns: "+
				"version 4 cannot be both Running and Stopped", verdicts[0].Explanation)
		})
	}
}

// Evidence of the operation that made a version is kept, too, if other evidence
// contradicts it.
func TestMakersAreKept(t *testing.T) {
	verdicts, err := Judge(asked, []Observation{
		taken("w1", 25, 1, "", "Running", "x1"), // made by c1
		taken("w2", 26, 1, "", "Running", "x2"),
		{Kind: Resume, Source: "w3"},
		{Kind: Entry, Source: "n1", Time: 100, Machine: m1, Version: 4, State: "Running", Operation: "x2"},
	}, Options{Open: true})
	require.NoError(t, err)
	require.Equal(t, "lifecycle/a: n1 showed at the end, at 100ns, that x2 made version 4, Running, but of lifecycle/a "+
		"w2 reported a step to Running at version 1 by x2 at 26ns: x2 took effect twice", verdicts[3].Explanation)
}

func TestOperationsInWords(t *testing.T) {
	told := history.Operation{ID: "c9", Machine: m1, Kind: history.KindPropose, Argument: "Init", Call: 1, Return: 2, Outcome: history.Rejected, Reason: "illegal", State: "Init", Version: 3}
	untold := told
	untold.Version = history.NoVersion
	committed := untold
	committed.Outcome = history.Committed
	require.Equal(t, "c9 requested Init at 1ns and was rejected by 2ns, in Init at version 3", Evidence{Operation: &told}.String())
	require.Equal(t, "c9 requested Init at 1ns and was rejected by 2ns", Evidence{Operation: &untold}.String())
	require.Equal(t, "c9 committed Init between 1ns and 2ns", Evidence{Operation: &committed}.String())
}

// A recorder's mistakes give errors, not verdicts.
func TestMistakesOfRecorders(t *testing.T) {
	end := Observation{Kind: End, Source: "w1", Time: 50, Machine: m1}
	for name, c := range map[string]struct {
		seen []Observation
		want string
	}{
		"time goes back":     {[]Observation{local("n1", 9, 1, "Running"), local("n1", 8, 1, "Running")}, "time: 8 is before 9, that of the observation before of n1"},
		"goes on after end":  {[]Observation{end, taken("w1", 60, 2, "", "Stopped", "")}, "source: w1 reports lifecycle/a after its end, at 50ns"},
		"two ends":           {[]Observation{end, end}, "source: w1 reports lifecycle/a after its end, at 50ns"},
		"two finals":         {[]Observation{final("n1", m1, 1, "Running"), final("n1", m1, 1, "Running")}, "source: n1 has reported the end of lifecycle/a before"},
		"unknown definition": {[]Observation{final("n1", "other/a", 1, "Running")}, `machine: "other/a": definition "other" is not among those of the history: add it`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Judge(asked, c.seen, Options{})
			require.ErrorIs(t, err, ErrObservation)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestHistoriesThatCannotBeJudged(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*history.History)
		want   string
	}{
		"registers":             {func(h *history.History) { h.Model = history.ModelKV }, `model "kv": guarantees are of state machines, with versions`},
		"same id":               {func(h *history.History) { h.Operations[1].ID = "c1" }, "operation c1 is there twice: ids must differ"},
		"no definition":         {func(h *history.History) { h.Definitions = nil }, `operation c1: machine: "lifecycle/a": definition "lifecycle" is not among those of the history: add it`},
		"return before call":    {func(h *history.History) { h.Operations[0].Return = 5 }, "operation c1: version 1, call 10, return 5"},
		"version below nothing": {func(h *history.History) { h.Operations[0].Version = -2 }, "operation c1: version -2"},
	} {
		t.Run(name, func(t *testing.T) {
			h := asked
			h.Operations = slices.Clone(h.Operations)
			c.change(&h)
			_, err := Judge(h, nil, Options{})
			require.ErrorIs(t, err, ErrHistory)
			require.ErrorContains(t, err, "history cannot be judged: "+c.want)
		})
	}
}
