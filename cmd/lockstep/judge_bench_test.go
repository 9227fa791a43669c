package main

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/checker"
	"github.com/lockstep-dst/lockstep/checker/history"
)

// BenchmarkJudge measures the cost of recording, counting and judging one operation,
// without the cluster: what a load must afford beside its clients.
//
//	go test ./cmd/lockstep -run '^$' -bench Judge -benchtime 1000000x -cpu 1
func BenchmarkJudge(b *testing.B) {
	for _, c := range []struct{ clients, machines int }{{1, 1}, {64, 64}, {256, 256}, {256, 128}, {256, 16}, {1024, 1}, {256, 100_000}} {
		b.Run(fmt.Sprintf("clients=%d/machines=%d", c.clients, c.machines), func(b *testing.B) {
			b.ReportAllocs()
			r := newRecorder(c.clients)
			r.forget = true
			l := newLiveChecker(r)
			l.meter = newMeter(0, 1<<62)
			t := newMachineTable("m", c.machines)
			versions := make([]int64, c.machines)
			inFlight := make([]sample, c.clients)
			for n := range b.N {
				i := n % c.clients
				if s := &inFlight[i]; n >= c.clients { // it ends; operations of a machine take effect in this order
					m := (n - c.clients) % c.machines
					versions[m]++
					s.Return, s.Outcome, s.Version = r.now(), history.Committed, versions[m]
					s.State = t.states[int(versions[m])%len(t.states)]
					s.Argument = s.State
					r.lane(i + 1).add(*s)
				}
				inFlight[i] = sample{Operation: history.Operation{
					Client: i + 1, ID: "c", Machine: t.keys[n%c.machines], Kind: history.KindPropose, Call: r.lane(i + 1).invoke(),
				}}
				if n%5000 == 4999 { // 50 ms at 100,000 operations a second
					l.advance()
				}
			}
			for i := range r.lanes {
				r.lanes[i].inFlight = false
			}
			require.Equal(b, checker.Linearizable, l.finish().Status)
		})
	}
}
