package campaign

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/lockstep-dst/lockstep/sim"
)

// Campaign is many runs: the plans of consecutive seeds, on all workers.
type Campaign struct {
	System  scenarios.System
	Shape   scenarios.Shape // fields about the system are set from System
	Start   uint64          // the first seed
	Seeds   uint64          // number of seeds; 0: until another budget is used up or the context ends
	For     time.Duration   // stop after this wall time; 0: no limit
	Stable  uint64          // stop when so many consecutive seeds have shown nothing new: see Summary.LastNew; 0: never
	Shard   uint64          // of Shards campaigns that share the seeds: this one runs the seeds congruent to Shard
	Shards  uint64          // 0: this one runs them all
	Workers int             // 0: one per processor
	Guard   int             // percent of seeds that run twice, on two workers, to catch nondeterminism and changed messages, and that two checkers check
	Trail   bool            // keep a Trail in the summary: the campaign is a part of a larger one
	Options play.Options    // of each run; a CheckTimeout of 0 is DefaultCheckTimeout
	Resume  Summary         // the last Summary of an earlier Run of the same campaign, which this one resumes
}

// DefaultCheckTimeout bounds the check of one history in a campaign, in wall time.
//
// It is short, so that a campaign never looks as if it hung, and still a thousand times
// as long as most histories take. A time makes a verdict depend on the machine, but
// in one direction only: more time may turn undecided into passed or violated, and
// nothing into undecided. An undecided history is never counted as passed, and the runs of a
// seed have the same hash with any limit.
const DefaultCheckTimeout = 5 * time.Second

// CheckTimeout returns the time that the check of each history has.
func (c *Campaign) CheckTimeout() time.Duration {
	return cmp.Or(c.Options.CheckTimeout, DefaultCheckTimeout)
}

// Validate names the first field that is out of bounds.
func (c *Campaign) Validate() error {
	if err := c.System.Validate(); err != nil {
		return err
	}
	if err := c.shape().Validate(); err != nil {
		return err
	}
	switch {
	case c.Workers < 0 || c.Workers > 1024:
		return fmt.Errorf("workers %d: want 1 to 1024, or 0 for one per processor", c.Workers)
	case c.Guard < 0 || c.Guard > 100:
		return fmt.Errorf("guard %d: want 0 to 100 percent", c.Guard)
	case c.Options.CheckTimeout < 0:
		return fmt.Errorf("check timeout %v: want more than 0, or 0 for %v", c.Options.CheckTimeout, DefaultCheckTimeout)
	case c.For < 0:
		return fmt.Errorf("for %v: want 0 or more", c.For)
	case c.Seeds > 0 && c.Start+(c.Seeds-1) < c.Start:
		return errors.New("seeds: they would pass the largest seed")
	case c.Shards > MaxShards:
		return fmt.Errorf("%d shards: want at most %d", c.Shards, MaxShards)
	case c.Shard != 0 && c.Shard >= c.Shards:
		return fmt.Errorf("shard %d of %d: want less than there are, counted from 0", c.Shard, c.Shards)
	case c.Trail && c.Shards > 1:
		return errors.New("a trail of a shard: want consecutive seeds, without shards")
	}
	return nil
}

func (c *Campaign) shape() scenarios.Shape { return c.System.Shape(c.Shape) }

// Plan returns the plan of one seed.
//
// A seed that is aimed takes runs of its plan, see planOf.
func (c *Campaign) Plan(seed uint64) *scenarios.Plan { return planOf(c.System, c.shape(), seed, nil) }

// Run runs the campaign until a budget is used up or ctx ends. It calls progress,
// if not nil, after every seed, with a Summary of all seeds up to that one. Seeds
// are reported in order, independent of the workers, so everything but the times is
// the same on every host. first is set for the first seed of a signature.
//
// An error ends the campaign. It is about the plan of a seed, which is then not
// reported, never about the result of a run.
func (c *Campaign) Run(ctx context.Context, progress func(s *Summary, seed uint64, first *Group)) (Summary, error) {
	if err := c.Validate(); err != nil {
		return Summary{}, err
	}
	given := ctx
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if c.For > 0 {
		ctx, cancel = context.WithTimeout(ctx, c.For)
		defer cancel()
	}
	col := newCollector(c, progress)
	if col.finished() {
		return col.sum, nil
	}
	for o := range c.runSeeds(ctx) {
		if col.receive(o); col.finished() {
			cancel() // runs in progress end, and are not reported
		}
	}
	col.updateWall()
	timeUp := c.For > 0 && time.Since(col.begin) >= c.For
	col.sum.Interrupted = given.Err() != nil && !timeUp && !col.finished() && !col.seeds.empty
	return col.sum, col.err
}

// workerCount is the number of workers; 0 stands for one per processor.
func workerCount(workers int) int {
	if workers == 0 {
		return runtime.GOMAXPROCS(0)
	}
	return workers
}

// runSeeds makes all workers run seeds until the budget is used up. Workers share
// only the work queue.
func (c *Campaign) runSeeds(ctx context.Context) <-chan jobResult {
	workers := workerCount(c.Workers)
	todo := &workQueue{ctx: ctx, seeds: c.remainingSeeds(), isGuarded: c.isGuarded, singleWorker: workers == 1}
	done := make(chan jobResult, 4*workers) // the collector may be busy with a failure for a while
	var pool sync.WaitGroup
	for w := range workers {
		pool.Go(func() {
			o := c.Options
			o.Buffers, o.CheckTimeout = &sim.Buffers{}, c.CheckTimeout()
			for j, ok := todo.next(w); ok; j, ok = todo.next(w) {
				done <- c.runJob(j, o)
			}
		})
	}
	go func() {
		pool.Wait()
		close(done)
	}()
	return done
}

// runJob does one run. It is not cut short when the campaign ends: a verdict is a
// function of the plan alone.
func (c *Campaign) runJob(j job, o play.Options) jobResult {
	o.CrossCheck = o.CrossCheck || j.guarded
	o.SampleChecks = !j.second
	r, err := play.Run(context.Background(), c.System, planOf(c.System, c.shape(), j.seed, o.Buffers), o)
	r.History.Operations = nil
	return jobResult{j, r, err}
}

func (c *Campaign) isGuarded(seed uint64) bool {
	return keyed.Seed(seed).Name("guard").Below(100) < uint64(c.Guard)
}
