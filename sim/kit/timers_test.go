package kit_test

import (
	"fmt"
	"testing"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/kit"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const (
	ms  = netmodel.Millisecond
	sec = netmodel.Second
)

// processFunc is a process as a function.
type processFunc func(now sim.Duration, ev *sim.Event, out *sim.Effects)

func (f processFunc) Step(now sim.Duration, ev *sim.Event, out *sim.Effects) { f(now, ev, out) }

// fired returns the firings of one process, as in "1ms 2": script is called with each
// event and the timers.
func fired(t testing.TB, during func(w *sim.World), script func(timers *kit.Timers, now sim.Duration, ev *sim.Event, out *sim.Effects)) (all []string) {
	var timers kit.Timers
	w, err := sim.New(sim.Config{
		Processes: []sim.Spec{{ID: 1, Clock: sim.Clock{Drift: 333}}},
		New: func(sim.ID, int) sim.Process {
			timers = kit.Timers{}
			return processFunc(func(now sim.Duration, ev *sim.Event, out *sim.Effects) {
				if name, ok := timers.Fired(now, ev, out); ok {
					all = append(all, fmt.Sprintf("%v %d", now/ms*ms, name))
				}
				script(&timers, now, ev, out)
			})
		},
	})
	require.NoError(t, err)
	w.Start(1)
	during(w)
	w.Run(60 * ms)
	return all
}

func TestPeriodicAndSingleTimers(t *testing.T) {
	got := fired(t, func(*sim.World) {}, func(timers *kit.Timers, now sim.Duration, ev *sim.Event, out *sim.Effects) {
		if ev.Kind == sim.Boot {
			timers.Every(now, out, 1, 20*ms)
			timers.After(now, out, 2, 30*ms)
			timers.After(now, out, 3, 50*ms)
			timers.Cancel(3)
			timers.Cancel(9) // there is none
			require.True(t, timers.Armed(2))
			require.False(t, timers.Armed(3))
			require.False(t, timers.Armed(9))
		}
	})
	require.Equal(t, []string{"20ms 1", "30ms 2", "40ms 1", "60ms 1"}, got[:4])
}

// A timer is due in a pause, and the first event after the pause sets it again: the
// firing that waited is stale.
func TestAStaleFiringIsIgnored(t *testing.T) {
	script := func(timers *kit.Timers, now sim.Duration, ev *sim.Event, out *sim.Effects) {
		switch ev.Kind {
		case sim.Boot:
			timers.After(now, out, 1, 10*ms)
		case sim.Invoke:
			timers.After(now, out, 1, 15*ms)
		}
	}
	pause := func(w *sim.World) {
		w.Invoke(8*ms, 1, kit.Message(token(1)))
		w.Schedule(7*ms, "pause", func() { w.Pause(1) })
		w.Schedule(20*ms, "resume", func() { w.Resume(1) })
	}
	require.Equal(t, []string{"35ms 1"}, fired(t, pause, script))
}

func TestMisuseOfTimers(t *testing.T) {
	var timers kit.Timers
	require.PanicsWithValue(t, "kit: timer 7 every 0s: time would stand still: want a positive period", func() {
		timers.Every(0, &sim.Effects{}, 7, 0)
	})
	timers.After(0, &sim.Effects{}, 7, -1)
	name, ok := timers.Fired(0, &sim.Event{Kind: sim.Timer, Token: 7}, &sim.Effects{})
	require.True(t, ok)
	require.EqualValues(t, 7, name)
	for _, ev := range []*sim.Event{{Kind: sim.Timer, Token: 7}, {Kind: sim.Timer, Token: 8}, {Kind: sim.DiskDone, Token: 7}} {
		_, ok = timers.Fired(0, ev, &sim.Effects{})
		require.False(t, ok, "fired already, never set, no timer")
	}
}

// Whatever a process does with its timers, under pauses, stops of its clock and drift:
// each fires when it is due by its last setting, once, and none that is not.
func TestTimersFireAsLastSet(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		due := map[uint64]sim.Duration{} // the model: by name, in local time
		firings := 0
		var timers kit.Timers
		w, err := sim.New(sim.Config{
			Seed:      rapid.Uint64().Draw(rt, "seed"),
			Processes: []sim.Spec{{ID: 1, Clock: sim.Clock{Drift: rapid.Int32Range(-300_000, 300_000).Draw(rt, "drift")}}},
			New: func(sim.ID, int) sim.Process {
				return processFunc(func(now sim.Duration, ev *sim.Event, out *sim.Effects) {
					if name, ok := timers.Fired(now, ev, out); ok {
						firings++
						at, set := due[name]
						require.True(rt, set, "timer %d is not set", name)
						require.LessOrEqual(rt, at, now, "timer %d is early", name)
						delete(due, name)
						if name == 3 {
							due[name] = now + 7*ms
						}
					}
					if ev.Kind != sim.Invoke {
						return
					}
					name := uint64(kit.Body(ev.Message).(token))
					switch name {
					case 0:
						timers.Cancel(1)
						delete(due, 1)
					case 3:
						timers.Every(now, out, name, 7*ms)
						due[name] = now + 7*ms
					default:
						timers.After(now, out, name, sim.Duration(name)*5*ms)
						due[name] = now + sim.Duration(name)*5*ms
					}
				})
			},
		})
		require.NoError(rt, err)
		w.Start(1)
		for range rapid.IntRange(1, 30).Draw(rt, "actions") {
			at := sim.Duration(rapid.IntRange(0, 60).Draw(rt, "ms")) * ms
			switch name := rapid.IntRange(0, 5).Draw(rt, "what"); name {
			case 4:
				w.Schedule(at, "pause", func() { w.Pause(1) })
				w.Schedule(at+10*ms, "resume", func() { w.Resume(1) })
			case 5:
				w.Schedule(at, "stop clock", func() { w.StopClock(1) })
				w.Schedule(at+10*ms, "start clock", func() { w.StartClock(1) })
			default:
				w.Invoke(at, 1, kit.Message(token(name)))
			}
		}
		w.Run(200 * ms)
		delete(due, 3)
		require.Empty(rt, due, "timers that never fired")
	})
}
