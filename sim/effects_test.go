package sim

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A process can be stepped without a world, for example on a DiskModel.
func TestDiskRequestsOfAStepWithoutAWorld(t *testing.T) {
	var out Effects
	newToy(1, 1).Step(0, &Event{Kind: Boot, Token: 1, Disk: NewDiskModel(0)}, &out)
	require.Equal(t, []DiskRequest{{Op: DiskWrite, File: toyFile, Token: toyWrite}, {Op: DiskSyncDir, Token: toyLink}}, out.DiskRequests())
}
