package harness

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/play"
)

// Test runs a campaign of a system as a test:
//
//	func TestMine(t *testing.T) { harness.Test(t, mine.System(), harness.Options{}) }
//
// Each kind of failure, told apart by its signature, is a subtest with the name of its
// first seed. Its plan is made small and kept in testdata/lockstep/SYSTEM, and its message
// begins with one line for a shell that repeats it:
//
//	repeat it: go test -C /home/me/mine -run '^TestMine$' . -lockstep.plan=testdata/lockstep/mine/liveness-client-stuck-17.json
//
// Kept plans are tried first, each as a subtest, and the campaign runs only if all of
// them pass. Leave them when the failure is mended: they guard against its return.
// Artefacts among them, as the command replay saves them, must show the verdict that
// they hold.
//
// The test fails, too, if a seed does not always run alike, if no seed was run, if no
// operation was invoked, or if the time of go test ended first.
//
// -short runs fewer seeds. The flags -lockstep.seeds, -lockstep.start, -lockstep.for,
// -lockstep.profile, -lockstep.plan, -lockstep.shrink and -lockstep.keep of the test binary
// override the options, and stand after the package: go test . -lockstep.seeds=100000.
// The environment variable LOCKSTEP_PLAN does as -lockstep.plan does.
func Test(t *testing.T, sys scenarios.System, o Options) {
	t.Helper()
	if err := o.Validate(sys); err != nil {
		t.Fatal(err)
	}
	c := o.campaign(sys, testing.Short())
	o.override(c)
	if err := c.Validate(); err != nil {
		t.Fatalf("-lockstep flags: %v", err)
	}
	r := &testRun{campaign: c, options: o, kept: keptPlans{dir: o.dir(sys)}, test: t.Name()}
	if name := givenPlan(); name != "" {
		r.runFile(t, name)
		return
	}
	if !r.runKept(t) {
		t.Log("kept plans fail, so the campaign was not run")
		return
	}
	r.runCampaign(t)
}

// testRun is one call of Test.
type testRun struct {
	campaign *campaign.Campaign
	options  Options
	kept     keptPlans
	test     string // name of the test
}

// runKept runs the kept plans, and reports whether all of them pass.
func (r *testRun) runKept(t *testing.T) bool {
	t.Helper()
	names, err := r.kept.list()
	if err != nil {
		t.Fatalf("kept plans: %v", err)
	}
	passed := true
	for _, name := range names {
		passed = t.Run("kept/"+testName(name), func(t *testing.T) { r.runFile(t, name) }) && passed
	}
	return passed
}

// runFile runs the plan in a file. The test fails if the plan does not pass, or does not
// show the verdict of the artefact.
func (r *testRun) runFile(t *testing.T, name string) {
	t.Helper()
	p, expected, err := systemList{r.campaign.System}.readArtefact(name, strings.NewReader(""))
	if err != nil {
		t.Fatalf("%v\nremove the file if the plan is of no use any more", err)
	}
	o := play.Options{Explain: true, CheckTimeout: r.campaign.CheckTimeout()}
	if expected == nil {
		expected = &campaign.Artefact{Verdict: play.Passed}
	}
	result, compared, err := expected.Compare(t.Context(), r.campaign.System, p, o)
	switch {
	case err != nil:
		t.Fatalf("%s: %v", name, err)
	case !compared.Holds:
		t.Fatalf("repeat it: %s\n%s%s", r.commandLine(name), expectation(expected), result.Text(p))
	}
	t.Logf("%s: %s", name, result.Sentence())
}

// expectation tells the verdict of an artefact, unless it is that of any plan.
func expectation(a *campaign.Artefact) string {
	if a.Verdict == play.Passed {
		return ""
	}
	return fmt.Sprintf("expected %s %s, which the artefact was kept for\n", a.Verdict, a.Signature)
}

// runCampaign runs the seeds and reports what has failed.
func (r *testRun) runCampaign(t *testing.T) {
	t.Helper()
	c := r.campaign
	forSeeds, cancel := untilDeadline(t, 80)
	defer cancel()
	sum, err := c.Run(forSeeds, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range sum.Groups {
		t.Run(fmt.Sprintf("seed-%d-%s", g.First, fileName(g.Signature)), func(t *testing.T) { r.reportFailure(t, &sum, g) })
	}
	if len(sum.Differed) > 0 {
		r.reportDifference(t, sum.Differed[0])
	}
	switch {
	case c.For == 0 && sum.Seeds < c.Seeds:
		t.Errorf("the time of the test was over after %d of %d seeds: give it more (go test -timeout), or fewer seeds (-lockstep.seeds)", sum.Seeds, c.Seeds)
	case sum.Seeds == 0:
		t.Error("no seed was run, and so nothing was shown")
	case sum.Outcomes.Total() == 0:
		t.Errorf("no operation was carried out in %d seeds, and so nothing was shown", sum.Seeds)
	}
	t.Logf("%d seeds from %d: %d failed, %d undecided, %d operations: %+v", sum.Seeds, c.Start, sum.Failed, sum.Undecided, sum.Outcomes.Total(), sum.Outcomes)
	if never := sum.NeverHit(c.System); len(never) > 0 {
		t.Logf("%d of %d coverage marks hit; never hit: %s", sum.MarksHit(), len(sum.Marks), strings.Join(never, ", "))
	}
}

// reportFailure fails the test with the first failure of a signature, whose plan it makes
// small and keeps.
func (r *testRun) reportFailure(t *testing.T, sum *campaign.Summary, g *campaign.Group) {
	t.Helper()
	c := r.campaign
	p := c.Plan(g.First)
	result := r.play(t, p)
	if result.Signature() != g.Signature {
		t.Fatalf("seed %d was %s, and when it ran again: %s %s\n%s", g.First, g.Signature, result.Status, result.Signature(), differsHint(g.Signature, c.CheckTimeout()))
	}
	sizes := "not shrunk"
	if small, err := r.shrink(t, p); err != nil {
		sizes = fmt.Sprintf("not shrunk: %v", err)
	} else if small != nil {
		sizes = describeSizes(p, small)
		p, result = small, r.play(t, small)
	}
	line := r.seedLine(g.First)
	name, err := r.kept.add(fmt.Sprintf("%s-%d", fileName(g.Signature), g.First), scenarios.Encode(p))
	kept := fmt.Sprintf("repeat it: %s", r.commandLine(name))
	if err != nil {
		kept = fmt.Sprintf("repeat it: %s\n(its plan cannot be kept: %v)", line, err)
	}
	t.Fatalf("%s\n%d of %d seeds, the first is %d: %s\n%s\n%s", kept, g.Count, sum.Seeds, g.First, line, sizes, result.Text(p))
}

// differsHint says what a verdict that does not repeat means.
func differsHint(signature string, timeout time.Duration) string {
	if signature == play.UndecidedSignature {
		return fmt.Sprintf("a history has %v: Options.CheckTimeout gives it more", timeout)
	}
	return "it does not always run alike"
}

func (r *testRun) play(t *testing.T, p *scenarios.Plan) play.Result {
	t.Helper()
	result, err := play.Run(t.Context(), r.campaign.System, p, play.Options{Explain: true, CrossCheck: true, CheckTimeout: r.campaign.CheckTimeout()})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// shrink returns a smaller plan, or nil if none is wanted.
func (r *testRun) shrink(t *testing.T, p *scenarios.Plan) (*scenarios.Plan, error) {
	runs := r.options.ShrinkRuns
	if runs < 0 {
		return nil, nil
	}
	if runs == 0 {
		runs = DefaultShrinkRuns
	}
	ctx, cancel := untilDeadline(t, 50)
	defer cancel()
	small, err := campaign.Shrink(ctx, r.campaign.System, p, campaign.ShrinkOptions{Runs: runs, Workers: r.campaign.Workers, CheckTimeout: r.campaign.CheckTimeout()})
	return small.Plan, err
}

// reportDifference fails the test because of a seed that runs in two ways.
func (r *testRun) reportDifference(t *testing.T, seed uint64) {
	t.Helper()
	d, err := play.FindDifference(t.Context(), r.campaign.System, r.campaign.Plan(seed))
	switch {
	case err != nil:
		t.Errorf("seed %d does not always run alike: %v", seed, err)
	case d == nil:
		t.Errorf("seed %d ran in two ways, and did not do so again", seed)
	default:
		t.Errorf("seed %d runs in two ways: %v", seed, d)
	}
}

// commandLine returns the line that runs the plan in a file.
func (r *testRun) commandLine(file string) string {
	return campaign.TestCommand(r.test) + " -lockstep.plan=" + file
}

// seedLine returns the line that runs one seed.
func (r *testRun) seedLine(seed uint64) string {
	line := fmt.Sprintf("%s -lockstep.start=%d -lockstep.seeds=1", campaign.TestCommand(r.test), seed)
	if testFlags.profile != "" {
		line += " -lockstep.profile=" + testFlags.profile
	}
	return line
}

// untilDeadline returns a context that ends after a percentage of the time that go test
// leaves to a test, so that it can report what it has seen.
func untilDeadline(t *testing.T, percent int) (context.Context, context.CancelFunc) {
	deadline, ok := t.Deadline()
	if !ok {
		return context.WithCancel(t.Context())
	}
	return context.WithTimeout(t.Context(), time.Until(deadline)*time.Duration(percent)/100)
}
