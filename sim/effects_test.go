package sim

import (
	"testing"

	"github.com/lockstep-dst/lockstep/sim/disk"

	"github.com/stretchr/testify/require"
)

// A process can be stepped without a world, for example on a disk.Model.
func TestDiskRequestsOfAStepWithoutAWorld(t *testing.T) {
	var out Effects
	newToy(1, 1).Step(0, &Event{Kind: Boot, Token: 1, Disk: disk.NewModel(0)}, &out)
	require.Equal(t, []disk.Request{{Op: disk.Write, File: toyFile, Token: toyWrite}, {Op: disk.SyncDir, Token: toyLink}}, out.DiskRequests())
}
