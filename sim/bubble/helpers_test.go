package bubble_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/bubble"
	"github.com/lockstep-dst/lockstep/sim/disk"
)

const (
	ms  = netmodel.Millisecond
	sec = netmodel.Second
)

// hosts is the code of the hosts of a world, by id.
type hosts map[sim.ID]bubble.Main

// config returns a world of hosts with links of 5ms.
func (h hosts) config(script func(*sim.World)) bubble.Config {
	c := bubble.Config{
		World: sim.Config{
			Seed:      1,
			Network:   netmodel.Profile{Delay: netmodel.Delay{Min: 5 * ms}},
			NewsDelay: 5 * ms,
		},
		Main:  func(id sim.ID) bubble.Main { return h[id] },
		Until: 10 * netmodel.Minute,
	}
	for id := range sim.ID(200) {
		if h[id] != nil {
			c.World.Processes = append(c.World.Processes, sim.Spec{ID: id, Disk: syncedOnly})
		}
	}
	c.Script = func(w *sim.World) {
		for _, s := range c.World.Processes {
			w.Start(s.ID)
		}
		if script != nil {
			script(w)
		}
	}
	return c
}

// syncedOnly is a disk of which no unsynced write survives a power loss.
var syncedOnly = disk.Profile{Write: netmodel.Delay{Min: ms}, Sync: netmodel.Delay{Min: 10 * ms}}

// run plays the world of hosts, and wants all code to succeed.
func (h hosts) run(t *testing.T, script func(*sim.World)) bubble.Outcome {
	t.Helper()
	o := bubble.Run(t, h.config(script))
	require.NoError(t, o.Err)
	return o
}

// want returns an error if got is not what is wanted.
func want[T comparable](what string, want, got T) error {
	if got != want {
		return fmt.Errorf("%s: got %v, want %v", what, got, want)
	}
	return nil
}

// idle is the code of a host that only listens.
func idle(ctx context.Context, _ *bubble.Host) error {
	<-ctx.Done()
	return nil
}
