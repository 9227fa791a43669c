package play

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/disk"
	"github.com/stretchr/testify/require"
)

// drawnFrom counts all calls in this process: a source that is no function of the seed.
var drawnFrom atomic.Int64

// noted is an observation.
type noted string

func (n noted) Digest() uint64 { return uint64(len(n)) }
func (n noted) String() string { return string(n) }

// FindDifference names the process, the event and the effect in which two runs part,
// and says what it can come from.
func TestADifferenceIsExplained(t *testing.T) {
	n := func() int64 { return drawnFrom.Add(1) }
	about := &scenarios.Invocation{Operation: &scenarios.Operation{ID: "x", Key: "k"}}
	hello := func(body string) *mail { return &mail{"hello", about, []string{body}} }
	// boots has node 2 do something when it boots; nodes take no hello.
	boots := func(do func(out *sim.Effects)) foreign {
		return foreign{node: func(id sim.ID, _ scenarios.Duration, ev *sim.Event, out *sim.Effects) bool {
			if ev.Kind == sim.Boot && id == 2 {
				do(out)
			}
			return ev.Kind != sim.Receive || ev.Message.(*mail).kind == "hello"
		}}
	}
	for name, c := range map[string]struct {
		foreign
		event, one string
		cause      string
	}{
		"a timer": {
			boots(func(out *sim.Effects) { out.SetTimer(7, scenarios.Duration(n())) }),
			"boot 1", `^timer 7 in \d+ns$`, "the same timer for another time: it is drawn from a source that is no function of the seed",
		},
		"the order of messages": {
			boots(func(out *sim.Effects) {
				first := sim.ID(1 + 2*(n()%2))
				out.Send(first, hello("a"))
				out.Send(4-first, hello("a"))
			}),
			"boot 1", `^send to \d: hello k x a$`, "the same effects in another order: it is the order of a map, or of goroutines",
		},
		"the content of a message": {
			boots(func(out *sim.Effects) { out.Send(3, hello(fmt.Sprint(n()))) }),
			"boot 1", `^send to 3: hello k x \d+$`, "a message with other content: it is drawn from a source",
		},
		"the bytes of a write": {
			boots(func(out *sim.Effects) {
				out.Disk(disk.Request{Op: disk.Write, File: "f", Data: fmt.Appendf(nil, "%10d", n())})
			}),
			"boot 1", `^write f 0\+10, token 0$`, "a disk request with the same text and another digest",
		},
		"the place of a write": {
			boots(func(out *sim.Effects) { out.Disk(disk.Request{Op: disk.Write, File: "f", Offset: n()}) }),
			"boot 1", `^write f \d+\+0, token 0$`, "the same file with other bytes, or at another place",
		},
		"one observation more": {
			boots(func(out *sim.Effects) {
				out.SetTimer(7, ms)
				if n()%2 == 0 {
					out.Observe(noted("even"))
				}
			}),
			"boot 1", `^(observe: even)?$`, "an effect that the other run does not have: the process has other state",
		},
		"a message that goes to another": {
			boots(func(out *sim.Effects) { out.Send(sim.ID(1+2*(n()%2)), hello("a")) }),
			"boot 1", `^send to \d: hello k x a$`, "another message: it is drawn from a source",
		},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := FindDifference(context.Background(), c.system(), calmPlan())
			require.NoError(t, err)
			require.NotNil(t, d)
			require.NotNil(t, d.Step)
			require.True(t, d.Step.Alike)
			require.Equal(t, sim.ID(2), d.Step.Process)
			require.Equal(t, c.event, d.Step.Event)
			require.Regexp(t, c.one, d.Step.One)
			require.Contains(t, d.Cause, c.cause)
			require.Contains(t, d.String(), "process 2 takes the same event in both, at 0s, and its effects differ: boot 1\n")
			require.Equal(t, name == "the bytes of a write", d.Line == 0, "the traces are the same")
			require.Contains(t, d.String(), "; see docs/DETERMINISM.md")
		})
	}
}

// Runs can also part between the steps of processes.
func TestADifferenceOutsideTheProcesses(t *testing.T) {
	step := func(events string) recordedStep { return recordedStep{at: ms, process: 1, events: events} }
	for name, c := range map[string]struct {
		one, other recordedRun
		want       string
	}{
		"the same": {recordedRun{verdict: "a/b"}, recordedRun{verdict: "a/b"}, ""},
		"the verdict": {
			recordedRun{verdict: "a/b"}, recordedRun{},
			"the traces of the runs are the same:\nall events and effects are the same, and the verdicts \"a/b\" and \"\" differ: " +
				"the oracle, or the check's time, decides by something else; see docs/DETERMINISM.md",
		},
		"the end": {
			recordedRun{lines: []string{"x"}, steps: []recordedStep{step("a")}}, recordedRun{},
			"the runs part at line 1 of their traces:\n  - x\n  + (this run ended)\n" +
				"one run ends after steps that are the same: a panic, or the oracle, depends on something else; see docs/DETERMINISM.md",
		},
		"an event": {
			recordedRun{steps: []recordedStep{step("a"), step("b")}}, recordedRun{steps: []recordedStep{step("a"), step("c")}},
			"the traces of the runs are the same:\nafter steps that are the same, process 1 has another event (b, and c): " +
				"a message changed after it was sent, or code outside the processes, in New or in the oracle, differs; see docs/DETERMINISM.md",
		},
	} {
		d := c.one.differenceFrom(&c.other)
		if c.want == "" {
			require.Nil(t, d, name)
			continue
		}
		require.Equal(t, c.want, d.String(), name)
	}
}
