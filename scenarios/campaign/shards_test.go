package campaign_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/stretchr/testify/require"
)

// A state says of how many shards it is; a list of those that are missing is as long.
func TestAStateOfTooManyShardsIsRefused(t *testing.T) {
	for _, c := range []struct{ shard, shards uint64 }{
		{0, 0}, {3, 3}, {0, campaign.MaxShards + 1}, {0, math.MaxUint64},
	} {
		name := filepath.Join(t.TempDir(), "state.json")
		text := fmt.Sprintf(`{"format": "lockstep-campaign", "version": 1, "shard": %d, "shards": %d}`, c.shard, c.shards)
		require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
		_, err := campaign.MergeStates([]string{name})
		require.ErrorIs(t, err, campaign.ErrState)
		require.ErrorContains(t, err, fmt.Sprintf("%s: cannot go on from this state: it is of shard %d/%d: want at most 65536 shards, counted from 0", name, c.shard, c.shards))
	}
}
