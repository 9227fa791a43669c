package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/checker"
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/client"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/session"
)

// memoryCluster is a cluster in memory, of machines that are linearizable unless a
// fault is planted.
type memoryCluster struct {
	stall time.Duration // the first operation takes so long
	stale int64         // reads after so many operations see no machine; 0: none

	calls    atomic.Int64
	mu       sync.Mutex
	versions map[string]uint64
}

func (c *memoryCluster) Close()          {}
func (c *memoryCluster) NewName() string { return fmt.Sprintf("n%d", c.calls.Add(1)) }

func (c *memoryCluster) Do(_ context.Context, o session.Operation) (client.Result, error) {
	if o.Name == "n1" {
		time.Sleep(c.stall)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	states := fsm.Lifecycle().States
	r := client.Result{Outcome: node.Committed, Known: true}
	if o.Kind == node.Propose {
		if to := slices.Index(states, o.To); to == int(c.versions[o.Key]+1)%len(states) {
			c.versions[o.Key]++
		} else {
			r.Outcome, r.Reason = node.Rejected, node.Illegal
		}
	}
	r.Version = c.versions[o.Key]
	if n := c.calls.Load(); o.Kind == node.Read && c.stale > 0 && n >= c.stale {
		r.Version = 0
		time.Sleep(time.Millisecond) // so that few operations follow until the judge looks
	}
	r.State = states[int(r.Version)%len(states)]
	return r, nil
}

// loadMemory runs a load with flags on a cluster in memory.
func loadMemory(t testing.TB, c *memoryCluster, flags ...string) (*load, checker.Result, string) {
	t.Helper()
	b := new(bench)
	cmd := &cobra.Command{}
	b.flags(cmd)
	require.NoError(t, cmd.ParseFlags(flags))
	b.set = cmd.Flags().Changed
	require.NoError(t, b.validate())
	c.versions = map[string]uint64{}
	l := newLoad(b, []connection{c})
	defer l.close()
	var errs bytes.Buffer
	cmd.SetErr(&errs)
	cmd.SetContext(context.Background())
	verdict, err := l.run(cmd)
	require.NoError(t, err)
	return l, verdict, errs.String()
}

// All arrivals in a stall are slow, not only the operation that stalls: there is no
// coordinated omission. In a closed loop the stall is one slow operation.
func TestStallCountsForAllThatArriveInIt(t *testing.T) {
	const stall = 300 * time.Millisecond
	slow := func(l *load) (n int64) {
		for _, bar := range l.meter.committed.Distribution() {
			if bar.From >= int64(stall/3) {
				n += bar.Count
			}
		}
		return n
	}
	open, verdict, _ := loadMemory(t, &memoryCluster{stall: stall}, "--rate", "1000", "--arrivals", "even", "--outstanding", "1", "--ops", "500", "--for", "1m")
	require.Equal(t, checker.Linearizable, verdict.Status)
	require.Equal(t, 500, open.meter.total().Operations)
	require.GreaterOrEqual(t, slow(open), int64(200), "those that arrive in the first 200 ms of the stall")
	require.GreaterOrEqual(t, open.meter.late.Max(), int64(stall*9/10))

	closed, _, _ := loadMemory(t, &memoryCluster{stall: stall}, "--clients", "1", "--ops", "500", "--for", "1m")
	require.Equal(t, 500, closed.meter.total().Operations)
	require.Positive(t, slow(closed))
}

// The first violation ends the load, long before its time.
func TestLoadEndsAtViolation(t *testing.T) {
	for _, flags := range [][]string{{"--clients", "4"}, {"--rate", "5000"}} {
		l, verdict, errs := loadMemory(t, &memoryCluster{stale: 1000}, append(flags, "--machines", "2", "--reads", "50", "--for", "10m")...)
		require.Equal(t, checker.Violated, verdict.Status)
		require.Contains(t, errs, "lockstep: violated: lifecycle/load-")
		require.Greater(t, l.meter.total().Operations, 500)
	}
}

// What is prefilled and what is done in the warm-up is judged, and not measured.
func TestLoadMeasuresAfterTheWarmup(t *testing.T) {
	c := new(memoryCluster)
	l, verdict, _ := loadMemory(t, c, "--clients", "3", "--machines", "100", "--spread", "uniform", "--prefill", "--warmup", "20ms", "--ops", "200", "--for", "1m", "--local-reads", "50", "--reads", "20")
	require.Equal(t, checker.Linearizable, verdict.Status)
	require.Equal(t, 200, l.meter.total().Operations)
	for kind, f := range l.meter.kinds {
		require.Positive(t, f.Operations, "%v", opKind(kind))
	}
	judged := l.checker.stream.Operations()
	require.Greater(t, judged, 100)
	require.Less(t, judged, int(c.calls.Load()), "local reads are not judged")
	for m := range 100 {
		require.Positive(t, c.versions[machineKey(l.prefix, m)])
	}
	require.Empty(t, l.recorder.ops, "no history was asked for")
}

// A prefill that fails is an error.
func TestFillFails(t *testing.T) {
	b := &bench{machines: 200_000, clients: 1, prefill: true, prefix: "a", check: true}
	l := newLoad(b, []connection{new(unreachable)})
	require.ErrorContains(t, l.fill(t.Context()), "--prefill: lifecycle/a-")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.True(t, errors.Is(l.fill(ctx), context.Canceled))
}

// unreachable is a cluster that is down.
type unreachable struct{ memoryCluster }

func (*unreachable) Do(context.Context, session.Operation) (client.Result, error) {
	return client.Result{Outcome: node.Unknown, Reason: node.Timeout, Text: "no node has answered in time"}, nil
}

// BenchmarkLoad measures the whole load, its judge included, on a cluster that
// answers at once: the rate at which the load itself would be the limit.
//
//	go test ./cmd/lockstep -run '^$' -bench Load -benchtime 300000x
func BenchmarkLoad(b *testing.B) {
	for name, flags := range map[string][]string{
		"closed": {"--clients", "256", "--machines", "256"},
		"open":   {"--rate", "10000000", "--outstanding", "256", "--machines", "256"},
	} {
		b.Run(name, func(b *testing.B) {
			l, verdict, _ := loadMemory(b, new(memoryCluster), append(flags, "--ops", fmt.Sprint(b.N), "--for", "10m")...)
			require.Equal(b, checker.Linearizable, verdict.Status)
			b.ReportMetric(float64(l.cpu.Nanoseconds())/float64(b.N), "cpu-ns/op")
		})
	}
}
