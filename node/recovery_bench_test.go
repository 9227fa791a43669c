package node_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/internal/waltest"
	"github.com/stretchr/testify/require"
)

// drive steps a node with an event and executes its disk requests.
func drive(n *node.Node, d waltest.Disk, ev node.Event) error {
	effects, err := n.Step(0, ev)
	for err == nil && len(effects.Disk) > 0 {
		reqs := append(effects.Disk[:0:0], effects.Disk...)
		for _, r := range reqs {
			d.Execute(r)
			effects, err = n.Step(0, node.Event{Kind: node.DiskDone, Token: r.Token})
		}
	}
	return err
}

// bootAlone boots the only node of a cluster, with segments as in production.
func bootAlone(b *testing.B) (*node.Node, node.Config, waltest.Disk) {
	cfg := config(1, 1)
	cfg.Segment = node.Defaults().Segment
	d := waltest.Disk{}
	n, err := node.New(cfg)
	require.NoError(b, err)
	require.NoError(b, drive(n, d, node.Event{Kind: node.Boot, Dir: d, Incarnation: [16]byte{1}}))
	return n, cfg, d
}

// One operation is the boot of a node with a million machines after ten million
// transitions, ten of each. The log has been compacted meanwhile. The disk is in
// memory.
func BenchmarkRecovery(b *testing.B) {
	const machines = 1_000_000
	n, cfg, d := bootAlone(b)
	sequence := 0
	use := func(m, version int) {
		sequence++
		key := fmt.Sprintf("lifecycle/m%d", m)
		require.NoError(b, drive(n, d, node.Event{Kind: node.Receive, From: 101, Message: &node.Request{
			Kind: node.Propose, Key: key, ID: node.Stamp(key, uint64(version), fmt.Sprintf("c1.%d", sequence)),
			To: []string{"Running", "Stopped", "Init"}[version%3],
		}}))
	}
	largest := 0
	for version := range 10 {
		for m := range machines {
			use(m, version)
			if m%1000 == 0 {
				largest = max(largest, sizeOf(d))
			}
		}
	}
	b.ReportMetric(float64(heap())/(1<<20), "heap-before-MiB")
	copied := n.Counters().Copied
	n = nil
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		before := heap()
		b.StartTimer()
		var err error
		n, err = node.New(cfg)
		require.NoError(b, err)
		require.NoError(b, drive(n, d, node.Event{Kind: node.Boot, Dir: d, Incarnation: [16]byte{1}}))
		require.Equal(b, machines, n.MachineCount())
		b.StopTimer()
		b.ReportMetric(float64(heap()-before)/(1<<20), "heap-MiB")
		runtime.KeepAlive(n)
		n = nil
		b.StartTimer()
	}
	b.ReportMetric(float64(sizeOf(d))/(1<<20), "disk-MiB")
	b.ReportMetric(float64(largest)/(1<<20), "disk-at-most-MiB")
	b.ReportMetric(float64(copied), "copied")
}

// heap returns the heap bytes in use after a garbage collection.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
