package etcdraft_test

import (
	"os"
	"testing"

	"github.com/lockstep-dst/lockstep/examples/etcdraft"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/stretchr/testify/require"
)

// Where raft keeps its own randomness, seeds do not always run alike. The guard notices,
// and names the place: a tick after which a node campaigns in one run and not in the
// other, since its election timeout was drawn before.
func TestGuardFindsRandomness(t *testing.T) {
	c := campaignOf(etcdraft.OwnRandomness, 0, 4)
	c.Guard = 100
	sum, err := c.Run(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, sum.Groups, "it is no violation in itself")
	require.NotEmpty(t, sum.Differed)
	d, err := play.FindDifference(t.Context(), c.System, c.Plan(sum.Differed[0]))
	require.NoError(t, err)
	require.NotNil(t, d)
	text := d.String()
	t.Log(text)
	require.Regexp(t, `process \d+ takes the same event in both, at .*, and its effects differ: timer 1\n`, text)
	require.Contains(t, text, "something drawn before without an effect")
	require.Contains(t, text, "see docs/DETERMINISM.md")
}

// Where raft is handed messages without a copy, it changes some: one that asks a former
// leader for the index of a read gets another receiver, and is sent on. Checks of all
// messages notice that the first receiver has changed it.
func TestChangedMessagesAreFound(t *testing.T) {
	data, err := os.ReadFile(misuseFile(etcdraft.Aliased))
	require.NoError(t, err)
	p, err := scenarios.Decode(data)
	require.NoError(t, err)
	r, err := play.Run(t.Context(), etcdraft.System(etcdraft.Aliased), p, play.Options{})
	require.NoError(t, err)
	require.Equal(t, "harness/message-changed", r.Signature())
	require.Regexp(t, `a message of process \d to process \d, sent at .*, has changed, and is ".*MsgReadIndex`, r.Violation.Sentence)
	require.Contains(t, r.Violation.Sentence, "copy, before you send it or keep it")
}
