package campaign

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/lockstep-dst/lockstep/node/input"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/play"
)

// T is the part of *testing.T and *rapid.T that Require needs.
type T interface {
	Helper()
	Name() string
	Context() context.Context
	Logf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// PlanVariable is the environment variable that names a file with a plan. If it is
// set, Require runs this plan in place of any other, to repeat a failure.
const PlanVariable = "LOCKSTEP_PLAN"

// Require runs a plan as part of a test, which fails if the plan does not pass.
// Then the plan is saved in a file, and the failure's message begins with one shell
// command that repeats it, and those that replay it and make it smaller:
//
//	LOCKSTEP_PLAN=/tmp/lockstep-TestMine.json go test -C /home/me/mine -run '^TestMine$' .
//
// A test has one such file. Under rapid and go test -fuzz, which make a failing
// plan ever smaller, the file ends with the smallest plan. The command reads it
// too: for a system that it knows, lockstep replay FILE repeats the failure, and
// lockstep shrink FILE makes the plan smaller than they can.
func Require(t T, sys scenarios.System, p *scenarios.Plan) {
	t.Helper()
	requireWith(t, sys, p, play.Options{})
}

func requireWith(t T, sys scenarios.System, p *scenarios.Plan, o play.Options) {
	t.Helper()
	if name := os.Getenv(PlanVariable); name != "" {
		var err error
		if p, err = readPlan(name); err != nil {
			t.Fatalf("%s: %v", PlanVariable, err)
		}
	}
	o.Explain = true
	r, err := play.Run(t.Context(), sys, p, o)
	if err != nil {
		t.Fatalf("%v", err)
	}
	if r.Status != play.Passed {
		t.Fatalf("%s\n%s", reproduceLines(t.Name(), sys, p), r.Text(p))
	}
}

// RequireSeeds runs a campaign as part of a test. The test fails if a seed does not
// pass, as in Require for the first one, or if a seed is nondeterministic. It also
// fails if the test ended before the campaign, if no seed was run, or if no
// operation was invoked. Otherwise it logs the number of runs.
func RequireSeeds(t T, c Campaign) {
	t.Helper()
	if os.Getenv(PlanVariable) != "" {
		Require(t, c.System, nil)
		return
	}
	sum, err := c.Run(t.Context(), nil)
	if err != nil {
		t.Fatalf("%v", err)
	}
	if len(sum.Differed) > 0 {
		t.Fatalf("seed %d does not always run alike: see FindDifference", sum.Differed[0])
	}
	if len(sum.Groups) > 0 {
		g := sum.Groups[0]
		requireWith(t, c.System, c.Plan(g.First), play.Options{CheckTimeout: c.CheckTimeout()})
		if g.Signature == play.UndecidedSignature {
			t.Fatalf("seed %d was undecided in %v, and was decided when it ran again: a larger Options.CheckTimeout gives it more time", g.First, c.CheckTimeout())
			return
		}
		t.Fatalf("seed %d was %s, and passed when it ran again: it does not always run alike", g.First, g.Signature)
		return
	}
	switch {
	case t.Context().Err() != nil:
		t.Fatalf("the test was ended after %d seeds, before the campaign was done", sum.Seeds)
	case sum.Seeds == 0:
		t.Fatalf("no seed was run, and so nothing was shown")
	case sum.Outcomes.Total() == 0:
		t.Fatalf("no operation was carried out in %d seeds, and so nothing was shown", sum.Seeds)
	}
	t.Logf("%d seeds, %d operations: %+v", sum.Seeds, sum.Outcomes.Total(), sum.Outcomes)
}

func readPlan(name string) (*scenarios.Plan, error) {
	data, err := input.ReadFile(name, input.MaxPlan)
	if err != nil {
		return nil, err
	}
	p, err := scenarios.Decode(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return p, nil
}

// reproduceLines saves a plan that fails a test, and returns the command that
// repeats it. Tests run in the directory of their package.
func reproduceLines(test string, sys scenarios.System, p *scenarios.Plan) string {
	name := "lockstep-" + strings.Map(fileNameRune, test)
	if isFuzzWorker() {
		name += fmt.Sprint("-", os.Getpid()) // several processes may find a failure at once
	}
	file := filepath.Join(os.TempDir(), name+".json")
	if err := os.WriteFile(file, scenarios.Encode(p), 0o666); err != nil {
		return fmt.Sprintf("(its plan cannot be kept: %v)\n%s", err, scenarios.Encode(p))
	}
	return fmt.Sprintf("repeat it: %s=%s %s\nor, with a command that knows the system %s: lockstep replay %s\nmake it smaller: lockstep shrink %s --out %s",
		PlanVariable, file, TestCommand(test), sys.Name, file, file, strings.TrimSuffix(file, ".json")+"-small.json")
}

// TestCommand returns the command for a shell that runs one test of the package whose
// test is running. Flags of the test binary may follow.
func TestCommand(test string) string {
	dir, err := os.Getwd()
	if err != nil {
		dir = "."
	}
	parts := strings.Split(test, "/")
	for i, part := range parts {
		parts[i] = "^" + regexp.QuoteMeta(part) + "$"
	}
	return fmt.Sprintf("go test -C %s -run '%s' .", dir, strings.Join(parts, "/"))
}

// fileNameRune replaces runes that a file name cannot contain.
func fileNameRune(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' {
		return r
	}
	return '-'
}
