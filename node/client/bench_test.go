package client_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/client"
	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/server"
	"github.com/lockstep-dst/lockstep/node/tcp/tcptest"
)

// BenchmarkOperations has clients, each with a machine of its own, use three nodes of
// this process. cpu-µs/op is the processor time of clients and nodes together, which
// depends less on other processes than the time that passes.
func BenchmarkOperations(b *testing.B) {
	endpoints := startThree(b)
	for _, kind := range []op.Kind{op.Propose, op.Read} {
		for _, n := range []int{1, 64, 256} {
			for _, over := range []string{"http", "stream"} {
				b.Run(fmt.Sprintf("%v/clients=%d/%s", kind, n, over), func(b *testing.B) {
					c, err := client.New(client.Config{Endpoints: endpoints, HTTPOnly: over == "http", AttemptTimeout: 5 * time.Second})
					require.NoError(b, err)
					defer c.Close()
					benchmarkClients(b, c, n, kind)
				})
			}
		}
	}
}

func startThree(b *testing.B) (endpoints []string) {
	peers := map[node.ID]string{1: tcptest.Address(b), 2: tcptest.Address(b), 3: tcptest.Address(b)}
	for id := node.ID(1); id <= 3; id++ {
		cfg := server.Config{
			Node: node.Defaults(), Cluster: "test", Codec: "cbor", HTTP: "127.0.0.1:0", Peers: peers, Data: b.TempDir(), Queue: 10000,
		}
		cfg.Node.ID = id
		s, err := server.Start(cfg)
		require.NoError(b, err)
		b.Cleanup(func() { _ = s.Close(context.Background()) })
		endpoints = append(endpoints, s.HTTPAddr().String())
	}
	return endpoints
}

func benchmarkClients(b *testing.B, c *client.Client, clients int, kind op.Kind) {
	cycle := []string{"Running", "Stopped", "Init"}
	states, run := make([]int, clients), c.NewName()
	do := func(i int) {
		key := fmt.Sprintf("lifecycle/%s-%d", run, i)
		var r client.Result
		var err error
		if kind == op.Read {
			r, err = c.Get(b.Context(), key)
		} else {
			r, err = c.Propose(b.Context(), key, cycle[states[i]%3])
			states[i]++
		}
		if err != nil || r.Outcome != op.Committed {
			b.Errorf("%+v, %v", r, err)
		}
	}
	for i := range clients {
		do(i)
	}
	var left atomic.Int64
	left.Store(int64(b.N))
	var all sync.WaitGroup
	before := processorTime(b)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range clients {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				do(i)
			}
		})
	}
	all.Wait()
	b.StopTimer()
	b.ReportMetric(float64((processorTime(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
}

// processorTime is the processor time of this process so far.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
