package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/checker/history"
)

const ms = int64(time.Millisecond)

// ended returns an operation by its times in milliseconds.
func ended(kind history.Kind, intended, call, ret int64, o history.Outcome) sample {
	return sample{Operation: history.Operation{Kind: kind, Call: call * ms, Return: ret * ms, Outcome: o}, Intended: intended * ms}
}

// Latency counts from the intended beginning: operations that wait behind a slow
// one are slow, too. Operations of the warm-up are no part of latencies, and commits
// count in the rate when they return.
func TestMeter(t *testing.T) {
	m := newMeter(100*ms, 1100*ms)
	local := ended(history.KindRead, 300, 300, 301, history.Committed)
	local.Local = true
	m.add([]sample{
		ended(history.KindPropose, 10, 10, 20, history.Committed),      // of the warm-up
		ended(history.KindPropose, 90, 90, 590, history.Committed),     // begun in it, ended after
		ended(history.KindPropose, 100, 100, 500, history.Committed),   // slow
		ended(history.KindPropose, 110, 500, 501, history.Committed),   // behind it
		ended(history.KindPropose, 120, 501, 502, history.Rejected),    //
		ended(history.KindRead, 200, 200, 204, history.Committed),      //
		ended(history.KindRead, 1090, 1090, 1200, history.Committed),   // ended after the window
		ended(history.KindPropose, 1000, 1000, 11000, history.Unknown), // given up
		local,
	})
	steps, reads := m.kinds[transitions], m.kinds[linearizableReads]
	require.Equal(t, []int{4, 2, 1, 1, 3}, []int{steps.Operations, steps.Committed, steps.Rejected, steps.Unknown, steps.inTime})
	require.Equal(t, []int{2, 2, 0, 0, 1}, []int{reads.Operations, reads.Committed, reads.Rejected, reads.Unknown, reads.inTime})
	require.Equal(t, 1, m.kinds[localReads].Committed)
	l := newBenchLatency(steps.latency)
	require.InDelta(t, 391, l.P50, 1, "391 ms of the one behind, 400, 382, and 10,000 for the one given up")
	require.InDelta(t, 10_000, l.P99, 20)
	require.InDelta(t, 390, milliseconds(m.late.Max()), 1)
	require.InDelta(t, 400, newBenchLatency(m.committed).Max, 1)
	total := m.total()
	require.Equal(t, []int{7, 5, 1, 1, 5}, []int{total.Operations, total.Committed, total.Rejected, total.Unknown, total.inTime})
	require.Equal(t, 1.0, m.window())
}

func TestMeterOfLoadsThatEndEarly(t *testing.T) {
	m := newMeter(0, 10_000*ms)
	m.add([]sample{ended(history.KindRead, 0, 0, 500, history.Committed)})
	require.Equal(t, 0.5, m.window())
	require.Positive(t, newMeter(0, ms).window(), "nothing has ended")
}

func TestHistogramKeepsTheLongestLatencies(t *testing.T) {
	h := newHistogram()
	record(h, int64(time.Hour))
	record(h, -1)
	require.Equal(t, int64(2), h.TotalCount())
	require.InEpsilon(t, time.Minute, h.Max(), 0.001)
}

func TestLiveLine(t *testing.T) {
	var lines []string
	l := newLiveLine(time.Now().Add(-5*time.Second), func(text string) { lines = append(lines, text) })
	l.add([]sample{ended(history.KindRead, 0, 0, 3, history.Committed)})
	require.Empty(t, lines, "a second has not passed")
	l.next -= time.Second
	l.add([]sample{ended(history.KindRead, 0, 0, 3, history.Unknown)})
	require.Len(t, lines, 1)
	require.Regexp(t, `^5 s: 1 committed/s, median 3.00 ms, 99 % within 3.00 ms, 0 rejected, 1 unknown$`, lines[0])
	require.Zero(t, l.figures.Operations)
}
