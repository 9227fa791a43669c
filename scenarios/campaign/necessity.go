package campaign

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"text/tabwriter"

	"github.com/lockstep-dst/lockstep/scenarios"
)

// Necessity tells what of a plan its failure needs: how often plans fail from
// which one thing was taken, under other seeds too, which decide what the plan
// leaves to chance.
type Necessity struct {
	Signature string `json:"signature"` // of the failure
	Seeds     int    `json:"seeds"`     // that each plan ran with: the plan's own and those after it
	Rows      []Need `json:"rows"`      // the first is the plan as it is
}

// Need is what came of a plan from which one thing was taken.
type Need struct {
	Kind  string `json:"kind"`  // operation, fault, fate or network; empty: nothing was taken
	What  string `json:"what"`  // in words
	Same  int    `json:"same"`  // seeds that failed with the signature
	Other int    `json:"other"` // seeds that failed in another way
}

// Necessary runs a plan that fails, and every plan that has one thing less, with
// a number of seeds each, on all workers (0: one per processor).
func Necessary(ctx context.Context, sys scenarios.System, p *scenarios.Plan, seeds, workers int) (Necessity, error) {
	r, err := Run(ctx, sys, p, Options{})
	if err != nil {
		return Necessity{}, err
	}
	if r.Status != Violated {
		return Necessity{}, fmt.Errorf("seed %d: %s: only a violation has needs", p.Seed, r.Status)
	}
	n := Necessity{Signature: r.Signature(), Seeds: seeds}
	plans := []*scenarios.Plan{p}
	n.Rows = append(n.Rows, Need{What: "the plan as it is"})
	eachLess(p, func(kind, what string, less *scenarios.Plan) {
		n.Rows = append(n.Rows, Need{Kind: kind, What: what})
		plans = append(plans, less)
	})
	return n, n.count(ctx, sys, plans, processors(workers))
}

// eachLess tells of every plan that has one thing less than p.
func eachLess(p *scenarios.Plan, tell func(kind, what string, less *scenarios.Plan)) {
	for i := range p.Operations {
		o, q := &p.Operations[i], *p
		q.Operations = slices.Delete(slices.Clone(p.Operations), i, i+1)
		tell("operation", fmt.Sprintf("%s %v on %s", o.ID, o, o.Machine), &q)
	}
	for i := range p.Faults {
		f, q := &p.Faults[i], *p
		q.Faults = slices.Delete(slices.Clone(p.Faults), i, i+1)
		tell("fault", fmt.Sprintf("%v at %v for %v", f, f.At, f.For), &q)
	}
	for i := range p.Overrides {
		f, q := &p.Overrides[i], *p
		q.Overrides = slices.Delete(slices.Clone(p.Overrides), i, i+1)
		tell("fate", f.String(), &q)
	}
	if q := *p; p.Network != p.Heal.Network() {
		q.Network = p.Heal.Network()
		tell("network", scenarios.Describe(p.Network), &q)
	}
}

// count runs all plans with all seeds.
func (n *Necessity) count(ctx context.Context, sys scenarios.System, plans []*scenarios.Plan, workers int) error {
	same, other := make([]atomic.Int64, len(plans)), make([]atomic.Int64, len(plans))
	var next atomic.Int64
	var pool sync.WaitGroup
	for range workers {
		pool.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1) - 1)
				if i >= len(plans)*n.Seeds {
					return
				}
				q := *plans[i/n.Seeds]
				q.Seed += uint64(i % n.Seeds)
				r, err := Run(context.Background(), sys, &q, Options{})
				switch {
				case err != nil || r.Status != Violated:
				case r.Signature() == n.Signature:
					same[i/n.Seeds].Add(1)
				default:
					other[i/n.Seeds].Add(1)
				}
			}
		})
	}
	pool.Wait()
	for i := range n.Rows {
		n.Rows[i].Same, n.Rows[i].Other = int(same[i].Load()), int(other[i].Load())
	}
	return ctx.Err()
}

// String is the table for people.
func (n Necessity) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s under %d seeds\n", n.Signature, n.Seeds)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "fails so\totherwise\t\n")
	for _, r := range n.Rows {
		what := r.What
		if r.Kind != "" {
			what = "without " + r.Kind + " " + r.What
		}
		fmt.Fprintf(w, "%s\t%s\t  %s\n", n.share(r.Same), n.share(r.Other), what)
	}
	w.Flush()
	return b.String()
}

// share is a part of the seeds in percent.
func (n Necessity) share(part int) string {
	tenths := (part*1000 + n.Seeds/2) / n.Seeds
	if tenths%10 == 0 {
		return fmt.Sprintf("%d %%", tenths/10)
	}
	return fmt.Sprintf("%d.%d %%", tenths/10, tenths%10)
}
