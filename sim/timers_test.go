package sim

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"github.com/lockstep-dst/lockstep/sim/disk"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// timerSet is a timer that a process is invoked to set.
type timerSet struct {
	at, after Duration
	token     uint64
}

// timerSetter sets a timer at each invocation, by its number in sets, and reports
// the timers that fire.
func timerSetter(sets []timerSet) func(*Config) {
	return func(c *Config) {
		c.New = func(ID, int) Process {
			return clockedStepFunc(func(now Duration, ev *Event, out *Effects) {
				switch ev.Kind {
				case Invoke:
					s := sets[ev.Message.(note).n]
					out.SetTimer(s.token, s.after)
				case Timer:
					out.Observe(textObservation(fmt.Sprintf("%d at %v", ev.Token, now)))
				}
			})
		}
	}
}

// fired returns the observations of a process that sets timers while its clock
// stops at times.
func fired(t testing.TB, sets []timerSet, stops []Duration, long Duration) (facts []string, events uint64) {
	w := worldOf(t, 1, idle, timerSetter(sets), collectObservations(&facts))
	watched := uint64(0)
	w.AfterEvent(func() {
		watched++
		require.Equal(t, watched, w.Events(), "who watches sees events, and nothing else")
	})
	for i, s := range sets {
		w.Invoke(s.at, 1, note{"ask", "x", i})
	}
	for _, s := range stops {
		at(w, s, func() { w.StopClock(1) })
		at(w, s+long, func() { w.StartClock(1) })
	}
	last := Duration(0)
	for w.Step() {
		require.GreaterOrEqual(t, w.Now(), last)
		last = w.Now()
	}
	return facts, w.Events()
}

func TestATimerThatIsSetAgainFiresOnce(t *testing.T) {
	for _, c := range []struct {
		name string
		sets []timerSet
		want []string
	}{
		{"for later", []timerSet{{1 * ms, 5 * ms, 7}, {2 * ms, 6 * ms, 7}}, []string{"7 at 8ms"}},
		{"for earlier", []timerSet{{1 * ms, 9 * ms, 7}, {2 * ms, 3 * ms, 7}}, []string{"7 at 5ms"}},
		{"for earlier, and for later", []timerSet{{1 * ms, 5 * ms, 7}, {2 * ms, 1 * ms, 7}, {2500 * ms / 1000, 9 * ms, 7}}, []string{"7 at 11.5ms"}},
		{"when it has fired", []timerSet{{1 * ms, 1 * ms, 7}, {3 * ms, 1 * ms, 7}}, []string{"7 at 2ms", "7 at 4ms"}},
		{"with another token", []timerSet{{1 * ms, 5 * ms, 7}, {2 * ms, 2 * ms, 8}}, []string{"8 at 4ms", "7 at 6ms"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			facts, events := fired(t, c.sets, nil, 0)
			require.Equal(t, c.want, facts)
			require.EqualValues(t, 1+len(c.sets)+len(c.want), events, "what rings too early is no event")
		})
	}
}

// Timers fire as in a simple model, which computes by the clock when each should
// fire.
func TestTimersFollowTheClock(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		const long = 4 * ms
		var stops []Duration // never when a timer is set or fires
		for at := 2 * ms; at < 100*ms; at += 8 * ms {
			if rapid.Bool().Draw(r, "stops") {
				stops = append(stops, at)
			}
		}
		local := func(at Duration) Duration {
			for _, s := range slices.Backward(stops) {
				at -= min(max(0, at-s), long)
			}
			return at
		}
		var sets []timerSet
		for at := Duration(0); at < 100*ms; at += 8 * ms {
			if rapid.Bool().Draw(r, "sets") {
				sets = append(sets, timerSet{at, 1*ms + 4*ms*Duration(rapid.IntRange(0, 10).Draw(r, "after")), rapid.Uint64Range(0, 2).Draw(r, "token")})
			}
		}
		type firing struct {
			at    Duration
			token uint64
			order int
		}
		var want []firing
		for i, s := range sets {
			due := local(s.at) + s.after
			replaced := slices.ContainsFunc(sets[i+1:], func(o timerSet) bool { return o.token == s.token && local(o.at) < due })
			if !replaced {
				want = append(want, firing{due, s.token, i})
			}
		}
		slices.SortStableFunc(want, func(a, b firing) int { return cmp.Compare(a.at, b.at) })
		var texts []string
		for _, f := range want {
			texts = append(texts, fmt.Sprintf("%d at %v", f.token, f.at))
		}
		facts, _ := fired(t, sets, stops, long)
		slices.Sort(texts) // the order of timers that fire at the same time does not matter
		slices.Sort(facts)
		require.Equal(r, texts, facts)
	})
}

// The process gets a DiskDone for a quiet request only if it fails.
func TestQuietRequests(t *testing.T) {
	var facts []string
	w := worldOf(t, 1, idle, writeQuietly, collectObservations(&facts))
	w.Invoke(1*ms, 1, note{"ask", "x", 1})
	at(w, 50*ms, func() { w.InjectDiskFault(1, disk.WriteError, 60*ms) })
	w.Invoke(51*ms, 1, note{"ask", "x", 2})
	w.Run(sec)
	require.Equal(t, []string{"done 12 <nil>", `done 21 file "f": input/output error`, `done 22 <nil>`}, facts)
}

// A power loss keeps synced data even if the DiskDone has not reached the
// process.
func TestAPowerLossSparesWhatIsDone(t *testing.T) {
	w := worldOf(t, 1, idle, writeQuietly)
	w.Invoke(1*ms, 1, note{"ask", "x", 1})
	at(w, 1*ms+1, func() { w.Pause(1) })
	at(w, 900*ms, func() { w.LosePower(1) })
	w.Run(sec)
	data, err := w.proc(1).disk.Read("f")
	require.NoError(t, err)
	require.Equal(t, "1", string(data))
}

// writeQuietly has a process write and sync at each invocation, and report the
// events that it gets.
func writeQuietly(c *Config) {
	c.Processes[0].Disk.Keep = 0
	c.New = func(ID, int) Process {
		return clockedStepFunc(func(_ Duration, ev *Event, out *Effects) {
			switch ev.Kind {
			case Boot:
				out.Disk(disk.Request{Op: disk.Write, File: "f", Quiet: true})
				out.Disk(disk.Request{Op: disk.SyncDir, Quiet: true})
			case Invoke:
				n := ev.Message.(note).n
				out.Disk(disk.Request{Op: disk.Write, File: "f", Data: fmt.Append(nil, n), Token: uint64(10*n + 1), Quiet: true})
				out.Disk(disk.Request{Op: disk.Sync, File: "f", Token: uint64(10*n + 2)})
			case DiskDone:
				out.Observe(textObservation(fmt.Sprintf("done %d %v", ev.Token, ev.Err)))
			}
		})
	}
}

// collectObservations collects the observations of a world, without times.
func collectObservations(into *[]string) func(*Config) {
	return func(c *Config) {
		c.Observe = func(_ Duration, _ ID, f Observation) { *into = append(*into, f.String()) }
	}
}
