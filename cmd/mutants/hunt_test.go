package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The verdicts on changes to the node that are known to be harmful, harmless or not
// worth a verdict.
func TestVerdicts(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the driver")
	}
	at, err := filepath.Abs(root)
	require.NoError(t, err)
	node, err := os.ReadFile(filepath.Join(at, "node", "node.go"))
	require.NoError(t, err)
	const (
		reached = "\tn.now = max(n.now, now)\n"
		unused  = "func (n *Node) Counters() Counters {\n"
	)
	cases := map[string]struct {
		old, new string
		excuse   string // reason in its file for being equivalent
		verdict  string // empty: it is refused
		why      string
	}{
		"an empty change survives":            {old: reached, new: reached, verdict: survived},
		"what nothing calls is refused":       {old: unused, new: unused + "\tif n == nil {\n\t\tpanic(n)\n\t}\n"},
		"what does not compile is not a kill": {old: reached, new: "\tn.now = nonsense\n", verdict: broken, why: "undefined: nonsense"},
		"a bug that is reached is killed":     {old: reached, new: "\tpanic(now)\n", verdict: killed},
		"what hangs is undecided":             {old: reached, new: "\tfor {\n\t}\n", verdict: undecided, why: "used up the processor time"},
		"an excuse for nothing is accepted":   {old: reached, new: reached, excuse: "it is the same", verdict: equivalent},
		"an excuse for a bug is not":          {old: reached, new: "\tpanic(now)\n", excuse: "it is the same", verdict: broken, why: "argues that it is equivalent"},
	}
	var all []*mutant
	for name, c := range cases {
		all = append(all, &mutant{name: name, file: "test.txt", class: "fsm", equivalent: c.excuse, blocks: []block{{"node/node.go", c.old, c.new}}})
	}
	o := options{settings: settings{starts: 2, seeds: 300, shrink: 20, cpu: 5 * time.Second}}
	p, err := module{at, "cmd/mutants/driver"}.prepare(t.Context(), t.TempDir(), all)
	require.NoError(t, err)
	for _, m := range all {
		t.Run(m.name, func(t *testing.T) {
			c := cases[m.name]
			if c.verdict == "" {
				require.NotEmpty(t, p.uncontained[m])
				return
			}
			f, err := o.testMutant(t.Context(), p, t.TempDir(), m)
			require.NoError(t, err)
			require.Equal(t, c.verdict, f.Status, f.Problem)
			require.Contains(t, f.Problem, c.why)
			if c.verdict == killed {
				require.Contains(t, f.Property, "assertion/panic-")
				require.Equal(t, uint64(1), f.Seeds)
				require.Equal(t, 2, f.Kills)
				require.True(t, f.Shrunk)
			}
			if c.verdict == survived {
				require.Zero(t, f.Kills)
				require.Equal(t, uint64(300), f.Seeds)
			}
		})
	}
	after, err := os.ReadFile(filepath.Join(at, "node", "node.go"))
	require.NoError(t, err)
	require.Equal(t, string(node), string(after), "the tree is not touched")
}

// The first plan that fails is made small, however long each campaign has taken.
func TestMediansKeepOrder(t *testing.T) {
	all := []report{{Seed: 7, Seeds: 3, seconds: 2}, {Seed: 8, Seeds: 1, seconds: 3}, {Seed: 9, Seeds: 2, seconds: 1}}
	before := slices.Clone(all)
	var f finding
	f.setMedians(all)
	require.Equal(t, before, all)
	require.Equal(t, finding{Seeds: 2, Seconds: 2, Worst: 3}, f)
}

// A coverage mark that is never hit kills a mutant if the node as it is hits it in far
// fewer seeds.
func TestMarksThatAreNeverHit(t *testing.T) {
	s := settings{neverHit: [][]string{{"a"}, {"a", "b"}}}
	long, short := uint64(controlSeeds), uint64(controlSeeds-1)
	for name, c := range map[string]struct {
		s        settings
		r        report
		campaign int
		killed   bool
	}{
		"all are hit":              {s, report{Seeds: long}, 0, false},
		"as in the node as it is":  {s, report{Seeds: long, NeverHit: []string{"a"}}, 0, false},
		"one more":                 {s, report{Seeds: long, NeverHit: []string{"a", "b"}}, 0, true},
		"from other seeds":         {s, report{Seeds: long, NeverHit: []string{"a", "b"}}, 1, false},
		"too few seeds":            {s, report{Seeds: short, NeverHit: []string{"b"}}, 0, false},
		"marks are not compared":   {settings{}, report{Seeds: long, NeverHit: []string{"b"}}, 0, false},
		"another violation counts": {s, report{Seeds: long, Signature: "x/y", NeverHit: []string{"b"}}, 0, false},
	} {
		was := c.r.Signature
		c.r.compareMarks(c.s, c.campaign)
		if !c.killed {
			require.Equal(t, was, c.r.Signature, name)
			continue
		}
		require.Equal(t, markProperty, c.r.Signature, name)
		require.Contains(t, c.r.Sentence, "coverage mark b was never hit by 2000 seeds", name)
	}
}

// A driver that dies, or prints something else than a report, proves nothing.
func TestDriverErrors(t *testing.T) {
	s := settings{seeds: 1, cpu: time.Minute}
	_, err := runDriver(t.Context(), program{path: "false"}, s)
	require.ErrorContains(t, err, "the driver: exit status 1")
	_, err = runDriver(t.Context(), program{path: "echo"}, s, "nothing")
	require.ErrorContains(t, err, "the output of the driver is")
}

func TestBadFlags(t *testing.T) {
	for want, args := range map[string][]string{
		"--write: the page is about all": {"--write", "--only", "x"},
		"--starts 0":                     {"--starts", "0"},
		"--seeds 0: want 1 to":           {"--seeds", "0"},
		"--limit -1: want at least 0":    {"--limit", "-1"},
		"cannot go on without --results": {"--limit", "1"},
		"--cpu 1.5s: want whole seconds": {"--cpu", "1500ms"},
		"--ablation-cpu 0s: want whole":  {"--ablation-cpu", "0s"},
		"no mutant of":                   {"--only", "^nothing has this name$"},
		"--only: error parsing regexp":   {"--only", "("},
		"there are no mutants":           {"--dir", t.TempDir()},
	} {
		cmd := newCommand()
		cmd.SetArgs(args)
		require.ErrorContains(t, cmd.ExecuteContext(t.Context()), want)
	}
}

// The table adds up, and an unresolved mutant is an error.
func TestTable(t *testing.T) {
	all := []*mutant{{name: "a"}, {name: "b"}, {name: "c"}, {name: "d"}}
	table := &table{ablated: true}
	found := func(seeds ...uint64) (r []ablatedFinding) { // 0: not found
		for i, part := range parts {
			r = append(r, ablatedFinding{Without: part, Killed: seeds[i] > 0, Seeds: seeds[i]})
		}
		return r
	}
	for _, f := range []finding{
		{Name: "d", Status: equivalent},
		{Name: "c", Status: killed, Property: "x", Seeds: 8, Seconds: 5, Shrunk: true, Steps: 9, Ablated: found(0, 8, 17, 3, 8)},
		{Name: "a", Status: killed, Property: "x", Seeds: 1, Seconds: 1, Shrunk: true, Steps: 2, Ablated: found(1, 0, 1, 1, 1)},
		{Name: "b", Status: killed, Property: "x", Seeds: 2, Seconds: 2, Shrunk: true, Steps: 3, Ablated: found(5, 2, 2, 2, 2)},
	} {
		require.NoError(t, table.add(&bytes.Buffer{}, f))
	}
	table.finish(all, time.Minute)
	require.NoError(t, table.unresolved())
	require.Equal(t, "3 of 3 mutants killed, 0 of them by unit tests alone; core-seconds of a campaign to kill: median 2.00, worst 5.00; steps of the shrunk plan: median 3.", table.sentence())
	require.Equal(t, "a", table.Findings[0].Name)
	require.Equal(t, []ablation{
		{"invariants", 2, 1, 0, []string{"c"}, nil}, {"swarm", 2, 0, 0, []string{"a"}, nil}, {"disk", 3, 1, 0, []string{}, nil},
		{"clocks", 3, 0, 1, []string{}, nil}, {"liveness", 3, 0, 0, []string{}, nil},
	}, table.Ablation)
	require.Equal(t, []string{"swarm"}, table.Findings[0].missedWithout())

	for _, verdict := range []string{survived, undecided, broken} {
		table.Findings[1].Status = verdict
		require.ErrorContains(t, table.unresolved(), "b ("+verdict+")")
	}
}

// Writing the table keeps the rest of the page.
func TestTableIsWritten(t *testing.T) {
	page := filepath.Join(t.TempDir(), "TEETH.md")
	require.NoError(t, os.WriteFile(page, []byte("before\n"+tableBegins+"old\n"+tableEnds+"after\n"), 0o666))
	table := &table{Findings: []finding{{Name: "a", Class: "fsm", Status: killed, Property: "values/odd", Kills: 5, Starts: 5, Steps: 3},
		{Name: "b", Class: "runtime", Status: killed, Tests: &unitResult{Status: killed, Test: "node/tcp.TestX", Seconds: 1}}}}
	require.NoError(t, table.writeInto(page))
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	require.Contains(t, string(text), "| fsm | [a](../testdata/mutants/a.txt) | values/odd | 5/5 |")
	require.Contains(t, string(text), "| runtime | [b](../testdata/mutants/b.txt) |  |  |  |  |  |  |  | node/tcp.TestX | 1.0 |\n")
	require.NotContains(t, string(text), "old")
	require.Contains(t, string(text), "before\n")
	require.Contains(t, string(text), "after\n")
	require.NoError(t, os.WriteFile(page, []byte("nothing"), 0o666))
	require.ErrorContains(t, table.writeInto(page), "the lines are missing")
}

// The time that is left counts what this run tests, and neither what was known nor what is
// left to later runs.
func TestTimeLeft(t *testing.T) {
	table := &table{of: 100, known: 20, later: 30, Findings: make([]finding, 20+10)}
	require.Equal(t, "1m0s, 4m0s left", table.times(time.Minute))
}
