package report

import (
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/origin"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/stretchr/testify/require"
)

func keptPlan(t *testing.T, name string) *scenarios.Plan {
	t.Helper()
	data, err := os.ReadFile("../../testdata/plans/" + name + ".json")
	require.NoError(t, err)
	p, err := scenarios.Decode(data)
	require.NoError(t, err)
	return p
}

// The changes up to an event add up to the state that an inspection shows there, also if there is
// room only for those around the events that matter.
func TestChangesAddUpToStates(t *testing.T) {
	p, sys := keptPlan(t, "restart-forks"), origin.System()
	for _, room := range []int{DefaultStateBytes, 2000} {
		d, err := Make(t.Context(), sys, Source{Shrunk: p}, Options{StateBytes: room})
		require.NoError(t, err)
		r := &d.Runs[0]
		from := 0
		if r.States.From != nil {
			from = *r.States.From
		}
		require.Equal(t, room == DefaultStateBytes, from == 0)
		require.Less(t, from, len(r.Events)*9/10)
		known := func(event int) bool {
			inGap := slices.ContainsFunc(r.States.Gaps, func(g EventSpan) bool { return g.First <= event && event < g.Last })
			return !inGap && (r.States.Until == nil || event <= *r.States.Until)
		}
		for i := from; i < len(r.Events); i++ {
			if !known(i) {
				require.NotEqual(t, r.Violation.Event, i)
				continue
			}
			if i+1 == len(r.Events) || r.Events[i+1].N > r.Events[i].N { // the step is over
				requireStates(t, sys, p, r, i)
			}
		}
	}
}

// requireStates compares the states at an event with an inspection.
func requireStates(t *testing.T, sys scenarios.System, p *scenarios.Plan, r *Run, event int) {
	t.Helper()
	nodes := []sim.ID{1, 2, 3}
	g, err := play.Inspect(sys, p, r.Events[event].N, nodes, nil)
	require.NoError(t, err)
	for n, id := range nodes {
		up, values := stateAt(r, event, id)
		require.Equal(t, flatten(g.Nodes[n].Dump), values, "node %d at event %d", id, event)
		require.Equal(t, g.Nodes[n].Up, up, "node %d at event %d", id, event)
	}
}

// stateAt adds the changes of a node up to an event.
func stateAt(r *Run, event int, id sim.ID) (up bool, values map[string]string) {
	values = map[string]string{}
	for _, c := range r.States.Changes {
		if c.Event > event || c.Lane != id {
			continue
		}
		if c.Up != nil {
			up = *c.Up
		}
		maps.Copy(values, c.Set)
		for _, path := range c.Unset {
			delete(values, path)
		}
	}
	return up, values
}

func TestTextBecomesValuesByPath(t *testing.T) {
	for _, c := range []struct {
		text string
		want map[string]string
	}{
		{"", map[string]string{}},
		{"life 2\nlifecycle/a: Running\nterm = 3\nalone\n", map[string]string{"life": "2", "lifecycle/a": "Running", "term": "3", "alone": ""}},
		{"peer 1: up\n  log 7\n  life: x\npeer 2: down\n", map[string]string{"peer 1": "up", "peer 1/log": "7", "peer 1/life": "x", "peer 2": "down"}},
		{"waits a\nwaits b\nwaits c\n", map[string]string{"waits": "a", "waits #2": "b", "waits #3": "c"}},
		{"promised 1.1, accepted 1.0: Running\n", map[string]string{"promised": "1.1, accepted 1.0: Running"}},
		{` {"term": 3, "log": [{"op": "a"}, null], "name": "n", "big": 18446744073709551615}`, map[string]string{"term": "3", "log/0/op": "a", "log/1": "null", "name": "n", "big": "18446744073709551615"}},
		{"{not json\n", map[string]string{"{not": "json"}},
	} {
		require.Equal(t, c.want, flatten(c.text), c.text)
	}
}

// shape has a field of each form that a process may have.
type shape struct {
	term    int
	voted   *shape
	log     [][]byte
	acks    map[sim.ID]bool
	by      map[[2]int]string
	handler func()
	any     any
	none    int
	lock    sync.Mutex
	plan    *scenarios.Plan
}

func (*shape) Step(scenarios.Duration, *sim.Event, *sim.Effects) {}

func TestFieldsOfAProcessThatShowsNothing(t *testing.T) {
	s := &shape{term: 3, none: 0, log: [][]byte{[]byte("a\n")}, handler: func() {}, acks: map[sim.ID]bool{10: true, 9: false}, by: map[[2]int]string{{1, 2}: "x"}, any: uint8(7), plan: &scenarios.Plan{Nodes: 3}}
	s.lock.Lock()
	defer s.lock.Unlock()
	s.voted = s // a circle ends
	require.Equal(t, map[string]string{
		"term": "3", "log/0": `"a\n"`, "acks/9": "false", "acks/10": "true", "by/map[0:1 1:2]": "x", "any": "7",
	}, fieldsOf(s))
	require.Empty(t, fieldsOf(nil))
}

// stubborn is origin with a Dump of its own.
type stubborn struct {
	scenarios.Run
	dump func(sim.ID) string
}

func (s *stubborn) Dump(id sim.ID) string { return s.dump(id) }

func originWithDump(dump func(sim.ID) string) scenarios.System {
	sys := origin.System()
	begin := sys.New
	sys.New = func(p *scenarios.Plan) scenarios.Run { return &stubborn{begin(p), dump} }
	return sys
}

// A Dump that panics, or changes the run, costs the states only.
func TestABadDumpIsNoVerdict(t *testing.T) {
	p := keptPlan(t, "duplicated-commit")
	calls := 0
	d, err := Make(t.Context(), originWithDump(func(sim.ID) string {
		if calls++; calls > 5 {
			panic("no more")
		}
		return "calls: some"
	}), Source{Full: p}, Options{})
	require.NoError(t, err)
	require.Equal(t, "agreement/applied-twice", d.Signature)
	require.Equal(t, []string{"The states of nodes end: node 1 cannot be shown after event 7: panic: no more"}, d.Cut)
	require.NotEmpty(t, d.Runs[0].States.Changes)
}

// meddler is a run that ends when a node is shown.
type meddler struct {
	stubborn
	shown bool
}

func (m *meddler) Observe(at scenarios.Duration, id sim.ID, f sim.Observation) *scenarios.Violation {
	if m.shown {
		return &scenarios.Violation{Property: "agreement", Class: "meddled", At: at, Sentence: "A dump has changed the run"}
	}
	return m.stubborn.Observe(at, id, f)
}

func TestADumpThatChangesTheRunIsLeftOut(t *testing.T) {
	sys := origin.System()
	begin := sys.New
	sys.New = func(p *scenarios.Plan) scenarios.Run {
		m := &meddler{stubborn: stubborn{Run: begin(p)}}
		m.dump = func(sim.ID) string { m.shown = true; return "" }
		return m
	}
	d, err := Make(t.Context(), sys, Source{Full: keptPlan(t, "duplicated-commit")}, Options{})
	require.NoError(t, err)
	require.Equal(t, "agreement/applied-twice", d.Signature)
	require.Nil(t, d.Runs[0].States)
	require.Len(t, d.Cut, 1)
	require.Contains(t, d.Cut[0], "the Dump of a system must change nothing")
}

// No text makes a document large: it is cut between two characters, and the document says so.
func TestALargeTextIsCut(t *testing.T) {
	d, err := Make(t.Context(), originWithDump(func(sim.ID) string { return "huge: x" + strings.Repeat("é", 50_000) }), Source{Full: keptPlan(t, "duplicated-commit")}, Options{})
	require.NoError(t, err)
	_, values := stateAt(&d.Runs[0], 10, 2)
	require.Less(t, len(values["huge"]), 4100)
	require.True(t, utf8.ValidString(values["huge"]))
	require.True(t, strings.HasSuffix(values["huge"], "é … and 96002 bytes more"), values["huge"][3900:])
	require.Contains(t, d.Cut, "Texts of more than 4000 bytes are cut")
}

// A system without Dump shows the fields of its processes.
func TestAnySystemHasStates(t *testing.T) {
	sys := origin.System()
	begin := sys.New
	sys.New = func(p *scenarios.Plan) scenarios.Run { return struct{ scenarios.Run }{begin(p)} }
	p := keptPlan(t, "duplicated-commit")
	d, err := Make(t.Context(), sys, Source{Full: p}, Options{})
	require.NoError(t, err)
	require.Equal(t, "values", d.Runs[0].States.Source)
	_, values := stateAt(&d.Runs[0], len(d.Runs[0].Events)-1, 2)
	require.Equal(t, "Running", values["states/lifecycle/a"])
}

// A long run is cut to the events around its violation, and its states to their room.
func TestALongRunIsCut(t *testing.T) {
	p := keptPlan(t, "shrunk-read")
	d, err := Make(t.Context(), origin.System(), Source{Full: p}, Options{Events: 10, StateBytes: 40})
	require.NoError(t, err)
	r := &d.Runs[0]
	require.EqualValues(t, 10, r.Last-r.First+1)
	require.LessOrEqual(t, len(r.Events), 10)
	require.Equal(t, "c1.2 read committed in Init", r.Marks[len(r.Marks)-1].Text)
	require.Equal(t, r.Events[r.Violation.Event].At, r.Violation.At)
	require.Len(t, d.Cut, 2)
	require.Contains(t, d.Cut[0], "events of the run, 10 to 19 are shown")
	for _, e := range r.Events {
		if e.Message != nil {
			require.Less(t, *e.Message, len(r.Messages))
		}
	}
}

// A history that is linearizable is told in an order that explains it, and another is not.
func TestARunHasTheOrderOfItsHistory(t *testing.T) {
	d, err := Make(t.Context(), origin.System(), Source{Full: keptPlan(t, "restart-forks")}, Options{})
	require.NoError(t, err)
	require.Equal(t, []string{"c1.1", "c1.2", "c1.3", "c1.4"}, d.Runs[0].Order)
	d, err = Make(t.Context(), origin.System(), Source{Full: keptPlan(t, "shrunk-read")}, Options{})
	require.NoError(t, err)
	require.Empty(t, d.Runs[0].Order)
}
