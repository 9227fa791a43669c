package natsqueue_test

import (
	"context"
	"io"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios/fleet"
	"github.com/lockstep-dst/lockstep/scenarios/fleet/fleettest"
	"github.com/lockstep-dst/lockstep/scenarios/fleet/natsqueue"
	"github.com/lockstep-dst/lockstep/scenarios/lockstep"
	"github.com/stretchr/testify/require"
)

// The test binary is the program of a system when its first argument is fuzz.
func TestMain(m *testing.M) { fleettest.Main(m, lockstep.System()) }

// The capacity of a fleet depends on the cost of a range for the server:
// docs/FLEET.md has the figures.
func TestARangeCostsFewMessages(t *testing.T) {
	s := start(t, t.TempDir())
	q := open(t, s)
	self, err := os.Executable()
	require.NoError(t, err)
	program, err := fleet.OpenProgram(self, 1)
	require.NoError(t, err)
	const ranges, rangeSeeds = 5, 40
	c := &fleet.Campaign{Name: "night", Build: program.Build, Seeds: ranges * rangeSeeds, RangeSeeds: rangeSeeds, CheckTimeout: 5 * time.Second, Weight: 1, Lease: 30 * time.Second}
	c.Plans.Profile = "none"
	c.Probe, err = program.Probe(t.Context(), t.TempDir(), c)
	require.NoError(t, err)
	begin := traffic(t, s)
	require.NoError(t, fleet.Submit(t.Context(), q, c))
	submitted := traffic(t, s)

	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	w := &fleet.Worker{Name: "ada", Queue: q, Program: program, Dir: t.TempDir(), Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	go func() {
		defer close(ended)
		_ = w.Run(ctx) // the error of ctx
	}()
	require.Eventually(t, func() bool { return left(t, q, c) == fleet.Left{} }, 3*time.Minute, time.Second)
	cancel()
	<-ended
	done := traffic(t, s)
	r, err := fleet.Read(t.Context(), q, c)
	require.NoError(t, err)
	require.EqualValues(t, c.Seeds, r.Seeds)

	submit, work := submitted.minus(begin), done.minus(submitted)
	t.Logf("submit: %d messages in, %d bytes; work, of %d ranges: %d messages in, %d out, %d bytes in, %d bytes out", submit.in, submit.inBytes, ranges, work.in, work.out, work.inBytes, work.outBytes)
	require.Less(t, work.in/ranges, int64(20))
	require.Less(t, work.inBytes/ranges, int64(8<<10))
}

// volume is the traffic of a server.
type volume struct{ in, out, inBytes, outBytes int64 }

func (v volume) minus(o volume) volume {
	return volume{v.in - o.in, v.out - o.out, v.inBytes - o.inBytes, v.outBytes - o.outBytes}
}

func traffic(t *testing.T, s *natsqueue.Server) volume {
	v, err := s.Varz(nil)
	require.NoError(t, err)
	return volume{v.InMsgs, v.OutMsgs, v.InBytes, v.OutBytes}
}
