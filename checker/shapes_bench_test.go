package checker

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// shapes are those of docs/JUDGE.md that take about linear time.
var shapes = []shape{
	{model: history.ModelRegister, clients: 20},
	{model: history.ModelRegister, clients: 50, unknown: 50},
	{model: history.ModelRegister, clients: 50, unknown: 50, bad: true},
	{model: history.ModelCASRegister, clients: 20, unknown: 50},
	{model: history.ModelCASRegister, clients: 50, unknown: 50},
	{model: history.ModelCASRegister, clients: 50, unknown: 50, bad: true},
	{model: history.ModelRegister, clients: 20, values: 1000, unknown: 50, versions: true},
	{model: history.ModelCASRegister, clients: 20, values: 5, unknown: 50, versions: true},
	{model: history.ModelRegister, clients: 20, values: 1000, unknown: 50, versions: true, bad: true},
	{model: history.ModelCASRegister, clients: 20, values: 5, unknown: 50, versions: true, bad: true},
	{model: history.ModelRegister, clients: 50, values: 5, unknown: 50},
	{model: history.ModelCASRegister, clients: 20, values: 5, unknown: 50},
	{model: history.ModelCASRegister, clients: 50, values: 5, unknown: 50},
	{model: history.ModelMachine, clients: 20, states: 10},
	{model: history.ModelMachine, clients: 50, states: 10, unknown: 50},
	{model: history.ModelMachine, clients: 64, states: 20, unknown: 600, versions: true},
	{model: history.ModelAppendList, clients: 20, unknown: 50},
	{model: history.ModelAppendList, clients: 50, unknown: 50, bad: true},
	{model: history.ModelLock, clients: 20},
	{model: history.ModelLock, clients: 50, bad: true},
	{model: history.ModelLock, clients: 50, unknown: 50},
	{model: history.ModelQueue, clients: 50},
	{model: history.ModelQueue, clients: 50, bad: true},
	{model: history.ModelQueue, clients: 50, unknown: 50},
	{model: history.ModelQueue, clients: 50, unknown: 50, bad: true},
	{model: history.ModelSet, clients: 50, values: 1000, unknown: 50},
	{model: history.ModelSet, clients: 50, values: 1000, bad: true},
	{model: history.ModelSet, clients: 50, values: 5, unknown: 50},
	{model: history.ModelSet, clients: 50, unknown: 50},
	{model: history.ModelCounter, clients: 20, values: 5},
	{model: history.ModelCounter, clients: 50, values: 1, unknown: 50},
	{model: history.ModelCounter, clients: 50, values: 1, unknown: 50, bad: true},
}

// Shapes get their verdict, with some thousand operations.
func TestShapes(t *testing.T) {
	for _, s := range shapes {
		s.operations = 4000
		t.Run(s.String(), func(t *testing.T) {
			r := Check(context.Background(), s.history(1), Options{Explain: true})
			require.Equal(t, s.verdict(), r.Status, r.Explanation)
			if s.bad {
				require.NotEmpty(t, r.Class)
				require.NotEmpty(t, r.Contradiction)
			}
		})
	}
}

func (s shape) verdict() Status {
	if s.bad {
		return Violated
	}
	return Linearizable
}

// BenchmarkShapes measures a million operations of each shape, as BenchmarkLarge
// does; undecided counts those that are not judged in twenty seconds:
//
//	go test ./checker -run xxx -bench Shapes -benchtime 1x
func BenchmarkShapes(b *testing.B) {
	for _, s := range shapes {
		s.operations = 1_000_000
		b.Run(s.String(), func(b *testing.B) {
			h := s.history(1)
			undecided := 0.0
			b.ReportMetric(peak(b, func() {
				if r := Check(context.Background(), h, Options{Explain: true, Timeout: 20 * time.Second}); r.Status == Undecided {
					undecided = 1
				} else if r.Status != s.verdict() {
					b.Fatal(r)
				}
			}), "peak-MiB")
			b.ReportMetric(undecided, "undecided")
		})
	}
}
