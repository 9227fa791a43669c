package campaign

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
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
	Seeds   uint64          // how many; 0: until For has passed or the context ends
	For     time.Duration   // stop after this; 0: after Seeds
	Workers int             // 0: one per processor
	Guard   int             // percent of seeds that run twice, to catch nondeterminism
	Options Options         // of each run
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
	case c.Start+c.Seeds < c.Start:
		return errors.New("seeds: they would pass the largest seed")
	}
	return nil
}

func (c *Campaign) shape() scenarios.Shape {
	s := c.Shape
	s.System, s.Definitions = c.System.Name, c.System.Definitions
	s.Versions, s.Retires, s.Majority = c.System.Versions, c.System.Retires, c.System.Majority
	return s
}

// Plan is the plan of one seed.
func (c *Campaign) Plan(seed uint64) *scenarios.Plan { return scenarios.Generate(seed, c.shape()) }

// Summary is what a campaign has shown so far.
type Summary struct {
	Seeds     uint64
	Failed    uint64 // violated a property
	Undecided uint64
	Events    uint64
	Messages  uint64 // delivered
	Outcomes  Outcomes
	Disks     Disks
	Simulated scenarios.Duration // summed over all seeds
	Wall      time.Duration
	Groups    []*Group // in the order of their first seeds
	Guarded   uint64   // seeds that ran twice
	Differed  []uint64 // those of them whose runs differed
}

// Group is the failures of one signature.
type Group struct {
	Signature string
	First     uint64 // the lowest seed
	Count     uint64
}

// job is one run to do. A guarded seed has two, of which again is the second.
type job struct {
	seed           uint64
	guarded, again bool
}

// outcome is what the collector needs of one run.
type outcome struct {
	job
	result Result // without its history
	err    error
}

// Run runs the campaign until its budget or ctx ends. It tells progress, if not
// nil, after every seed, with a Summary that covers all seeds up to that one:
// seeds are told in order, whatever the workers do, so all but the times is the
// same on every machine. first is set for the first seed of a signature.
func (c *Campaign) Run(ctx context.Context, progress func(s *Summary, seed uint64, first *Group)) (Summary, error) {
	if err := c.Validate(); err != nil {
		return Summary{}, err
	}
	if c.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.For)
		defer cancel()
	}
	workers := processors(c.Workers)
	jobs := make(chan job, workers)
	outcomes := make(chan outcome, workers)
	go c.dispatch(ctx, jobs, workers)
	var pool sync.WaitGroup
	for range workers {
		pool.Go(func() {
			o := c.Options
			o.Memory = &sim.Memory{}
			for j := range jobs {
				outcomes <- c.work(j, o)
			}
		})
	}
	go func() {
		pool.Wait()
		close(outcomes)
	}()
	col := collector{next: c.Start, ahead: map[uint64]outcome{}, guarded: map[uint64]outcome{}, progress: progress}
	begin := time.Now()
	for o := range outcomes {
		col.take(o, time.Since(begin))
	}
	col.sum.Wall = time.Since(begin)
	return col.sum, col.err
}

// processors is how many workers there are, if 0 stands for one a processor.
func processors(workers int) int {
	if workers == 0 {
		return runtime.GOMAXPROCS(0)
	}
	return workers
}

// dispatch hands out seeds in order until the budget is used up. A guarded seed
// is handed out again a little later, most likely to another worker.
func (c *Campaign) dispatch(ctx context.Context, jobs chan<- job, workers int) {
	defer close(jobs)
	var again []uint64
	for i := uint64(0); (c.Seeds == 0 || i < c.Seeds) && ctx.Err() == nil; i++ {
		j := job{seed: c.Start + i, guarded: c.guards(c.Start + i)}
		jobs <- j
		if j.guarded {
			again = append(again, j.seed)
		}
		if len(again) > 0 && again[0]+uint64(workers) <= j.seed {
			jobs <- job{seed: again[0], guarded: true, again: true}
			again = again[1:]
		}
	}
	for _, seed := range again {
		jobs <- job{seed: seed, guarded: true, again: true}
	}
}

func (c *Campaign) guards(seed uint64) bool {
	return keyed.Seed(seed).Name("guard").Below(100) < uint64(c.Guard)
}

// work does one run. It is not cut short when the campaign ends: a verdict is a
// function of the plan alone.
func (c *Campaign) work(j job, o Options) outcome {
	r, err := Run(context.Background(), c.System, c.Plan(j.seed), o)
	r.History.Operations = nil
	return outcome{j, r, err}
}

// collector puts outcomes back into the order of their seeds and sums them up.
type collector struct {
	sum      Summary
	next     uint64             // the seed to be told next
	ahead    map[uint64]outcome // of later seeds
	guarded  map[uint64]outcome // the one that came first of a guarded seed's two
	progress func(*Summary, uint64, *Group)
	err      error
}

func (c *collector) take(o outcome, wall time.Duration) {
	if o.err != nil && c.err == nil {
		c.err = fmt.Errorf("seed %d: %w", o.seed, o.err)
	}
	if o.guarded {
		c.compare(o)
	}
	if o.again {
		return
	}
	c.ahead[o.seed] = o
	for o, ok := c.ahead[c.next]; ok; o, ok = c.ahead[c.next] {
		delete(c.ahead, c.next)
		c.next++
		first := c.add(&o)
		c.sum.Wall = wall
		if c.progress != nil {
			c.progress(&c.sum, o.seed, first)
		}
	}
}

// compare holds the two runs of a guarded seed against each other.
func (c *collector) compare(o outcome) {
	other, ok := c.guarded[o.seed]
	if !ok {
		c.guarded[o.seed] = o
		return
	}
	delete(c.guarded, o.seed)
	c.sum.Guarded++
	if o.result.Hash != other.result.Hash || o.result.Signature() != other.result.Signature() {
		c.sum.Differed = append(c.sum.Differed, o.seed)
		slices.Sort(c.sum.Differed)
	}
}

// add counts o in and returns its group if o is the first of it.
func (c *collector) add(o *outcome) *Group {
	s, r := &c.sum, &o.result
	s.Seeds++
	s.Events += r.Stats.Events
	s.Messages += r.Stats.Delivered
	s.Simulated += r.Simulated
	s.Disks.Add(r.Disks)
	s.Outcomes.Committed += r.Outcomes.Committed
	s.Outcomes.Rejected += r.Outcomes.Rejected
	s.Outcomes.Unknown += r.Outcomes.Unknown
	switch r.Status {
	case Violated:
		s.Failed++
	case Undecided:
		s.Undecided++
	default:
		return nil
	}
	signature := r.Signature()
	for _, g := range s.Groups {
		if g.Signature == signature {
			g.Count++
			return nil
		}
	}
	g := &Group{Signature: signature, First: o.seed, Count: 1}
	s.Groups = append(s.Groups, g)
	return g
}
