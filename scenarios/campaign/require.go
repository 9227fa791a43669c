package campaign

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/lockstep-dst/lockstep/scenarios"
)

// T is what Require needs of a *testing.T or a *rapid.T.
type T interface {
	Helper()
	Name() string
	Context() context.Context
	Logf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// PlanVariable is the environment variable that names a file with a plan. If it is
// set, Require runs this plan in place of any other: so a failure is repeated.
const PlanVariable = "LOCKSTEP_PLAN"

// Require runs a plan as part of a test, which fails if it does not pass. Then the
// plan is kept in a file, and what the test says begins with one line for a shell
// that repeats the failure:
//
//	LOCKSTEP_PLAN=/tmp/lockstep-TestMine.json go test -C /home/me/mine -run '^TestMine$' .
//
// A test has one such file: under rapid and go test -fuzz, which make a failing
// plan smaller and smaller, it is the smallest that is left in the end. It is a file for
// the command, too: for a system that it knows, lockstep replay FILE does the same, and
// lockstep shrink FILE makes it smaller than they can.
func Require(t T, sys scenarios.System, p *scenarios.Plan) {
	t.Helper()
	if name := os.Getenv(PlanVariable); name != "" {
		var err error
		if p, err = readPlan(name); err != nil {
			t.Fatalf("%s: %v", PlanVariable, err)
		}
	}
	r, err := Run(t.Context(), sys, p, Options{})
	if err != nil {
		t.Fatalf("%v", err)
	}
	if r.Status != Passed {
		t.Fatalf("%s\n%s", repeatLines(t.Name(), sys, p), r.Text(p))
	}
}

// RequireSeeds runs a campaign as part of a test, which fails if a seed does not
// pass, as Require does for the first that does not, or if one does not always run
// alike. It fails as well if the test ended before the campaign, or if no seed was run,
// or nothing was asked of the system; else it logs how much there was.
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
		t.Fatalf("seed %d does not always run alike: see Differ", sum.Differed[0])
	}
	if len(sum.Groups) > 0 {
		g := sum.Groups[0]
		Require(t, c.System, c.Plan(g.First))
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
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	p, err := scenarios.Decode(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return p, nil
}

// repeatLines keeps a plan that fails a test, and says how to run it again. Tests
// run in the directory of their package.
func repeatLines(test string, sys scenarios.System, p *scenarios.Plan) string {
	name := "lockstep-" + strings.Map(plain, test)
	if isFuzzWorker() {
		name += fmt.Sprint("-", os.Getpid()) // several may come by a failure at once
	}
	file := filepath.Join(os.TempDir(), name+".json")
	if err := os.WriteFile(file, scenarios.Encode(p), 0o666); err != nil {
		return fmt.Sprintf("(its plan cannot be kept: %v)\n%s", err, scenarios.Encode(p))
	}
	dir, err := os.Getwd()
	if err != nil {
		dir = "."
	}
	parts := strings.Split(test, "/")
	for i, part := range parts {
		parts[i] = "^" + regexp.QuoteMeta(part) + "$"
	}
	return fmt.Sprintf("repeat it: %s=%s go test -C %s -run '%s' .\nor, with a command that knows the system %s: lockstep replay %s",
		PlanVariable, file, dir, strings.Join(parts, "/"), sys.Name, file)
}

// plain keeps what can stand in the name of a file.
func plain(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' {
		return r
	}
	return '-'
}
