package campaign_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/disk"
	"github.com/stretchr/testify/require"
)

// fileNode is a node that keeps a file. It stops when its disk fails, when the file
// is not as written, or, with stopsForNoReason, in its first life.
type fileNode struct {
	sim.Process
	life             int
	offset           int64
	stopsForNoReason bool
	stopped          bool
}

func (k *fileNode) Step(now scenarios.Duration, ev *sim.Event, out *sim.Effects) {
	if k.stopped {
		return
	}
	err := ev.Err
	if ev.Kind == sim.Boot {
		err = k.boot(ev.Disk, out)
	}
	if ev.Kind == sim.Timer && ev.Token == 1<<40 {
		if k.stopsForNoReason && k.life == 1 {
			err = errors.New("bored")
		}
		out.Disk(disk.Request{Op: disk.Write, File: "file", Offset: k.offset, Data: []byte("x")})
		out.Disk(disk.Request{Op: disk.Sync, File: "file"})
		out.SetTimer(1<<40, 5*ms)
		k.offset++
	}
	if err != nil {
		k.stopped = true
		out.Observe(&scenarios.Stopped{Err: err, RefusedToStart: ev.Kind == sim.Boot})
		return
	}
	if ev.Kind != sim.DiskDone {
		k.Process.Step(now, ev, out)
	}
}

func (k *fileNode) boot(d disk.View, out *sim.Effects) error {
	out.SetTimer(1<<40, 5*ms)
	data, err := d.Read("file")
	if errors.Is(err, disk.ErrNoFile) {
		return nil
	}
	for _, b := range data {
		if b != 'x' {
			return errors.New("damaged")
		}
	}
	k.offset = int64(len(data))
	return err
}

// runFileNodes runs three nodes for 200 ms, and returns the lives of a node. The
// origin's protocol does not survive restarts, but that is not tested here.
func runFileNodes(t *testing.T, quits bool, id sim.ID, faults ...scenarios.Fault) (play.Result, []string) {
	sys := originWith(func(_ *scenarios.Plan, v *variant) {
		v.life = func(n sim.Process, life int) sim.Process {
			return &fileNode{Process: n, life: life, stopsForNoReason: quits}
		}
	})
	c := campaignOf(sys, scenarios.None, 0)
	c.Shape.Clients, c.Shape.Nodes, c.Shape.Operations = 1, 3, 1
	p := c.Plan(1)
	p.Heal.At, p.Faults = 200*ms, faults
	p.Disk.Keep = 1_000_000
	require.NoError(t, p.Validate())
	var lifeEvents []string
	r, err := play.Run(t.Context(), sys, p, play.Options{Trace: func(l sim.TraceLine) {
		if l.ID == id && (l.Text == "process crash" || l.Text == "power loss" || strings.HasPrefix(l.Text, "boot")) {
			lifeEvents = append(lifeEvents, l.At.String()+" "+l.Text)
		}
	}})
	require.NoError(t, err)
	return r, lifeEvents
}

func diskFault(what disk.Fault, at, lasts scenarios.Duration) scenarios.Fault {
	return scenarios.Fault{At: at, For: lasts, Kind: scenarios.DiskFailure, What: what, Nodes: []sim.ID{2}}
}

// A node that stops because of its disk is started again when the disk is in order,
// and not before.
func TestANodeIsRestartedWhenItsDiskIsMended(t *testing.T) {
	r, said := runFileNodes(t, false, 2,
		diskFault(disk.SyncError, 50*ms, 20*ms),
		diskFault(disk.ReadError, 60*ms, 60*ms), // one fault after the other
		diskFault(disk.Full, 40*ms, ms))         // this one has no effect
	require.NotEqual(t, "availability/node-stopped", r.Signature(), r.Sentence())
	require.Len(t, said, 5, said)
	require.Equal(t, "0s boot 1", said[0])
	require.Contains(t, said[1], "process crash")
	require.Equal(t, "80ms boot 2", said[2], "the first fault is over, and what begins later cannot be known")
	require.Equal(t, []string{"80ms process crash", "130ms boot 3"}, said[3:])
	require.EqualValues(t, 2, r.Disks.Stops)
	require.Zero(t, r.Disks.Refusals)
	require.EqualValues(t, 1, r.Disks.Hits[disk.SyncError])
	require.EqualValues(t, 1, r.Disks.Hits[disk.ReadError])
}

// A node that refuses damaged data is lost: it is not started again, and nothing is
// expected of it.
func TestANodeThatRefusesDamageIsLost(t *testing.T) {
	r, said := runFileNodes(t, false, 2,
		diskFault(disk.BitRot, 60*ms, ms),
		scenarios.Fault{At: 70 * ms, For: 10 * ms, Kind: scenarios.PowerLoss, Nodes: []sim.ID{2}},
		scenarios.Fault{At: 100 * ms, For: 10 * ms, Kind: scenarios.ProcessCrash, Nodes: []sim.ID{2}},
		diskFault(disk.Misdirected, 120*ms, ms))
	require.NotEqual(t, "availability/node-stopped", r.Signature(), r.Sentence())
	require.Equal(t, []string{"0s boot 1", "70ms power loss", "80ms boot 2", "80ms process crash"}, said)
	require.EqualValues(t, 1, r.Disks.Refusals)
	require.EqualValues(t, 1, r.Disks.Hits[disk.BitRot])
	require.Zero(t, r.Disks.Hits[disk.Misdirected])
}

// Unread damage is no reason to stop, nor is a fault of another node, nor a fault
// without effect.
func TestANodeThatStopsForNoReasonIsAViolation(t *testing.T) {
	others := diskFault(disk.SyncError, 0, 200*ms)
	others.Nodes = []sim.ID{1, 3}
	for name, f := range map[string]scenarios.Fault{
		"damage": diskFault(disk.BitRot, 1, ms), "of others": others, "nothing": diskFault(disk.ReadError, 0, 200*ms),
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := runFileNodes(t, true, 2, f)
			require.Equal(t, "availability/node-stopped", r.Signature())
			require.Contains(t, r.Sentence(), "stopped, and nothing was wrong with its disk: bored")
		})
	}
}
