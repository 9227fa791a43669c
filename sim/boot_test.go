package sim

import (
	"testing"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/stretchr/testify/require"
)

// Boot is the first event of each life, for all records due at the time of the
// start and for all changes in that nanosecond, and no life gets an event after
// its end. In each case the listed calls happen to process 1 at 10ms, when a
// message of process 2 and an invocation, both scheduled before, are due.
func TestBootIsTheFirstEventOfALife(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(w *World)
		want []string
	}{
		"it starts": {
			func(w *World) { w.Start(1) },
			[]string{"10ms 1 boot at 10ms", "10ms 1 request 1 at 10ms", "10ms 1 receive 2 at 10ms", "15ms 1 timer at 15ms"},
		},
		"it starts, and both come again": {
			func(w *World) {
				w.Invoke(0, 1, note{n: 3})
				w.Start(1)
				w.Invoke(0, 1, note{n: 4})
			},
			[]string{
				"10ms 1 boot at 10ms", "10ms 1 request 1 at 10ms", "10ms 1 receive 2 at 10ms",
				"10ms 1 request 3 at 10ms", "10ms 1 request 4 at 10ms", "15ms 1 timer at 15ms",
			},
		},
		"it is lost before its boot": {
			func(w *World) { w.Start(1); w.LosePower(1) },
			nil,
		},
		"its process ends before its boot, and another begins": {
			func(w *World) { w.Start(1); w.CrashProcess(1); w.Start(1) },
			[]string{"10ms 1 boot at 10ms", "10ms 1 request 1 at 10ms", "10ms 1 receive 2 at 10ms", "15ms 1 timer at 15ms"},
		},
		"it starts paused": {
			func(w *World) {
				w.Pause(1)
				w.Start(1)
				at(w, 12*ms, func() { w.Resume(1) })
			},
			[]string{"12ms 1 boot at 12ms", "12ms 1 request 1 at 12ms", "12ms 1 receive 2 at 12ms", "17ms 1 timer at 17ms"},
		},
		"it starts paused, ends so, and begins again": {
			func(w *World) {
				w.Pause(1)
				w.Start(1)
				at(w, 12*ms, func() { w.LosePower(1); w.Resume(1); w.Start(1) })
			},
			[]string{"12ms 1 boot at 12ms", "17ms 1 timer at 17ms"},
		},
		"it starts slow": {
			func(w *World) { w.Slow(1, ms); w.Start(1) },
			[]string{"10ms 1 boot at 10ms", "11ms 1 request 1 at 11ms", "12ms 1 receive 2 at 12ms", "15ms 1 timer at 15ms"},
		},
		"it starts with a clock that stands": {
			func(w *World) {
				w.StopClock(1)
				w.Start(1)
				at(w, 12*ms, func() { w.StartClock(1) })
			},
			[]string{"10ms 1 boot at 10ms", "10ms 1 request 1 at 10ms", "10ms 1 receive 2 at 10ms", "17ms 1 timer at 15ms"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var facts []string
			w := withOneDown(t, &facts)
			at(w, 10*ms, func() { c.do(w) })
			w.Invoke(10*ms, 1, note{n: 1})
			w.Invoke(9*ms, 2, note{n: 2}) // takes 1ms from there to 1
			w.Run(sec)
			require.Equal(t, c.want, facts)
			require.Zero(t, w.startingCount)
		})
	}
}

// The messages that a clogged link holds may be released before their receiver
// starts, and reach it in the same nanosecond.
func TestBootComesBeforeWhatALinkHasHeld(t *testing.T) {
	var facts []string
	w := withOneDown(t, &facts)
	w.Start(1)
	w.Clog(netmodel.Link{From: 2, To: 1})
	w.Invoke(ms, 2, note{n: 1})
	at(w, 3*ms, func() { w.LosePower(1) })
	at(w, 10*ms, func() { w.Heal(w.cfg.Network); w.Start(1) })
	w.Run(sec)
	require.Equal(t, []string{"0s 1 boot at 0s", "10ms 1 boot at 10ms", "10ms 1 receive 1 at 10ms", "15ms 1 timer at 15ms"}, facts)
}

// withOneDown returns a world in which process 1 is down, and 2 sends the
// messages of its invocations on to it.
func withOneDown(t *testing.T, facts *[]string) *World {
	w := worldOf(t, 2, nil, eventRecorder, func(c *Config) {
		code := c.New
		c.New = func(id ID, life int) Process {
			if id == 1 {
				return code(id, life)
			}
			return stepFunc(func(ev *Event, out *Effects) {
				if ev.Kind == Invoke {
					out.Send(1, ev.Message)
				}
			})
		}
	}, collectTimedObservations(facts))
	w.Run(0)
	w.LosePower(1)
	*facts = nil
	return w
}
