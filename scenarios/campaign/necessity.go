package campaign

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"text/tabwriter"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/play"
)

// Necessity measures which parts of a plan its failure needs: how often the plan
// fails without one part. It uses other seeds too, since the seed decides the
// choices that the plan leaves open.
type Necessity struct {
	Signature string         `json:"signature"` // of the failure
	Seeds     int            `json:"seeds"`     // seeds of each plan: the plan's own and the following ones
	Rows      []NecessityRow `json:"rows"`      // the first is the unchanged plan

	Interrupted bool `json:"interrupted,omitempty"` // the context ended before all rows were done
}

// NecessityRow is the result of a plan without one part.
type NecessityRow struct {
	Kind  string `json:"kind"`  // operation, fault, override or network; empty: the unchanged plan
	What  string `json:"what"`  // the removed part
	Same  int    `json:"same"`  // seeds that failed with the signature
	Other int    `json:"other"` // seeds that failed in another way
}

// NecessityOptions are the options of MeasureNecessityWith.
type NecessityOptions struct {
	Seeds    int                 // seeds of each plan, at least 1
	Workers  int                 // runs at the same time; 0: one per processor
	Progress func(done, all int) // if not nil, receives the rows that are done, from several goroutines
}

// MeasureNecessity is MeasureNecessityWith, without progress.
func MeasureNecessity(ctx context.Context, sys scenarios.System, p *scenarios.Plan, seeds, workers int) (Necessity, error) {
	return MeasureNecessityWith(ctx, sys, p, NecessityOptions{Seeds: seeds, Workers: workers})
}

// MeasureNecessityWith runs a failing plan, and every plan that has one part less, with
// a number of seeds each. When ctx ends, it returns the rows that are done and the error
// of ctx.
func MeasureNecessityWith(ctx context.Context, sys scenarios.System, p *scenarios.Plan, o NecessityOptions) (Necessity, error) {
	r, err := play.Run(ctx, sys, p, play.Options{})
	if err != nil {
		return Necessity{}, err
	}
	if r.Status != play.Violated {
		return Necessity{}, fmt.Errorf("seed %d: %s: only a violation has needs", p.Seed, r.Status)
	}
	n := Necessity{Signature: r.Signature(), Seeds: o.Seeds}
	plans := []*scenarios.Plan{p}
	n.Rows = append(n.Rows, NecessityRow{What: "the plan as it is"})
	scenarios.WithoutEachPart(p, func(kind, what string, less *scenarios.Plan) {
		n.Rows = append(n.Rows, NecessityRow{Kind: kind, What: what})
		plans = append(plans, less)
	})
	return n, n.count(ctx, sys, plans, o)
}

// count runs all plans with all seeds, one plan after the other.
func (n *Necessity) count(ctx context.Context, sys scenarios.System, plans []*scenarios.Plan, o NecessityOptions) error {
	same, other := make([]atomic.Int64, len(plans)), make([]atomic.Int64, len(plans))
	var next, ended atomic.Int64
	var pool sync.WaitGroup
	for range workerCount(o.Workers) {
		pool.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1) - 1)
				if i >= len(plans)*n.Seeds {
					return
				}
				q := *plans[i/n.Seeds]
				q.Seed += uint64(i % n.Seeds)
				r, err := play.Run(context.Background(), sys, &q, play.Options{CheckTimeout: DefaultCheckTimeout})
				switch {
				case err != nil || r.Status != play.Violated:
				case r.Signature() == n.Signature:
					same[i/n.Seeds].Add(1)
				default:
					other[i/n.Seeds].Add(1)
				}
				if runs := ended.Add(1); o.Progress != nil {
					o.Progress(int(runs)/n.Seeds, len(plans))
				}
			}
		})
	}
	pool.Wait()
	n.Rows = n.Rows[:min(len(plans), int(ended.Load())/n.Seeds)]
	for i := range n.Rows {
		n.Rows[i].Same, n.Rows[i].Other = int(same[i].Load()), int(other[i].Load())
	}
	if n.Interrupted = len(n.Rows) < len(plans); n.Interrupted {
		return ctx.Err()
	}
	return nil
}

// String is the table for a person.
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

// share is part as a percentage of the seeds.
func (n Necessity) share(part int) string {
	tenths := (part*1000 + n.Seeds/2) / n.Seeds
	if tenths%10 == 0 {
		return fmt.Sprintf("%d %%", tenths/10)
	}
	return fmt.Sprintf("%d.%d %%", tenths/10, tenths%10)
}
