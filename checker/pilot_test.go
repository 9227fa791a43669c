package checker

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// narrowPilot has one configuration where there is no trouble, and may go back to
// any event: few operations get it into trouble.
func narrowPilot(t *rapid.T, m machine, checked []checkedOp) *pilot {
	p := newPilot(context.Background(), m, checked, DefaultMemory)
	p.width, p.stride = 1, rapid.IntRange(1, 4).Draw(t, "stride")
	p.setEffort()
	return p
}

// A pilot that went back and was narrow, and its disproofs, agree with the walk
// through all configurations, and on the culprit.
func TestAgreesOnDeadEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := corrupted(t, anyHistory(t, rapid.IntRange(1, 30).Draw(t, "operations"), 1))
		m := machines(h.Operations)[0]
		a, err := automatonOf(h, m)
		require.NoError(t, err)
		m.automaton = a
		checked := m.checkedOps()
		p := narrowPilot(t, m, checked)
		p.run()
		require.Equal(t, m.decide(checked, hasVersions(checked)) == impossible, p.impossible())
		if p.impossible() {
			requireSameCulprit(t, m, checked, p.refute())
		}
	})
}

// A sentence on a loose proof may list too many states, but calls nothing
// impossible that is possible.
func requireSameCulprit(t *rapid.T, m machine, checked []checkedOp, v *refutation) {
	j, source := newMonitor(context.Background(), m.automaton, hasVersions(checked), 1<<30), newEvents(checked)
	for e, more := source.next(); more && j.add(e); e, more = source.next() {
	}
	exact := j.refute(source.next)
	if v.inconclusive {
		require.True(t, v.loose || exact.inconclusive)
		return
	}
	require.Equal(t, exact.culprit().op.ID, v.culprit().op.ID)
	for s := range m.states {
		if (culprit{m, exact}).couldBe(readOf(int32(s))) {
			require.True(t, culprit{m, v}.couldBe(readOf(int32(s))), "%s is possible", m.states[s])
		}
	}
	_, operations := culprit{m, v}.contradiction()
	require.NotEmpty(t, operations)
}

// Objects have no disproof: a pilot for them ends with all configurations.
func TestAgreesOnDeadEndsOfObjects(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := anyObject(t, rapid.IntRange(1, 12).Draw(t, "operations"))
		j, err := newJudge(&h, nil)
		require.NoError(t, err)
		for _, m := range machines(h.Operations) {
			m.automaton = newObjectAutomaton(j.model, m.name)
			p := narrowPilot(t, m, m.checkedOps())
			p.run()
			want := Check(context.Background(), history.History{Model: h.Model, Initial: h.Initial, Operations: h.Operations}, Options{}).Status
			require.Equal(t, want == Violated, p.impossible())
		}
	})
}

// What versions decide is right.
func TestAgreesOnVersions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := corrupted(t, anyHistory(t, rapid.IntRange(1, 6).Draw(t, "operations"), 1))
		m := machines(h.Operations)[0]
		a, err := automatonOf(h, m)
		require.NoError(t, err)
		m.automaton = a
		checked := m.checkedOps()
		order, told := byVersion(checked)
		if !told || len(order) == 0 {
			return
		}
		d := &versions{machine: m, excerpts: newExcerpts(checked), order: order}
		evidence, verdict := d.conflict(excerpt{last: int32(len(d.returns) - 1)})
		truth := m.decide(checked, true)
		if verdict != unsure {
			require.Equal(t, truth, verdict)
		}
		if verdict != impossible {
			return
		}
		last, ok := d.culprit(context.Background(), evidence, d.conflict)
		if !ok {
			return
		}
		w := newBruteForce(h)
		require.Equal(t, w.culprit(), d.ops[d.returns[last]].op.ID)
		kept := map[string]bool{}
		for _, op := range d.contradiction(last, d.conflict) {
			kept[op.ID] = true
		}
		require.NotEmpty(t, kept)
		require.False(t, w.doubting(kept, d.ops[d.returns[last]].ret))
		class, _ := explanation{m, &versionProof{versions: d, until: last}}.explain()
		require.NotEmpty(t, class)
	})
}

// A pilot that has left configurations out knows less of the unknown writes: the one that
// it took for the first value may be the one that wrote the last.
func TestDisproofDoubtsSpentSteps(t *testing.T) {
	var all []history.Operation
	add := func(at int64, kind history.Kind, text, expected string) {
		i := len(all) + 1
		o := history.Operation{Client: i, ID: fmt.Sprintf("c%d.1", i), Machine: "/m", Kind: kind, Call: at, Return: at, Outcome: history.Committed, Version: history.NoVersion}
		if kind == history.KindRead {
			o.State = text
		} else {
			o.Argument, o.Expected, o.Outcome, o.Reason, o.Return = text, expected, history.Unknown, "timeout", history.NoReturn
		}
		all = append(all, o)
	}
	reads := func(value string, times ...int64) {
		for _, at := range times {
			add(at, history.KindRead, value, "")
		}
	}
	reads("1", 10, 20, 30, 40, 50)
	add(60, history.KindWrite, "2", "")
	add(61, history.KindCAS, "2", "1")
	reads("2", 80, 90, 100)
	add(110, history.KindDelete, "", "")
	reads(history.NoValue, 120)
	add(130, history.KindWrite, history.NoValue, "")
	reads(history.NoValue, 140)
	reads("2", 145)
	reads(history.NoValue, 150, 160, 170, 180, 190, 200, 210, 220)
	h := history.History{Model: history.ModelKV, Initial: "1", Operations: all}
	for stride := 1; stride <= 16; stride++ {
		m := machines(h.Operations)[0]
		a, err := automatonOf(h, m)
		require.NoError(t, err)
		m.automaton = a
		p := newPilot(context.Background(), m, m.checkedOps(), DefaultMemory)
		p.width, p.stride = 1, stride
		p.setEffort()
		p.run()
		require.False(t, p.impossible(), "stride %d", stride)
	}
}
