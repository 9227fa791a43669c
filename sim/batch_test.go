package sim

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// batchRecorder reports the events of each of its steps as one observation.
type batchRecorder struct{}

func (b batchRecorder) Step(now Duration, ev *Event, out *Effects) {
	b.StepAll(now, []Event{*ev}, out)
}

func (b batchRecorder) StepAll(_ Duration, evs []Event, out *Effects) {
	var names []string
	for i := range evs {
		ev := &evs[i]
		name := ev.Kind.String()
		if ev.Message != nil {
			name += fmt.Sprint(" ", ev.Message.(note).n)
		}
		names = append(names, name)
		if ev.Kind == Boot {
			out.SetTimer(1, 5*ms)
		}
	}
	out.Observe(textObservation(strings.Join(names, ", ")))
}

// inBatches gives the processes a step profile, and has them report their steps.
func inBatches(s StepProfile) func(*Config) {
	return func(c *Config) {
		c.New = func(ID, int) Process { return batchRecorder{} }
		for i := range c.Processes {
			c.Processes[i].Steps = s
		}
	}
}

// Events that are due at one instant are one step, and so are those that waited for
// a step, a pause or the end of slowness.
func TestStepsTakeAllThatHasGathered(t *testing.T) {
	for _, c := range []struct {
		name  string
		steps StepProfile
		fault func(w *World)
		want  []string
	}{
		{"one at a time", StepProfile{}, nil, []string{"5ms 1 timer", "5ms 1 request 1", "5ms 1 request 2", "6ms 1 request 3", "6ms 1 request 4"}},
		{"one instant", StepProfile{Batch: 8}, nil, []string{"5ms 1 timer, request 1, request 2", "6ms 1 request 3, request 4"}},
		{"a small batch", StepProfile{Batch: 2}, nil, []string{"5ms 1 timer, request 1", "5ms 1 request 2", "6ms 1 request 3, request 4"}},
		{"steps that take time", StepProfile{Batch: 8, Time: 4 * ms}, func(w *World) { w.Invoke(3*ms, 1, note{n: 9}) },
			[]string{"4ms 1 request 9", "8ms 1 timer, request 1, request 2, request 3, request 4"}},
		{"one at a time, slowly", StepProfile{Time: ms}, nil, []string{"5ms 1 timer", "6ms 1 request 1", "7ms 1 request 2", "8ms 1 request 3", "9ms 1 request 4"}},
		{"a pause", StepProfile{Batch: 8}, func(w *World) { at(w, 4*ms, func() { w.Pause(1) }); at(w, 9*ms, func() { w.Resume(1) }) },
			[]string{"9ms 1 timer, request 1, request 2, request 3, request 4"}},
		{"a pause and a small batch", StepProfile{Batch: 3}, func(w *World) { at(w, 4*ms, func() { w.Pause(1) }); at(w, 9*ms, func() { w.Resume(1) }) },
			[]string{"9ms 1 timer, request 1, request 2", "9ms 1 request 3, request 4"}},
		{"a restart meanwhile", StepProfile{Batch: 8}, func(w *World) { at(w, 5*ms, func() { w.LosePower(1); w.Start(1) }) },
			[]string{"5ms 1 boot", "5ms 1 request 1, request 2", "6ms 1 request 3, request 4", "10ms 1 timer"}},
		{"a slow process", StepProfile{Batch: 8}, func(w *World) { at(w, 4*ms, func() { w.Slow(1, 3*ms) }) },
			[]string{"5ms 1 timer, request 1, request 2", "8ms 1 request 3, request 4"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var facts []string
			w := worldOf(t, 1, idle, inBatches(c.steps), collectTimedObservations(&facts))
			for n := 1; n <= 4; n++ {
				at(w, 4*ms, func() { w.Invoke(Duration(5+(n-1)/2)*ms, 1, note{n: n}) }) // after the timer was set
			}
			if c.fault != nil {
				c.fault(w)
			}
			w.Run(sec)
			require.Equal(t, "0s 1 boot", facts[0])
			require.Equal(t, c.want, facts[1:])
		})
	}
}

// A process without StepAll gets its events one by one, whatever its profile.
func TestAPlainProcessHasNoBatches(t *testing.T) {
	run := func(edits ...func(*Config)) (facts []string, hash uint64) {
		w := worldOf(t, 1, idle, append(edits, collectTimedObservations(&facts), eventRecorder)...)
		requests(w, 1, 1, 1, 1)
		w.Run(sec)
		return facts, w.Hash()
	}
	facts, hash := run()
	again, other := run(inBatches(StepProfile{Batch: 8}))
	require.Equal(t, facts, again)
	require.Equal(t, hash, other)
}

// The composition of the steps is part of the hash.
func TestBatchesShowInTheHash(t *testing.T) {
	seen := map[uint64]bool{}
	for _, s := range []StepProfile{{}, {Batch: 2}, {Batch: 3}, {Batch: 3, Time: 2 * ms}, {Time: 1}} {
		w := worldOf(t, 1, idle, inBatches(s))
		requests(w, 1, 1, 1, 1)
		w.Run(sec)
		require.False(t, seen[w.Hash()], s)
		seen[w.Hash()] = true
	}
}

func TestBadStepProfiles(t *testing.T) {
	require.ErrorContains(t, StepProfile{Batch: -1}.Validate(), "batch: -1: want 0 to 1024")
	require.ErrorContains(t, StepProfile{Batch: MaxBatch + 1}.Validate(), "batch: 1025: want 0 to 1024")
	require.ErrorContains(t, StepProfile{Time: -1}.Validate(), "time: -1ns: want 0s to 1s")
	_, err := New(Config{New: func(ID, int) Process { return nil }, Processes: []Spec{{ID: 1, Steps: StepProfile{Time: 2 * sec}}}})
	require.ErrorIs(t, err, ErrConfig)
	require.ErrorContains(t, err, "processes[0]: steps: time: 2s")
}
