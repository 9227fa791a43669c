package checker

import (
	"context"
	"flag"
	"os"
	"testing"

	"github.com/lockstep-dst/lockstep/checker/history"
)

var (
	histories = flag.Uint64("histories", 3000, "TestAgreesOnEveryModel: histories of each model")
	firstSeed = flag.Uint64("first-seed", 1, "TestAgreesOnEveryModel: seed of the first history of each model")
)

// The judge and the twin agree on every history of every model. LOCKSTEP_LONG=1
// tries a million of each. That can be done in parts:
//
//	go test ./checker -run AgreesOnEveryModel/queue -v -args -histories 250000 -first-seed 750001
func TestAgreesOnEveryModel(t *testing.T) {
	n := *histories
	if os.Getenv("LOCKSTEP_LONG") != "" {
		n = 1_000_000
	}
	for _, g := range history.Grammars() {
		t.Run(string(g.Name), func(t *testing.T) {
			t.Parallel()
			var c comparison
			for seed := *firstSeed; seed < *firstSeed+n && !t.Failed(); seed++ {
				c.compare(t, g.Name, seed)
			}
			percent := func(of uint64) float64 { return 100 * float64(of) / float64(n) }
			t.Logf("seeds from %d: | %s | %d | %.1f %% | %.3f %% | %d | %d verdicts of scouts |", *firstSeed, g.Name, n, percent(c.violated), percent(c.undecided), c.wrong, c.scouted)
			if n >= 1000 && (c.violated < n/20 || c.violated > n*19/20) {
				t.Errorf("%d of %d are violated: that says little of the other verdict", c.violated, n)
			}
		})
	}
}

// comparison counts verdicts.
type comparison struct {
	violated, undecided, wrong uint64
	scouted                    uint64 // verdicts of scouts
}

// compare judges one history in all ways. Culprits, streams, scouts, and what a judge
// without memory falls back on are looked at in some.
func (c *comparison) compare(t *testing.T, m history.Model, seed uint64) {
	h := randomHistory(m, seed)
	h.Operations = sortedByCall(h.Operations)
	w := newTwin(h)
	want := Violated
	if w.linearizable(h.Operations) {
		want = Linearizable
	} else {
		c.violated++
	}
	explained := seed%16 == 0
	r := Check(context.Background(), h, Options{Explain: explained})
	c.verdict(t, h, seed, "judge", want, r)
	if explained && r.Status == Violated && len(machines(h.Operations)) == 1 {
		if culprit := w.culprit(h.Operations); culprit != r.Culprit.ID {
			t.Errorf("%s, seed %d: the culprit is %s, not %s\n%s", m, seed, culprit, r.Culprit.ID, Timeline(h.Operations))
		}
	}
	switch seed % 8 {
	case 1:
		r := Check(context.Background(), h, Options{Memory: 1 << 10})
		if r.Status != Undecided {
			c.verdict(t, h, seed, "judge without memory", want, r)
		}
	case 2:
		if r := streamed(h); r.Status != Undecided {
			c.verdict(t, h, seed, "stream", want, r)
		}
	case 3, 7:
		c.scout(t, h, seed)
	}
}

// verdict counts the verdict of a judge on h, and reports a wrong one.
func (c *comparison) verdict(t *testing.T, h history.History, seed uint64, by string, want Status, got Result) {
	switch {
	case got.Status == want:
	case got.Status == Undecided:
		c.undecided++
		if got.Unjudgeable {
			t.Errorf("%s, seed %d: %s", h.Model, seed, got.Explanation)
		}
	default:
		c.wrong++
		t.Errorf("%s, seed %d: the %s says %s, but it is %s: initial %q, %v\n%s\n%s", h.Model, seed, by, got.Status, want, h.Initial, h.Definitions, got.Explanation, Timeline(h.Operations))
	}
}

// streamed judges h as a stream.
func streamed(h history.History) Result {
	s := NewStream(context.Background(), h, Options{})
	for _, op := range h.Operations {
		s.Advance(op.Call)
		if err := s.Add(op); err != nil {
			panic(err) // they are in order of call
		}
	}
	return s.Finish()
}

// scout has scouts judge the machines of h without its versions. What they call
// linearizable comes with an order, which the twin carries out.
func (c *comparison) scout(t *testing.T, h history.History, seed uint64) {
	if !compiles(h.Model) {
		return
	}
	for i := range h.Operations {
		h.Operations[i].Version = history.NoVersion
	}
	for _, m := range machines(h.Operations) {
		if m.appends() {
			continue
		}
		part := h
		part.Operations = nil
		for _, op := range m.operations {
			part.Operations = append(part.Operations, *op)
		}
		w, want := newTwin(part), Violated
		if w.linearizable(part.Operations) {
			want = Linearizable
		}
		m.automaton, _ = automatonOf(h, m)
		s := newScout(context.Background(), m, m.checkedOps(), DefaultMemory)
		s.patience, s.life, s.free = 2, 8, 1<<30
		switch {
		case s.run():
			c.verdict(t, part, seed, "scout", want, Result{Status: Linearizable})
			if order := s.ordered(s.ops, s.order); !s.explainedBy(s.ops, order) || !w.carriesOut(m.operations, order) {
				c.wrong++
				t.Errorf("%s, seed %d: the order of the scout explains nothing: %v\n%s", h.Model, seed, order, Timeline(part.Operations))
			}
			c.scouted++
		case s.disproved():
			c.verdict(t, part, seed, "scout", want, Result{Status: Violated})
			if v := s.leader.refute(); !v.inconclusive && v.culprit().op.ID != w.culprit(part.Operations) {
				t.Errorf("%s, seed %d: the culprit of the scout is %s\n%s", h.Model, seed, v.culprit().op.ID, Timeline(part.Operations))
			}
			c.scouted++
		}
	}
}
