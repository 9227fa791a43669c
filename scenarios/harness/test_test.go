package harness_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign/testdata/forgetful"
	"github.com/lockstep-dst/lockstep/scenarios/canary"
	"github.com/lockstep-dst/lockstep/scenarios/harness"
	"github.com/lockstep-dst/lockstep/scenarios/harness/testdata/register"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/stretchr/testify/require"
)

// The tests whose names begin with TestOf and FuzzOf are those of users, which fail. The
// others run them, each in a process and a directory of its own.

// userVariable is set in these processes.
const userVariable = "LOCKSTEP_HARNESS_USER"

func onlyForUsers(t testing.TB) {
	if os.Getenv(userVariable) == "" {
		t.Skip("another test runs it")
	}
}

func TestOfCanary(t *testing.T) {
	onlyForUsers(t)
	harness.Test(t, canary.System(), harness.Options{Seeds: 200, ShrinkRuns: 300})
}

func TestOfRegister(t *testing.T) {
	onlyForUsers(t)
	sys := register.System()
	if os.Getenv(userVariable) == "mended" {
		sys = register.Mended()
	}
	harness.Test(t, sys, harness.Options{Seeds: 60})
}

func TestOfTwo(t *testing.T) {
	onlyForUsers(t)
	t.Run("register", func(t *testing.T) {
		harness.Test(t, register.System(), harness.Options{Shape: scenarios.Shape{Profile: scenarios.None}, Seeds: 20})
	})
	t.Run("canary", func(t *testing.T) { harness.Test(t, canary.System(), harness.Options{Seeds: 3}) })
}

func TestOfUndecided(t *testing.T) {
	onlyForUsers(t)
	harness.Test(t, forgetful.System(), harness.Options{
		Shape: scenarios.Shape{Profile: scenarios.None, Operations: 300, Clients: 2, Machines: 1},
		Start: 7, Seeds: 1, CheckTimeout: 1e7, ShrinkRuns: -1,
	})
}

func TestOfNondeterminism(t *testing.T) {
	onlyForUsers(t)
	sys := canary.System()
	inner := sys.New
	runs := sim.Duration(0)
	sys.New = func(p *scenarios.Plan) scenarios.Run {
		runs++
		return latecomer{inner(p), runs}
	}
	harness.Test(t, sys, harness.Options{Start: 10, Seeds: 20, Guard: 100, Workers: 1})
}

// latecomer is a run whose nodes set a timer that depends on the runs before.
type latecomer struct {
	scenarios.Run
	after sim.Duration
}

func (l latecomer) Node(sim.ID, int) sim.Process { return l }

func (l latecomer) Step(_ scenarios.Duration, ev *sim.Event, out *sim.Effects) {
	if ev.Kind == sim.Boot {
		out.SetTimer(1, l.after*netmodel.Millisecond)
	}
}

func TestOfNothing(t *testing.T) {
	onlyForUsers(t)
	harness.Test(t, scenarios.System{Name: "no system"}, harness.Options{})
}

func FuzzOfMended(f *testing.F) {
	onlyForUsers(f)
	harness.Fuzz(f, register.Mended(), harness.Options{})
}

func FuzzOfCanary(f *testing.F) {
	onlyForUsers(f)
	harness.Fuzz(f, canary.System(), harness.Options{})
}

func FuzzOfRegister(f *testing.F) {
	onlyForUsers(f)
	harness.Fuzz(f, register.System(), harness.Options{Shape: scenarios.Shape{Profile: scenarios.Crashes, Nodes: 1}})
}

// user is a user with a package in a directory.
type user struct {
	t    *testing.T
	dir  string
	vars []string
}

func newUser(t *testing.T) *user {
	t.Helper()
	u := &user{t: t, dir: t.TempDir()}
	u.vars = []string{"LOCKSTEP_PLAN=", "TMPDIR=" + t.TempDir(), userVariable + "=yes"}
	return u
}

// test runs a test with flags, and returns its output and whether it has passed.
func (u *user) test(name string, flags ...string) (output string, passed bool) {
	u.t.Helper()
	self, err := os.Executable()
	require.NoError(u.t, err)
	cmd := exec.CommandContext(u.t.Context(), self, append([]string{"-test.v", "-test.run", name}, flags...)...)
	cmd.Dir, cmd.Env = u.dir, append(os.Environ(), u.vars...)
	text, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		require.NoError(u.t, err)
	}
	require.Contains(u.t, string(text), "=== RUN ", name)
	return string(text), err == nil
}

// fails runs a test, which must fail.
func (u *user) fails(name string, flags ...string) (output string) {
	u.t.Helper()
	output, passed := u.test(name, flags...)
	require.False(u.t, passed, output)
	return output
}

// passes runs a test, which must pass.
func (u *user) passes(name string, flags ...string) (output string) {
	u.t.Helper()
	output, passed := u.test(name, flags...)
	require.True(u.t, passed, output)
	return output
}

// kept lists the plans that are kept for a system.
func (u *user) kept(system string) []string {
	u.t.Helper()
	files, err := filepath.Glob(filepath.Join(u.dir, "testdata/lockstep", system, "*.json"))
	require.NoError(u.t, err)
	for i := range files {
		files[i] = filepath.Base(files[i])
	}
	return files
}

var pasted = regexp.MustCompile(`repeat it: go test -C (\S+) -run '(\S+)' \. (-lockstep\.plan=\S+)`)

// pastes runs the lines that an output gives for repeating failures. Each fails in the
// same way.
func (u *user) pastes(output string) (lines int) {
	u.t.Helper()
	for _, m := range pasted.FindAllStringSubmatch(output, -1) {
		require.Equal(u.t, u.dir, m[1])
		_, told, _ := strings.Cut(output, m[0])
		verdict := regexp.MustCompile(`seed \d+: (violated \S+|undecided)`).FindString(told)
		require.NotEmpty(u.t, verdict)
		again := u.fails(m[2], m[3])
		require.Contains(u.t, again, verdict)
		require.Contains(u.t, again, m[0])
		lines++
	}
	return lines
}

// Each kind of failure is a subtest, with a line to paste. Its plan is kept, and tried
// first from then on.
func TestFailuresAreSubtests(t *testing.T) {
	u := newUser(t)
	output := u.fails("^TestOfCanary$")
	for _, want := range []string{
		"--- FAIL: TestOfCanary/seed-2-liveness-client-stuck",
		"--- FAIL: TestOfCanary/seed-53-assertion-panic-the-canary-dies-as-it-should-in-this-seed-in-canary-client-step",
		"--- FAIL: TestOfCanary/seed-165-linearizability-committed",
		"--- FAIL: TestOfCanary/seed-180-canary-planted",
		"1 of 200 seeds, the first is 2: go test -C " + u.dir + " -run '^TestOfCanary$' . -lockstep.start=2 -lockstep.seeds=1",
		"shrunk: 1 operation, 0 faults, of ",
		"200 seeds from 0: 4 failed, 0 undecided, ",
		"2 of 3 coverage marks hit; never hit: canary/never",
	} {
		require.Contains(t, output, want)
	}
	require.Equal(t, 4, u.pastes(output))
	require.Equal(t, []string{
		"assertion-panic-the-canary-dies-as-it-should-in-this-seed-in-canary-client-step-53.json",
		"canary-planted-180.json", "linearizability-committed-165.json", "liveness-client-stuck-2.json",
	}, u.kept("canary"))

	output = u.fails("^TestOfCanary$", "-lockstep.start=300", "-lockstep.seeds=5")
	require.Contains(t, output, "--- FAIL: TestOfCanary/kept/canary-planted-180")
	require.Contains(t, output, "kept plans fail, so the campaign was not run")
	require.NotContains(t, output, "seeds from")
	require.Equal(t, 4, u.pastes(output))
	require.Len(t, u.kept("canary"), 4)
}

// When the system is mended its kept plans pass, and stay.
func TestKeptPlansGuard(t *testing.T) {
	u := newUser(t)
	require.Equal(t, 1, u.pastes(u.fails("^TestOfRegister$")))
	files := u.kept("register")
	require.Len(t, files, 1)

	u.vars = append(u.vars, userVariable+"=mended")
	output := u.passes("^TestOfRegister$")
	require.Contains(t, output, "--- PASS: TestOfRegister/kept/"+strings.TrimSuffix(files[0], ".json"))
	require.Contains(t, output, "60 seeds from 0: 0 failed")
	require.Equal(t, files, u.kept("register"))

	u.vars = append(u.vars, userVariable+"=yes")
	require.Contains(t, u.fails("^TestOfRegister$"), "--- FAIL: TestOfRegister/kept/")

	broken := filepath.Join(u.dir, "testdata/lockstep/register/broken.json")
	require.NoError(t, os.WriteFile(broken, []byte("{}"), 0o666))
	output = u.fails("^TestOfRegister$/^kept$/^broken$")
	require.Contains(t, output, "testdata/lockstep/register/broken.json: invalid plan: ")
	require.Contains(t, output, "remove the file if the plan is of no use any more")
}

// Two tests of one name's parts have lines of their own, and only the one that fails
// fails.
func TestSystemsInSubtests(t *testing.T) {
	u := newUser(t)
	output := u.fails("^TestOfTwo$")
	require.Contains(t, output, "--- PASS: TestOfTwo/register ")
	require.Contains(t, output, "--- FAIL: TestOfTwo/canary/seed-2-liveness-client-stuck")
	require.Contains(t, output, "-run '^TestOfTwo$/^canary$' .")
	require.Equal(t, 1, u.pastes(output))
}

func TestFlags(t *testing.T) {
	for _, c := range []struct {
		name   string
		flags  []string
		passes bool
		want   string
	}{
		{"short", []string{"-test.short", "-lockstep.start=10"}, true, "20 seeds from 10: 0 failed"},
		{"seeds and start", []string{"-lockstep.seeds=5", "-lockstep.start=10"}, true, "5 seeds from 10: 0 failed"},
		{"time", []string{"-lockstep.for=50ms", "-lockstep.shrink=-1"}, false, " seeds from 0: "},
		{"profile", []string{"-lockstep.profile=none", "-lockstep.seeds=3"}, false, "-lockstep.start=2 -lockstep.seeds=1 -lockstep.profile=none"},
		{"no profile", []string{"-lockstep.profile=bad"}, false, `-lockstep flags: profile "bad": want one of [none network crash disk all]`},
		{"no shrinking", []string{"-lockstep.seeds=3", "-lockstep.shrink=-1"}, false, "not shrunk\n"},
		{"no plan", []string{"-lockstep.plan=none.json"}, false, "stat none.json: no such file or directory"},
		{"no time", []string{"-lockstep.seeds=100000000", "-lockstep.start=10", "-lockstep.shrink=-1", "-test.timeout=2s"}, false, "of 100000000 seeds: give it more (go test -timeout), or fewer seeds (-lockstep.seeds)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := newUser(t)
			output, passed := u.test("^TestOfCanary$", c.flags...)
			require.Equal(t, c.passes, passed, output)
			require.Contains(t, output, c.want)
		})
	}
}

// Without -lockstep.keep nothing is written beside the sources, and the line repeats the
// failure nevertheless.
func TestPlansNeedNotBeKept(t *testing.T) {
	u := newUser(t)
	output := u.fails("^TestOfCanary$", "-lockstep.seeds=3", "-lockstep.keep=false")
	require.Empty(t, u.kept("canary"))
	require.Equal(t, 1, u.pastes(output))
}

// The environment variable of the other entry points is understood.
func TestPlanOfTheEnvironment(t *testing.T) {
	u := newUser(t)
	u.fails("^TestOfCanary$", "-lockstep.seeds=3")
	u.vars = append(u.vars, "LOCKSTEP_PLAN=testdata/lockstep/canary/liveness-client-stuck-2.json")
	output := u.fails("^TestOfCanary$")
	require.Contains(t, output, "violated liveness/client-stuck")
	require.NotContains(t, output, "seeds from")
}

// An artefact must show the verdict that it holds.
func TestKeptArtefacts(t *testing.T) {
	u := newUser(t)
	u.fails("^TestOfRegister$")
	dir := filepath.Join(u.dir, "testdata/lockstep/register")
	plan := filepath.Join(dir, u.kept("register")[0])
	cmd := exec.CommandContext(t.Context(), "mine", "replay", plan, "--save", filepath.Join(dir, "expected.json")) // of TestMain
	text, err := cmd.CombinedOutput()
	require.Error(t, err, "%s", text)
	require.NoError(t, os.Remove(plan))

	require.Contains(t, u.fails("^TestOfRegister$"), "--- PASS: TestOfRegister/kept/expected")
	for _, name := range u.kept("register") { // the campaign has kept its failure again
		if name != "expected.json" {
			require.NoError(t, os.Remove(filepath.Join(dir, name)))
		}
	}
	u.vars = append(u.vars, userVariable+"=mended")
	output := u.fails("^TestOfRegister$")
	require.Contains(t, output, "expected violated linearizability/read, which the artefact was kept for\n")
	require.Contains(t, output, "register, seed 0: passed\n")
}

func TestUndecidedHistoriesFail(t *testing.T) {
	u := newUser(t)
	output := u.fails("^TestOfUndecided$")
	require.Contains(t, output, "--- FAIL: TestOfUndecided/seed-7-undecided")
	require.Contains(t, output, "forgetful, seed 7: undecided")
	require.Equal(t, 1, u.pastes(output))
}

func TestNondeterminismFails(t *testing.T) {
	output := newUser(t).fails("^TestOfNondeterminism$")
	require.Regexp(t, `seed \d+ runs in two ways: the runs part at line \d+ of their traces`, output)
}

func TestMisuse(t *testing.T) {
	output := newUser(t).fails("^TestOfNothing$")
	require.Contains(t, output, `harness: system 1: name "no system": want a word without spaces and slashes`)
}

// The fuzz target runs the plans of a few seeds within go test, and fails like campaign.Fuzz.
func TestFuzzTargets(t *testing.T) {
	u := newUser(t)
	output := u.passes("^FuzzOfMended$")
	require.Contains(t, output, "17 plans were run")
	output = u.fails("^FuzzOfRegister$")
	line := regexp.MustCompile(`repeat it: LOCKSTEP_PLAN=(\S+) go test -C \S+ -run '(\S+)' \.`).FindStringSubmatch(output)
	require.NotNil(t, line, output)
	require.Contains(t, u.fails("^FuzzOfCanary$", "-lockstep.plan="+line[1]), `the plan is for "register", not for "canary"`)
	u.vars = append(u.vars, "LOCKSTEP_PLAN="+line[1])
	require.Contains(t, u.fails(line[2]), "violated linearizability/")
}

// All flags have the prefix of the package: they stand among those of other packages.
func TestFlagsAreListed(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	text, _ := exec.CommandContext(t.Context(), self, "-help").CombinedOutput()
	var names []string
	for _, m := range regexp.MustCompile(`(?m)^  -(lockstep\.\w+)`).FindAllStringSubmatch(string(text), -1) {
		names = append(names, m[1])
	}
	slices.Sort(names)
	require.Equal(t, []string{
		"lockstep.for", "lockstep.keep", "lockstep.plan", "lockstep.profile", "lockstep.seeds", "lockstep.shrink", "lockstep.start",
	}, names)
}
