package campaign_test

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"regexp"
	"testing"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/canary"
	"github.com/stretchr/testify/require"
)

// fakeT is a test that keeps its first failure: a real one ends there.
type fakeT struct {
	failure, logged string
	ctx             context.Context // of the test; nil: it continues
}

func (*fakeT) Helper()                           {}
func (*fakeT) Name() string                      { return "TestMine/sub case" }
func (s *fakeT) Logf(format string, args ...any) { s.logged = fmt.Sprintf(format, args...) }
func (s *fakeT) Fatalf(format string, args ...any) {
	s.failure = cmp.Or(s.failure, fmt.Sprintf(format, args...))
}

func (s *fakeT) Context() context.Context {
	if s.ctx != nil {
		return s.ctx
	}
	return context.Background()
}

// A failure's message has one line that repeats it; that line's plan is then run in
// place of any other.
func TestRequireSaysHowToRepeatIt(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	c := campaignOf(canary.System(), scenarios.None, 0)
	good, bad := c.Plan(0), c.Plan(2)
	require.Equal(t, canary.ClientStuck, canary.FailureOf(2))

	var quiet fakeT
	campaign.Require(&quiet, c.System, good)
	require.Empty(t, quiet.failure)

	var loud fakeT
	campaign.Require(&loud, c.System, bad)
	line := regexp.MustCompile(`^repeat it: LOCKSTEP_PLAN=(\S+/lockstep-TestMine-sub-case\.json) go test -C \S+/campaign -run '\^TestMine\$/\^sub case\$' \.\nor, with a command that knows the system canary: lockstep replay (\S+)\nmake it smaller: lockstep shrink (\S+) --out (\S+-small\.json)\n`)
	require.Regexp(t, line, loud.failure)
	require.Contains(t, loud.failure, "violated liveness/client-stuck")

	var again fakeT
	t.Setenv(campaign.PlanVariable, line.FindStringSubmatch(loud.failure)[1])
	campaign.Require(&again, c.System, good)
	require.Equal(t, loud.failure, again.failure)
	again.failure = ""
	c.Seeds = 1
	campaign.RequireSeeds(&again, c)
	require.Equal(t, loud.failure, again.failure)

	t.Setenv(campaign.PlanVariable, "")
	again.failure, c.Seeds = "", 3
	campaign.RequireSeeds(&again, c)
	require.Equal(t, loud.failure, again.failure)
}

func TestRequireNamesAPlanThatIsNone(t *testing.T) {
	file := t.TempDir() + "/plan.json"
	require.NoError(t, os.WriteFile(file, []byte("{}"), 0o666))
	t.Setenv(campaign.PlanVariable, file)
	var loud fakeT
	defer func() {
		require.Contains(t, loud.failure, "LOCKSTEP_PLAN: "+file+": ")
		require.NotNil(t, recover(), "a real Fatalf does not return")
	}()
	campaign.Require(&loud, canary.System(), nil)
}
