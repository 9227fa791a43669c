package node

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Every mark has a name of its own, and the groups of constants follow on each
// other.
func TestMarksHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for m := range markCount {
		name := m.String()
		require.NotEmpty(t, name, "mark %d", m)
		require.False(t, seen[name], name)
		seen[name] = true
	}
	for m, name := range map[Mark]string{
		MarkFast: "fast-path", MarkLateAnswer: "late-response", MarkPrepareRefused: "prepare-rejected", MarkDeaf: "received-before-ready",
		MarkKnown: "dedup-hit", MarkOverloaded: "queue-full", MarkReadAgreed: "read-quorum-agreed", MarkIdentityRead: "no-op-round-read",
		MarkTorn: "torn-tail", MarkFormatted: "log-created-again", MarkAgreed: "repair-digests-equal", markCount - 1: "repair-superseded",
	} {
		require.Equal(t, name, m.String())
	}
	require.Equal(t, MarkAcceptRefused, MarkPrepareRefused+Mark(Accept-Prepare))
}

// Nobody has to count.
func TestMarksCostNothingUncounted(t *testing.T) {
	n := &Node{}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		n.mark(MarkDuel)
		n.markGivenUp(nil, Forgotten)
		n.markRound(nil, Ballot{}, nil, nil, nil)
	}))
}
