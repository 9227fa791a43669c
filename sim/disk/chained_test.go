package disk

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
)

// chained has a disk carry out a write and a sync of f, and behind them a chained write
// of g, which exists.
func chained() *Device {
	d := &Device{key: keyed.Seed(1)}
	ask(d, write("g", 0, "old"), sync("g"), Request{Op: SyncDir})
	finish(d)
	behind := write("g", 0, "new")
	behind.Chained = true
	ask(d, write("f", 0, "batch"), sync("f"), behind)
	return d
}

func TestChainedRequestIsDoneBehindASync(t *testing.T) {
	d := chained()
	finish(d)
	got, err := d.Read("g")
	require.NoError(t, err)
	require.Equal(t, "new", string(got))
}

// What is chained to a sync that fails fails too, and is never seen.
func TestChainedRequestFailsWithTheSync(t *testing.T) {
	d := chained()
	d.inFlight[1].err = ErrIO
	var failed []error
	for len(d.inFlight) > 0 {
		failed = append(failed, d.complete().err)
	}
	require.Equal(t, []error{nil, ErrIO, ErrIO}, failed)
	got, err := d.Read("g")
	require.NoError(t, err)
	require.Equal(t, "old", string(got))
}

// At a power loss during the sync, what is chained to it was not begun, though the disk
// keeps all that was.
func TestChainedRequestIsNotBegunBeforeTheSyncIsDone(t *testing.T) {
	for _, syncDone := range []bool{false, true} {
		d := chained()
		d.profile.Keep = netmodel.Always
		d.complete()
		if syncDone {
			d.complete()
		}
		d.LosePower()
		got, err := d.Read("g")
		require.NoError(t, err)
		require.Equal(t, map[bool]string{false: "old", true: "new"}[syncDone], string(got))
		got, err = d.Read("f")
		require.NoError(t, err)
		require.Equal(t, "batch", string(got))
	}
}
