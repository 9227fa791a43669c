package campaign

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// Campaign is many runs: the plans of consecutive seeds, on all workers.
type Campaign struct {
	System  scenarios.System
	Shape   scenarios.Shape // what it says of the system is set from System
	Start   uint64          // the first seed
	Seeds   uint64          // how many; 0: until another budget is used up or the context ends
	For     time.Duration   // stop after this; 0: no matter how long it takes
	Stable  uint64          // stop when so many seeds on end have shown nothing new: see Summary.News; 0: whatever they show
	Shard   uint64          // of Shards campaigns that share the seeds: this one runs those congruent to Shard
	Shards  uint64          // 0: this one runs them all
	Workers int             // 0: one per processor
	Guard   int             // percent of seeds that run twice, on two workers, to catch nondeterminism, and are judged by two checkers
	Options Options         // of each run
	Done    Summary         // what the seeds showed that an earlier Run of the same campaign has told; it is gone on from
}

// Validate names the first field that is out of bounds.
func (c *Campaign) Validate() error {
	if err := c.shape().Validate(); err != nil {
		return err
	}
	switch {
	case c.Workers < 0 || c.Workers > 1024:
		return fmt.Errorf("workers %d: want 1 to 1024, or 0 for one per processor", c.Workers)
	case c.Guard < 0 || c.Guard > 100:
		return fmt.Errorf("guard %d: want 0 to 100 percent", c.Guard)
	case c.For < 0:
		return fmt.Errorf("for %v: want 0 or more", c.For)
	case c.Seeds > 0 && c.Start+(c.Seeds-1) < c.Start:
		return errors.New("seeds: they would pass the largest seed")
	case c.Shard != 0 && c.Shard >= c.Shards:
		return fmt.Errorf("shard %d of %d: want less than there are, counted from 0", c.Shard, c.Shards)
	}
	return nil
}

func (c *Campaign) shape() scenarios.Shape { return shapeOf(c.System, c.Shape) }

// shapeOf is s with what belongs to the system.
func shapeOf(sys scenarios.System, s scenarios.Shape) scenarios.Shape {
	s.System, s.Definitions = sys.Name, sys.Definitions
	s.Versions, s.Retires, s.OperationIDs, s.Majority, s.Forms = sys.Versions, sys.Retires, sys.OperationIDs, sys.Majority, sys.Forms
	return s
}

// Plan is the plan of one seed.
func (c *Campaign) Plan(seed uint64) *scenarios.Plan { return scenarios.Generate(seed, c.shape()) }

// Run runs the campaign until a budget is used up or ctx ends. It tells progress,
// if not nil, after every seed, with a Summary that covers all seeds up to that one:
// seeds are told in order, whatever the workers do, so all but the times is the
// same on every machine. first is set for the first seed of a signature.
//
// An error ends the campaign. It is about the plan of a seed, which is then not told,
// never about what a run showed.
func (c *Campaign) Run(ctx context.Context, progress func(s *Summary, seed uint64, first *Group)) (Summary, error) {
	if err := c.Validate(); err != nil {
		return Summary{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if c.For > 0 {
		ctx, cancel = context.WithTimeout(ctx, c.For)
		defer cancel()
	}
	col := newCollector(c, progress)
	if col.full() {
		return col.sum, nil
	}
	for o := range c.outcomes(ctx) {
		if col.take(o); col.full() {
			cancel() // what is under way ends, and is not told
		}
	}
	col.clock()
	return col.sum, col.err
}

// processors is how many workers there are, if 0 stands for one a processor.
func processors(workers int) int {
	if workers == 0 {
		return runtime.GOMAXPROCS(0)
	}
	return workers
}

// outcomes has all workers run seeds until the budget is used up. A worker
// shares nothing with another but the list of what is to do.
func (c *Campaign) outcomes(ctx context.Context) <-chan outcome {
	workers := processors(c.Workers)
	todo := &todo{ctx: ctx, seeds: c.seeds(), guards: c.guards, alone: workers == 1}
	done := make(chan outcome, 4*workers) // the collector may be busy with a failure for a while
	var pool sync.WaitGroup
	for w := range workers {
		pool.Go(func() {
			o := c.Options
			o.Memory = &sim.Buffers{}
			for j, ok := todo.next(w); ok; j, ok = todo.next(w) {
				done <- c.work(j, o)
			}
		})
	}
	go func() {
		pool.Wait()
		close(done)
	}()
	return done
}

// work does one run. It is not cut short when the campaign ends: a verdict is a
// function of the plan alone.
func (c *Campaign) work(j job, o Options) outcome {
	o.CrossCheck = o.CrossCheck || j.guarded
	r, err := Run(context.Background(), c.System, c.Plan(j.seed), o)
	r.History.Operations = nil
	return outcome{j, r, err}
}

func (c *Campaign) guards(seed uint64) bool {
	return keyed.Seed(seed).Name("guard").Below(100) < uint64(c.Guard)
}
