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

// A process that crashes has not heard yet that a write fails. What is chained to the
// write is not carried out either, however far the disk has come.
func TestChainedRequestIsNotBegunBehindAFailure(t *testing.T) {
	for begun := range 4 {
		for _, power := range []bool{false, true} {
			d := chained()
			d.profile.Keep = netmodel.Always
			d.inFlight[0].err = ErrIO
			d.outcomes = begunOf(begun)
			if power {
				d.LosePower()
			} else {
				d.CrashProcess()
			}
			got, err := d.Read("g")
			require.NoError(t, err)
			require.Equal(t, "old", string(got), "%d of the requests are begun, power is lost: %v", begun, power)
		}
	}
}

// begunOf has so many requests in flight carried out, and everything survive.
type begunOf int

func (n begunOf) completed(keyed.Key, int) int      { return int(n) }
func (begunOf) survives(keyed.Key) bool             { return true }
func (begunOf) sectorsKept(_ keyed.Key, n int) int  { return n }
func (begunOf) scatters(keyed.Key, int) bool        { return false }
func (begunOf) keepsSector(_ keyed.Key, _ int) bool { return true }
