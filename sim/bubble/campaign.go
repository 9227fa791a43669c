package bubble

import (
	"cmp"
	"fmt"
	"testing"

	"github.com/lockstep-dst/lockstep/sim"
)

// Seeds are the seeds of a campaign.
type Seeds struct {
	First uint64 // the first seed; 0 is one, too
	Count int    // how many
	// TwiceEvery has the first of so many seeds run twice, to find out whether equal
	// seeds give equal runs; 0: 10, 1: all.
	TwiceEvery int
}

// Test plays a run for each seed, in a subtest, and fails it if the run does. config
// returns the Config of a seed, new each time, with the seed in Config.World. A seed
// that runs twice with different hashes fails with ErrDiffers.
func Test(t *testing.T, seeds Seeds, config func(seed uint64) Config) {
	t.Helper()
	every := cmp.Or(max(seeds.TwiceEvery, 0), 10)
	for i := range seeds.Count {
		seed := seeds.First + uint64(i)
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			again := func() Config {
				c := config(seed)
				c.World.Seed = seed
				return c
			}
			var o Outcome
			var err error
			if i%every == 0 {
				o, err = Twice(t, again)
			} else {
				o = Run(t, again())
			}
			if o.Err != nil {
				t.Error(o.Err)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// Twice plays the run of a Config two times, and returns the first outcome. config
// makes the Config anew. If the runs differ, the error wraps ErrDiffers and shows the
// first lines of their traces that do, behind the last equal one.
func Twice(t *testing.T, config func() Config) (Outcome, error) {
	t.Helper()
	var first, second []string
	o := Run(t, traced(config(), &first))
	other := Run(t, traced(config(), &second))
	if o.Hash == other.Hash {
		return o, nil
	}
	n := 0
	for n < min(len(first), len(second)) && first[n] == second[n] {
		n++
	}
	if n == len(first) && n == len(second) {
		return o, fmt.Errorf("%w, and their traces are equal: the bytes of a write to a file, or the content of a fact, differ", ErrDiffers)
	}
	return o, fmt.Errorf("%w, after %d equal lines of their traces:\n"+
		"both:   %s\nfirst:  %s\nsecond: %s\n"+
		"The order of goroutines, a choice of select, timers of one instant, the order of a map, or a random number "+
		"decided it: see the package documentation", ErrDiffers, n, lineAt(first, max(n-1, 0)), lineAt(first, n), lineAt(second, n))
}

// traced has the trace of a run kept in lines.
func traced(c Config, lines *[]string) Config {
	also := c.World.Trace
	c.World.Trace = func(l sim.TraceLine) {
		*lines = append(*lines, l.String())
		if also != nil {
			also(l)
		}
	}
	return c
}

// lineAt returns a line of a trace, or tells that it has ended.
func lineAt(lines []string, n int) string {
	if n < len(lines) {
		return lines[n]
	}
	return "(the run has ended)"
}
