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

// said is a test that keeps what it was failed with first: a real one ends there.
type said struct {
	text, logged string
	ctx          context.Context // of the test; nil: it goes on
}

func (*said) Helper()                           {}
func (*said) Name() string                      { return "TestMine/sub case" }
func (s *said) Logf(format string, args ...any) { s.logged = fmt.Sprintf(format, args...) }
func (s *said) Fatalf(format string, args ...any) {
	s.text = cmp.Or(s.text, fmt.Sprintf(format, args...))
}

func (s *said) Context() context.Context {
	if s.ctx != nil {
		return s.ctx
	}
	return context.Background()
}

// What fails says in one line how to repeat it; and that line's plan is then run
// in place of any other.
func TestRequireSaysHowToRepeatIt(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	c := campaignOf(canary.System(), scenarios.None, 0)
	good, bad := c.Plan(0), c.Plan(2)
	require.Equal(t, canary.Sleeps, canary.WayOf(2))

	var quiet said
	campaign.Require(&quiet, c.System, good)
	require.Empty(t, quiet.text)

	var loud said
	campaign.Require(&loud, c.System, bad)
	line := regexp.MustCompile(`^repeat it: LOCKSTEP_PLAN=(\S+/lockstep-TestMine-sub-case\.json) go test -C \S+/campaign -run '\^TestMine\$/\^sub case\$' \.\nor, with a command that knows the system canary: lockstep replay (\S+)\n`)
	require.Regexp(t, line, loud.text)
	require.Contains(t, loud.text, "violated liveness/client-stuck")

	var again said
	t.Setenv(campaign.PlanVariable, line.FindStringSubmatch(loud.text)[1])
	campaign.Require(&again, c.System, good)
	require.Equal(t, loud.text, again.text)
	again.text = ""
	c.Seeds = 1
	campaign.RequireSeeds(&again, c)
	require.Equal(t, loud.text, again.text)

	t.Setenv(campaign.PlanVariable, "")
	again.text, c.Seeds = "", 3
	campaign.RequireSeeds(&again, c)
	require.Equal(t, loud.text, again.text)
}

func TestRequireNamesAPlanThatIsNone(t *testing.T) {
	file := t.TempDir() + "/plan.json"
	require.NoError(t, os.WriteFile(file, []byte("{}"), 0o666))
	t.Setenv(campaign.PlanVariable, file)
	var loud said
	defer func() {
		require.Contains(t, loud.text, "LOCKSTEP_PLAN: "+file+": ")
		require.NotNil(t, recover(), "a real Fatalf does not return")
	}()
	campaign.Require(&loud, canary.System(), nil)
}
