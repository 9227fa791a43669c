package report

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// runOf is a run of one process with these events, a nanosecond apart.
func runOf(texts ...string) *Run {
	r := &Run{Lanes: []Lane{{ID: 1, Kind: "node", Name: "node 1"}}, Violation: &Violation{}}
	for i, text := range texts {
		r.Events = append(r.Events, Event{N: uint64(i + 1), At: Time(i), Lane: 1, Kind: "receive", Text: text})
	}
	r.Violation.Event, r.Violation.At = len(texts)-1, Time(len(texts)-1)
	return r
}

// Events that are alike are counted: the second arrival of a message is one that a run with
// one arrival lacks. Those after the violation do not count.
func TestRunsAreComparedByWhatHappensHowOften(t *testing.T) {
	n := nearest(runOf("boot", "commit", "commit", "commit"), runOf("boot", "timer", "commit", "commit", "later"))
	require.Equal(t, 1, n.Same)
	require.Equal(t, []int{3}, n.OnlyFailing)
	require.Equal(t, []int{1}, n.OnlyPassing)
	require.Equal(t, []PartingOf{{Lane: 1, Event: new(1), Failing: "1ns commit", Passing: "1ns timer"}}, n.Parting)
}

// A violation of the history shows at the response that completes it, and not at another
// event of that instant.
func TestAViolationShowsAtTheResponse(t *testing.T) {
	run := runOf("call", "response", "timer")
	for i := range run.Events[1:] {
		run.Events[i+1].At = 1
	}
	run.Operations = []Operation{{ID: "c1.1", Lane: 1, CallEvent: new(0), Return: new(Time(1)), ReturnEvent: new(1)}, {ID: "c1.2"}}
	v := &Violation{At: 1, Event: 2, Operations: []string{"c1.1"}}
	run.contradict(v)
	require.Equal(t, 1, v.Event)
	require.Equal(t, []int{0, 1}, v.Events)
	require.True(t, run.Operations[0].Contradicts)
	require.False(t, run.Operations[1].Contradicts)
}
