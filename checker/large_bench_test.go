package checker

import (
	"context"
	"runtime"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// BenchmarkLarge compares the checkers: time, and the maximum growth of the
// heap beyond the history itself. Porcupine gets only histories that it has a
// chance with, and ten seconds:
//
//	go test ./checker -run xxx -bench Large -benchtime 1x
func BenchmarkLarge(b *testing.B) {
	for _, operations := range []int{1_000, 10_000, 100_000, 1_000_000} {
		for _, clients := range []int{5, 20} {
			for flags := range 8 {
				s := largeHistory{operations: operations, clients: clients, versions: flags&1 > 0, bad: flags&4 > 0}
				if flags&2 > 0 {
					s.unknown = 50
				}
				b.Run(s.String(), func(b *testing.B) { benchmarkLarge(b, s) })
			}
		}
	}
}

func benchmarkLarge(b *testing.B, s largeHistory) {
	h := s.history(1)
	want := Linearizable
	if s.bad {
		want = Violated
	}
	b.Run("by=lockstep", func(b *testing.B) {
		b.ReportMetric(peak(b, func() {
			if r := Check(context.Background(), h, Options{Explain: true}); r.Status != want {
				b.Fatal(r)
			}
		}), "peak-MiB")
	})
	b.Run("by=stream", func(b *testing.B) {
		b.ReportMetric(peak(b, func() {
			if r := stream(b, h, s.versions); r.Status != want {
				b.Fatal(r)
			}
		}), "peak-MiB")
	})
	if s.operations > 10_000 {
		return
	}
	b.Run("by=porcupine", func(b *testing.B) {
		undecided := 0.0
		b.ReportMetric(peak(b, func() {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			m := machines(h.Operations)[0]
			m.automaton, _ = automatonOf(h, m)
			switch m.runPorcupine(ctx, m.checkedOps(), 1<<40) {
			case unsure:
				undecided = 1
			case impossible:
				if !s.bad {
					b.Fatal("Porcupine says it is impossible")
				}
			}
		}), "peak-MiB")
		b.ReportMetric(undecided, "undecided")
	})
}

func stream(b *testing.B, h history.History, versions bool) Result {
	s := NewStream(context.Background(), h, Options{Explain: true, Unversioned: !versions})
	for i, op := range h.Operations {
		if err := s.Add(op); err != nil {
			b.Fatal(err)
		}
		if i%256 == 0 {
			s.Advance(op.Call)
		}
	}
	return s.Finish()
}

// peak returns the maximum growth of the heap, in MiB, while f runs.
func peak(b *testing.B, f func()) float64 {
	read := func() float64 {
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		metrics.Read(sample)
		return float64(sample[0].Value.Uint64()) / (1 << 20)
	}
	runtime.GC()
	before, most := read(), 0.0
	done, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		for {
			select {
			case <-done:
				return
			case <-time.After(time.Millisecond):
				most = max(most, read())
			}
		}
	}()
	for b.Loop() {
		f()
	}
	close(done)
	<-gone
	return max(most, read()) - before
}
