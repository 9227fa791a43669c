package lockstep

import (
	"testing"

	"github.com/lockstep-dst/lockstep/node/watch"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/stretchr/testify/require"
)

// A watcher accepts the chosen transitions, in order and once, and nothing else.
func TestWatcherDetectsWrongEvents(t *testing.T) {
	step := func(version uint64, from, to, operation string) watch.Event {
		return watch.Event{Transition: &watch.Transition{Key: key, Version: version, From: from, To: to, Operation: operation}}
	}
	state := func(version uint64, state string) watch.Event {
		return watch.Event{State: &watch.Machine{Key: key, Version: version, State: state}}
	}
	gap := func(from, to uint64) watch.Event { return watch.Event{Gap: &watch.Gap{Key: key, From: from, To: to}} }
	x, y, z := step(1, "Init", "Running", "x"), step(2, "Running", "Stopped", "y"), step(3, "Stopped", "Init", "z")
	for name, c := range map[string]struct {
		events []watch.Event
		misled bool
	}{
		"all of it":              {[]watch.Event{state(0, "Init"), x, y, z}, false},
		"the state again":        {[]watch.Event{x, y, state(2, "Stopped")}, true},
		"a gap":                  {[]watch.Event{gap(1, 2), z}, false},
		"the first is missing":   {[]watch.Event{y}, true},
		"one is told twice":      {[]watch.Event{x, x}, true},
		"one is passed over":     {[]watch.Event{x, z}, true},
		"a gap that begins late": {[]watch.Event{gap(2, 2), z}, true},
		"a gap of nothing":       {[]watch.Event{x, gap(2, 1)}, true},
		"of another operation":   {[]watch.Event{x, step(2, "Running", "Stopped", "z")}, true},
		"to another state":       {[]watch.Event{x, step(2, "Running", "Init", "y")}, true},
		"from another state":     {[]watch.Event{x, step(2, "Init", "Stopped", "y")}, true},
		"another state":          {[]watch.Event{x, state(1, "Stopped")}, true},
		"a state of the past":    {[]watch.Event{x, y, state(1, "Running")}, true},
		"what is not chosen yet": {[]watch.Event{x, y, z, step(4, "Init", "Running", "w")}, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript()
			s.choose(b(1, 1), valueAfter("x", "y", "z"), 1, 2)
			o := s.run.oracle.forNode(0, 1)
			w := &watchClient{first: watch.Selection{Resume: true}, received: map[string]uint64{}}
			var v *scenarios.Violation
			for i := range c.events {
				if v == nil {
					e := newWatched(w, &c.events[i])
					v = o.checkWatched(&e)
				}
			}
			require.Equal(t, c.misled, v != nil)
			if c.misled {
				require.Equal(t, "watch/wrong-change", v.Signature())
			}
		})
	}
}
