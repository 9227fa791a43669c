package sim

import (
	"fmt"
	"testing"

	"github.com/lockstep-dst/lockstep/sim/disk"

	"github.com/stretchr/testify/require"
)

// clockedStepFunc is a process without a state of its own that reads its clock.
type clockedStepFunc func(now Duration, ev *Event, out *Effects)

func (c clockedStepFunc) Step(now Duration, ev *Event, out *Effects) { c(now, ev, out) }

// eventRecorder reports its events with the time by its clock. At boot it sets a
// timer for 5 ms.
func eventRecorder(c *Config) {
	c.New = func(ID, int) Process {
		return clockedStepFunc(func(now Duration, ev *Event, out *Effects) {
			what := ev.Kind.String()
			if ev.Message != nil {
				what += fmt.Sprint(" ", ev.Message.(note).n)
			}
			out.Observe(textObservation(fmt.Sprintf("%s at %v", what, now)))
			if ev.Kind == Boot {
				out.SetTimer(1, 5*ms)
			}
		})
	}
}

// requests invokes a process at each of the given milliseconds.
func requests(w *World, id ID, numbers ...int) {
	for _, n := range numbers {
		w.Invoke(Duration(n)*ms, id, note{"ask", "x", n})
	}
}

// at schedules a call.
func at(w *World, t Duration, do func()) { w.Schedule(t, "test", do) }

// Events for a paused process wait in order. Its clock goes on meanwhile, so its
// timers are late.
func TestAPausedProcessTakesAllAtOnce(t *testing.T) {
	var facts []string
	w := worldOf(t, 1, idle, eventRecorder, collectTimedObservations(&facts))
	requests(w, 1, 1, 3, 7, 11)
	at(w, 2*ms, func() { w.Pause(1); w.Pause(1) })
	at(w, 9*ms, func() { w.Resume(1) })
	at(w, 10*ms, func() { w.Resume(1) })
	w.Run(sec)
	require.Equal(t, []string{
		"0s 1 boot at 0s", "1ms 1 request 1 at 1ms",
		"10ms 1 request 3 at 10ms", "10ms 1 timer at 10ms", "10ms 1 request 7 at 10ms", "11ms 1 request 11 at 11ms",
	}, facts)
	require.EqualValues(t, 3, w.Hits().Pause)
}

// A process on a suspended host finds that no time has passed, and the rest of
// its timers has still to pass.
func TestASuspendedProcess(t *testing.T) {
	var facts []string
	w := worldOf(t, 1, idle, eventRecorder, collectTimedObservations(&facts))
	requests(w, 1, 3)
	at(w, 2*ms, func() { w.Pause(1); w.StopClock(1) })
	at(w, 10*ms, func() { w.StartClock(1); w.Resume(1) })
	w.Run(sec)
	require.Equal(t, []string{"0s 1 boot at 0s", "10ms 1 request 3 at 2ms", "13ms 1 timer at 5ms"}, facts)
}

// A clock may stop while its process goes on. Timers follow the clock, also
// timers set meanwhile, and timers of a clock that drifts.
func TestAStoppedClock(t *testing.T) {
	var facts []string
	set := func(c *Config) {
		c.Processes[0].Clock.Drift = -500_000
		c.New = func(ID, int) Process {
			return clockedStepFunc(func(now Duration, ev *Event, out *Effects) {
				out.Observe(textObservation(fmt.Sprintf("%v %x at %v", ev.Kind, ev.Token, now)))
				if ev.Kind == Invoke {
					out.SetTimer(uint64(ev.Message.(note).n), 2*ms)
				}
			})
		}
	}
	w := worldOf(t, 1, idle, set, collectTimedObservations(&facts))
	requests(w, 1, 1, 4, 9)
	for _, s := range []Duration{2, 6} { // for 1 ms each
		at(w, s*ms, func() { w.StopClock(1) })
		at(w, (s+1)*ms, func() { w.StartClock(1) })
	}
	at(w, 3500*ms/1000, func() { w.StopClock(1); w.StopClock(1) })
	at(w, 4500*ms/1000, func() { w.StartClock(1); w.StartClock(1); w.StartClock(1) })
	w.Run(sec)
	require.Equal(t, []string{
		"0s 1 boot 1 at 0s",
		"1ms 1 request 0 at 500µs",
		"4ms 1 request 0 at 1.25ms",
		"8ms 1 timer 1 at 2.5ms", // 1 ms + twice 2 ms + three stops
		"9ms 1 request 0 at 3ms",
		"9.5ms 1 timer 4 at 3.25ms", // the rest when the clock went on, and a stop
		"13ms 1 timer 9 at 5ms",
	}, facts)
	require.NotZero(t, w.Hits().Freeze)
}

func TestASlowProcessTakesItsTime(t *testing.T) {
	var facts []string
	w := worldOf(t, 1, idle, eventRecorder, collectTimedObservations(&facts))
	for n := 1; n <= 3; n++ {
		w.Invoke(6*ms, 1, note{"ask", "x", n})
	}
	at(w, 5500*ms/1000, func() { w.Slow(1, 2*ms) })
	at(w, 9*ms, func() { w.Slow(1, 0) })
	w.Run(sec)
	require.Equal(t, []string{
		"0s 1 boot at 0s", "5ms 1 timer at 5ms",
		"6ms 1 request 1 at 6ms", "8ms 1 request 2 at 8ms", "10ms 1 request 3 at 10ms",
	}, facts)
	require.EqualValues(t, 2, w.Hits().Slow)
}

func TestALifeThatEndsWhilePausedTakesWithItWhatWaits(t *testing.T) {
	var facts []string
	w := worldOf(t, 1, idle, eventRecorder, collectTimedObservations(&facts))
	requests(w, 1, 3)
	at(w, 2*ms, func() { w.Pause(1) })
	at(w, 4*ms, func() { w.CrashProcess(1) })
	at(w, 6*ms, func() { w.Start(1) }) // paused still
	at(w, 8*ms, func() { w.Resume(1) })
	w.Run(sec)
	require.Equal(t, []string{"0s 1 boot at 0s", "8ms 1 boot at 8ms", "13ms 1 timer at 13ms"}, facts)
}

func TestHealingEndsAllSlowdown(t *testing.T) {
	var facts []string
	w := worldOf(t, 2, idle, eventRecorder, collectTimedObservations(&facts))
	at(w, 1*ms, func() { w.Pause(1); w.StopClock(1); w.Slow(2, sec) })
	requests(w, 1, 2)
	requests(w, 2, 2)
	at(w, 3*ms, func() { w.Heal(w.cfg.Network) })
	w.Run(sec)
	require.Equal(t, []string{
		"0s 1 boot at 0s", "0s 2 boot at 0s", "2ms 2 request 2 at 2ms", "3ms 1 request 2 at 1ms", "5ms 2 timer at 5ms", "7ms 1 timer at 5ms",
	}, facts)
}

func TestAWipedProcessFindsNothing(t *testing.T) {
	var found []int
	w := worldOf(t, 1, func(ev *Event, out *Effects) {
		if ev.Kind == Boot {
			names, err := ev.Disk.List()
			require.NoError(t, err)
			found = append(found, len(names))
			out.Disk(disk.Request{Op: disk.Write, File: "f", Data: []byte("x"), Token: 1})
			out.Disk(disk.Request{Op: disk.Sync, File: "f", Token: 2})
			out.Disk(disk.Request{Op: disk.SyncDir, Token: 3})
		}
	})
	require.Panics(t, func() { w.Wipe(1) }, "it runs")
	for i := range 2 {
		at(w, Duration(i+1)*sec, func() {
			w.LosePower(1)
			if i == 1 {
				w.Wipe(1)
			}
			w.Start(1)
		})
	}
	w.Run(10 * sec)
	require.Equal(t, []int{0, 1, 0}, found)
}
