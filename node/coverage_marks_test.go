package node

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Every mark has a name of its own, and the groups of constants are consecutive.
func TestMarksHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for m := range markCount {
		name := m.String()
		require.NotEmpty(t, name, "mark %d", m)
		require.False(t, seen[name], name)
		seen[name] = true
	}
	for m, name := range map[Mark]string{
		MarkFastPath: "fast-path", MarkLateResponse: "late-response", MarkPrepareRejected: "prepare-rejected",
		MarkDedupHit: "dedup-hit", MarkQueueFull: "queue-full", MarkReadQuorumAgreed: "read-quorum-agreed", MarkNoOpRoundRead: "no-op-round-read",
		MarkTornTail: "torn-tail", MarkLogCreatedAgain: "log-created-again", MarkRepairDigestsEqual: "repair-digests-equal", MarkRepairAnswerFull: "repair-answer-full", MarkCarriedOver: "carried-over", markCount - 1: "read-of-other-epoch",
	} {
		require.Equal(t, name, m.String())
	}
	require.Equal(t, MarkAcceptRejected, MarkPrepareRejected+Mark(Accept-Prepare))
}

// Counting is optional.
func TestMarksCostNothingUncounted(t *testing.T) {
	n := &Node{}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		n.mark(MarkPreempted)
		n.markGivenUp(nil, WindowExpired)
		n.markRound(nil, Ballot{}, nil, nil, nil)
	}))
}
