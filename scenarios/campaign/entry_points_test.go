package campaign_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/origin"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/stretchr/testify/require"
)

// Each entry point that looks for failures must find those of the origin's
// protocol, with a stated effort, and report its number of runs. (For the campaign
// itself see TestOriginBreaks, for rapid TestRapidShrinksAFailingPlan.)

func TestRequireSeedsFindsTheOriginsFaults(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var loud fakeT
	campaign.RequireSeeds(&loud, campaignOf(origin.System(), scenarios.All, 10))
	require.Contains(t, loud.failure, "origin, seed 0: violated agreement/illegal-transition")
}

func TestRequireSeedsSaysWhatItHasRun(t *testing.T) {
	c := campaignOf(origin.System(), scenarios.None, 20)
	c.Shape.Clients = 1
	var quiet fakeT
	campaign.RequireSeeds(&quiet, c)
	require.Empty(t, quiet.failure)
	require.Regexp(t, `^20 seeds, [1-9]\d+ operations: `, quiet.logged)
}

// A campaign without runs has not passed.
func TestRequireSeedsFailsWithoutSeeds(t *testing.T) {
	ended, end := context.WithCancel(t.Context())
	end()
	over := fakeT{ctx: ended}
	c := campaignOf(origin.System(), scenarios.None, 1_000_000)
	c.Shape.Clients = 1
	campaign.RequireSeeds(&over, c)
	require.Regexp(t, `the test was ended after \d+ seeds, before the campaign was done`, over.failure)

	var none fakeT
	c.Seeds, c.Shard, c.Shards = 1, 1, 2
	campaign.RequireSeeds(&none, c)
	require.Contains(t, none.failure, "no seed was run")
}

// Short and long inputs, as an engine may make them, without any feedback: each is
// a plan that is run, and a good part of them fails.
func TestBytesFindTheOriginsFaults(t *testing.T) {
	shape := scenarios.Shape{System: "origin", Definitions: origin.System().Definitions, Profile: scenarios.All}
	failed := map[string]int{}
	calls, first := 0, 0
	for i := range 400 {
		k := keyed.Seed(uint64(i)).Name("input")
		data := make([]byte, k.Name("length").Below(1000))
		for j := range data {
			data[j] = byte(k.Word(uint64(j)).Uint64())
		}
		r, err := play.Run(t.Context(), origin.System(), scenarios.FromBytes(data, shape), play.Options{})
		require.NoError(t, err)
		calls++
		if r.Status == play.Violated {
			if len(failed) == 0 {
				first = calls
			}
			failed[r.Signature()]++
		}
	}
	t.Logf("the first of %d inputs that fails is number %d; by kind: %v", calls, first, failed)
	require.LessOrEqual(t, first, 10)
	require.GreaterOrEqual(t, len(failed), 5, "kinds of failures")
}

// fuzzEngine is Go's fuzzing engine, with one worker and an empty cache.
type fuzzEngine struct{ binary, dir string }

// fuzz makes the engine call a target of testdata/faulty so many times, and returns
// the number of plans that the target has counted.
func (e fuzzEngine) fuzz(t *testing.T, target string, calls int) (output string, plans int, err error) {
	cmd := exec.CommandContext(t.Context(), e.binary, "-test.run=^$", "-test.fuzz=^"+target+"$", "-test.parallel=1",
		fmt.Sprintf("-test.fuzztime=%dx", calls), "-test.fuzzminimizetime=2000x", "-test.fuzzcachedir="+filepath.Join(e.dir, "cache"))
	cmd.Dir = e.dir // failing inputs are kept there
	cmd.Env = append(os.Environ(), "TMPDIR="+e.dir, campaign.PlanVariable+"=")
	text, err := cmd.CombinedOutput()
	if m := regexp.MustCompile(target + `: (\d+) plans were run`).FindSubmatch(text); m != nil {
		plans, _ = strconv.Atoi(string(m[1]))
	}
	return string(text), plans, err
}

// The native engine, with an empty cache, finds the failures of the origin within
// some thousand calls, and leaves a plan that can be run again. (It makes inputs smaller
// at random: how small is luck.) The node's coverage guides it. It reports the number of
// plans that it has run.
func TestNativeFuzzing(t *testing.T) {
	if testing.Short() {
		t.Skip("it compiles everything with the engine's instruments")
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("there is no go command here")
	}
	e := fuzzEngine{dir: t.TempDir()}
	e.binary = filepath.Join(e.dir, "faulty.test")
	build := exec.CommandContext(t.Context(), "go", "test", "-c", "-fuzz=.", "-o", e.binary, "./testdata/faulty")
	text, err := build.CombinedOutput()
	require.NoError(t, err, "%s", text)

	for _, target := range []string{"FuzzOrigin", "FuzzOriginWithoutFaults"} {
		t.Run(target, func(t *testing.T) {
			output, plans, err := e.fuzz(t, target, 5000)
			require.Error(t, err, output)
			require.Positive(t, plans, output)
			said := regexp.MustCompile(`(?s)repeat it: LOCKSTEP_PLAN=(\S+) go test .*lockstep replay (\S+)\n.*origin, seed \d+: violated (\S+) `).FindStringSubmatch(output)
			require.NotNil(t, said, output)
			require.Equal(t, said[1], said[2])
			data, err := os.ReadFile(said[1])
			require.NoError(t, err)
			p, err := scenarios.Decode(data)
			require.NoError(t, err)
			r, err := play.Run(t.Context(), origin.System(), p, play.Options{})
			require.NoError(t, err)
			require.Equal(t, said[3], r.Signature())
			t.Logf("%d plans, %s in %d operations and %d faults", plans, r.Signature(), len(p.Operations), len(p.Faults))
		})
	}
	t.Run("FuzzNode", func(t *testing.T) {
		output, plans, err := e.fuzz(t, "FuzzNode", 1000)
		require.NoError(t, err, output)
		execs := regexp.MustCompile(`execs: (\d+)`).FindAllStringSubmatch(output, -1)
		require.NotEmpty(t, execs, output)
		require.Equal(t, execs[len(execs)-1][1], strconv.Itoa(plans), "every call is a plan: %s", output)
		require.GreaterOrEqual(t, plans, 1000, output)
		require.Regexp(t, `new interesting: [1-9]`, output)
	})
	t.Run("FuzzNothing", func(t *testing.T) {
		output, _, err := e.fuzz(t, "FuzzNothing", 100)
		require.Error(t, err, output)
		require.Contains(t, output, "FuzzNothing has run no plan, and so it has shown nothing")
	})
}

// A failure that does not repeat is reported as one.
func TestRequireSeedsReportsFailureThatDoesNotRepeat(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	runs := 0
	c := campaignOf(originWith(func(p *scenarios.Plan, v *variant) {
		if runs++; runs == 1 {
			v.observe = func(at scenarios.Duration) *scenarios.Violation {
				return &scenarios.Violation{Property: "test", Class: "once", At: at, Sentence: "Once."}
			}
		}
	}), scenarios.None, 1)
	c.Shape.Clients, c.Workers = 1, 1
	var loud fakeT
	campaign.RequireSeeds(&loud, c)
	require.Contains(t, loud.failure, "seed 0 was test/once, and passed when it ran again")
}
