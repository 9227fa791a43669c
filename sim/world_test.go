package sim

import (
	"fmt"
	"math"
	"testing"

	"github.com/lockstep-dst/lockstep/sim/disk"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/stretchr/testify/require"
)

func TestWhatFallsTogetherHappensInTheOrderOfScheduling(t *testing.T) {
	w := worldOf(t, 1, idle)
	var got []string
	say := func(s string) func() { return func() { got = append(got, s) } }
	w.Schedule(ms, "", say("a"))
	w.Schedule(2*ms, "", say("c"))
	w.Schedule(ms, "", func() {
		w.Schedule(0, "", say("d")) // has passed: now, after the actions already scheduled
		say("b")()
	})
	w.Schedule(ms, "", say("c"))
	w.Run(ms)
	require.Equal(t, []string{"a", "b", "c", "d"}, got)
	require.Equal(t, ms, w.Now())
}

func TestEffectsHappenInTheirOrder(t *testing.T) {
	var trace []string
	w := worldOf(t, 1, func(ev *Event, out *Effects) {
		if ev.Kind == Boot {
			out.Observe(textObservation("said first"))
			out.SetTimer(3, -sec)
			out.Send(1, note{kind: "to", operation: "myself"})
			out.Disk(disk.Request{Op: disk.SyncDir, Token: 1})
		}
	}, words(&trace))
	w.Run(ms)
	require.Equal(t, []string{
		"0s           1         boot 1",
		"0s           1         syncdir",
		"0s           1         observation: said first",
		"0s           1         disk done 1",
		"0s           1 ← 1     to myself 0",
		"0s           1         timer 3",
	}, trace)
}

// The owner may act inside Observe: Invoke, Schedule, LosePower and Start all
// work there.
func TestTheObserverMayAct(t *testing.T) {
	var w *World
	requests := 0
	code := stepFunc(func(ev *Event, out *Effects) {
		if ev.Kind == Invoke {
			requests++
			out.Observe(textObservation("one"))
			out.Observe(textObservation("two"))
		}
	})
	w = worldOf(t, 1, code, func(c *Config) {
		c.Observe = func(_ Duration, id ID, f Observation) {
			if f == textObservation("one") && requests < 3 {
				w.LosePower(id)
				w.Start(id)
				w.Invoke(0, id, note{})
			}
		}
	})
	w.Invoke(ms, 1, note{})
	w.Run(sec)
	require.Equal(t, 3, requests)
	require.Equal(t, uint64(2), w.Stats().PowerLosses)
}

func TestAStepWithinAStepPanics(t *testing.T) {
	w := worldOf(t, 1, idle)
	w.Schedule(0, "", func() { w.Run(sec) })
	w.Schedule(0, "", func() {})
	require.PanicsWithValue(t, "sim: a step within a step", func() { w.Run(0) })
}

func TestNeverIsLaterThanTheEndOfTime(t *testing.T) {
	fired := false
	w := worldOf(t, 1, func(ev *Event, out *Effects) {
		fired = fired || ev.Kind == Timer
		if ev.Kind == Boot {
			out.SetTimer(1, math.MaxInt64)
			out.SetTimer(1, MaxTime+1)
		}
	}, func(c *Config) { c.Processes[0].Clock.Drift = -MaxDrift })
	w.Schedule(math.MaxInt64, "", t.FailNow)
	w.Invoke(MaxTime+1, 1, note{})
	for w.Step() {
	}
	require.False(t, fired)
	require.Zero(t, w.Now())
}

func TestAWireCarriesEachCopyOnItsOwn(t *testing.T) {
	carried := 0
	var got []int
	w := worldOf(t, 2, func(ev *Event, out *Effects) {
		switch ev.Kind {
		case Invoke:
			out.Send(1, note{})
			out.Send(2, note{})
		case Receive:
			got = append(got, ev.Message.(note).n)
		}
	}, func(c *Config) {
		c.Network.Duplicate = netmodel.Always
		c.RoundTrip = func(_, _ ID, m Message) Message {
			carried++
			return note{n: carried}
		}
	})
	w.Invoke(0, 1, note{})
	w.Run(sec)
	require.Equal(t, []int{0, 1, 2}, got)
}

// single is a message that arrives at most once.
type single struct{ note }

func (single) Single() bool { return true }

func TestWhatArrivesOnceHasNoCopy(t *testing.T) {
	var got []Message
	w := worldOf(t, 2, func(ev *Event, out *Effects) {
		switch ev.Kind {
		case Invoke:
			out.Send(2, note{})
			out.Send(2, single{})
		case Receive:
			got = append(got, ev.Message)
		}
	}, func(c *Config) { c.Network.Duplicate = netmodel.Always })
	w.Invoke(0, 1, note{})
	w.Run(sec)
	require.ElementsMatch(t, []Message{note{}, note{}, single{}}, got)
}

// letter is a message that can be changed, against the rule for messages.
type letter struct {
	note
	n *int
}

func (l letter) Digest() uint64 { return uint64(*l.n) }
func (l letter) String() string { return fmt.Sprintf("letter %d", *l.n) }

func TestAWireThatSaysSomethingElseIsCaught(t *testing.T) {
	said, heard := 16, 17
	w := worldOf(t, 2, func(ev *Event, out *Effects) {
		if ev.Kind == Invoke {
			out.Send(2, letter{n: &said})
		}
	}, func(c *Config) {
		c.RoundTrip = func(_, _ ID, m Message) Message { return letter{n: &heard} }
	})
	w.Invoke(0, 1, note{})
	require.PanicsWithError(t, `sim: the codec changes a message from 1 to 2: it was "letter 16" and comes out as "letter 17": `+
		"what is decoded must have the Digest of what was encoded", func() { w.Run(sec) })
}

// The digest of one message in sixteen is checked on arrival.
func TestAMessageThatChangesUnderWayIsCaught(t *testing.T) {
	n := 16
	w := worldOf(t, 1, idle)
	w.Invoke(ms, 1, letter{n: &n})
	n++
	require.PanicsWithError(t, `sim: a message of the owner of the world to process 1 has changed, and is "letter 17": found at 1ms, when process 1 was to take it. `+
		"A message never changes once it is sent, since its sender, its receivers and the copies under way have one memory: "+
		"copy, before you send it or keep it, what you will change", func() { w.Run(sec) })
}

// A world that runs for long keeps only the records still to happen.
func TestMemoryDoesNotGrowWithTime(t *testing.T) {
	w := worldOf(t, 2, func(ev *Event, out *Effects) {
		if ev.Kind == Boot || ev.Kind == Timer {
			out.SetTimer(1, ms)
			out.Send(2, note{})
			out.Disk(write("f", 0, "x"))
			out.Disk(sync("f"))
		}
	})
	var tick func()
	tick = func() { w.Schedule(w.Now()+ms, "tick", tick) }
	tick()
	size := func() string {
		return fmt.Sprint(cap(w.queue.slab), len(w.queue.slab), len(w.actions), len(w.PendingRequests(1)))
	}
	w.Run(5 * sec)
	before := size()
	w.Run(20 * sec)
	require.Equal(t, before, size())
}
