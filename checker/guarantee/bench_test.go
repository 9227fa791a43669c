package guarantee

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/node/fsm"
)

// busyHistory is a history of so many machines with so many versions each, and
// the observations of two streams and two nodes.
func busyHistory(machines, versions int) (history.History, []Observation) {
	h := history.History{Definitions: []fsm.Definition{fsm.Lifecycle()}}
	cycle := []string{"Init", "Running", "Stopped"}
	names := make([]string, machines)
	for i := range names {
		names[i] = fmt.Sprintf("lifecycle/m-%d", i)
	}
	var seen []Observation
	for v := range versions {
		for m, name := range names {
			now := int64(v*machines+m) * 1000
			from, to := cycle[v%3], cycle[(v+1)%3]
			id := fmt.Sprintf("c%d.%d", m, v)
			h.Operations = append(h.Operations, history.Operation{
				Client: m, ID: id, Machine: name, Kind: history.KindPropose, Argument: to, Outcome: history.Committed,
				Call: now, Return: now + 500, State: to, Version: int64(v + 1),
			})
			for _, w := range []string{"w1", "w2"} {
				seen = append(seen, Observation{Transition, w, now + 300, name, int64(v + 1), 0, to, from, id})
			}
			for _, n := range []string{"n1.1", "n2.1"} {
				seen = append(seen, Observation{Local, n, now + 400, name, int64(v + 1), 0, to, "", ""})
			}
		}
	}
	return h, seen
}

// BenchmarkMillion judges a million observations of a quarter of a million
// operations.
func BenchmarkMillion(b *testing.B) {
	for _, machines := range []int{1, 100, 10_000} {
		h, seen := busyHistory(machines, 250_000/machines)
		b.Run(fmt.Sprintf("machines=%d", machines), func(b *testing.B) {
			b.ReportAllocs()
			var before, after runtime.MemStats
			for b.Loop() {
				runtime.GC()
				runtime.ReadMemStats(&before)
				c, err := New(h, Options{Deadline: time.Second})
				require.NoError(b, err)
				for i := range seen {
					require.NoError(b, c.Add(seen[i]))
				}
				for _, v := range c.Results() {
					require.NotEqual(b, Violated, v.Status, v.Explanation)
				}
				runtime.GC()
				runtime.ReadMemStats(&after)
				runtime.KeepAlive(c)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(seen)), "ns/observation")
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(machines*(250_000/machines)), "B/version")
		})
	}
}

func BenchmarkParseLine(b *testing.B) {
	line := AppendLine(nil, Observation{Transition, "w1", 3_400_000, "lifecycle/web-1", 5, 0, "Stopped", "Running", "c1.2"})
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		_, err := ParseLine(line)
		require.NoError(b, err)
	}
}
