package campaign

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/play"
)

// NoReturn measures from when on a failure is certain: how often the run still fails if the
// choices that the plan leaves open are made anew from an instant on.
type NoReturn struct {
	Signature string            `json:"signature"` // of the failure
	Seeds     int               `json:"seeds"`     // runs from each instant
	Instants  []NoReturnInstant `json:"instants"`  // in order; the first is the begin of the run
}

// NoReturnInstant is the result from one instant on.
type NoReturnInstant struct {
	Event uint64             `json:"event"` // events that the run had by then
	At    scenarios.Duration `json:"at"`    // its time
	Same  int                `json:"same"`  // runs that failed with the signature
	Other int                `json:"other"` // runs that failed in another way
}

// Limits of the instants: those of a first look, and those that come closer to the point of
// no return.
const (
	noReturnLook  = 12
	noReturnSteps = 10
)

// Point is the first instant from which on, as measured, every run fails with the
// signature. ok is false if some runs from the last instant on do not.
func (n *NoReturn) Point() (at NoReturnInstant, ok bool) {
	for _, i := range slices.Backward(n.Instants) {
		if i.Same < n.Seeds {
			break
		}
		at, ok = i, true
	}
	return at, ok
}

// MeasureNoReturn measures a failing plan: at instants that are spread evenly over the
// events up to its violation, and then at more of them around the point of no return. It
// uses a number of seeds at each, and a number of workers, 0 for one per processor.
func MeasureNoReturn(ctx context.Context, sys scenarios.System, p *scenarios.Plan, seeds, workers int) (NoReturn, error) {
	var times []scenarios.Duration
	r, err := play.Run(ctx, sys, p, play.Options{AfterEvent: func(v play.View) {
		for uint64(len(times)) < v.Event() {
			times = append(times, v.Now())
		}
	}})
	if err != nil {
		return NoReturn{}, err
	}
	if r.Status != play.Violated {
		return NoReturn{}, fmt.Errorf("seed %d: %s: only a violation has a point of no return", p.Seed, r.Status)
	}
	n := NoReturn{Signature: r.Signature(), Seeds: seeds}
	last, _ := slices.BinarySearch(times, r.Violation.At+1) // events up to the violation
	m := noReturnMeasure{n: &n, sys: sys, plan: p, times: times, workers: workerCount(workers)}
	for i := range noReturnLook {
		if err := m.add(ctx, uint64(i*last/noReturnLook)); err != nil {
			return n, err
		}
	}
	for range noReturnSteps {
		middle, ok := n.closer(uint64(last))
		if !ok {
			break
		}
		if err := m.add(ctx, middle); err != nil {
			return n, err
		}
	}
	return n, nil
}

// closer is the instant in the middle between the last after which some run does not fail
// and the point of no return.
func (n *NoReturn) closer(last uint64) (event uint64, ok bool) {
	after := last
	if point, ok := n.Point(); ok {
		after = point.Event
	}
	before := uint64(0)
	for _, i := range n.Instants {
		if i.Event < after {
			before = i.Event
		}
	}
	return before + (after-before)/2, after-before > 1
}

// noReturnMeasure measures one instant after the other.
type noReturnMeasure struct {
	n       *NoReturn
	sys     scenarios.System
	plan    *scenarios.Plan
	times   []scenarios.Duration // of all events of the run
	workers int
}

// add measures an instant, unless it is known.
func (m *noReturnMeasure) add(ctx context.Context, event uint64) error {
	place, known := slices.BinarySearchFunc(m.n.Instants, event, func(i NoReturnInstant, e uint64) int { return cmp.Compare(i.Event, e) })
	if known {
		return nil
	}
	i := NoReturnInstant{Event: event}
	if event > 0 {
		i.At = m.times[event-1]
	}
	var same, other, next atomic.Int64
	var pool sync.WaitGroup
	for range min(m.workers, m.n.Seeds) {
		pool.Go(func() {
			for ctx.Err() == nil {
				seed := next.Add(1)
				if int(seed) > m.n.Seeds {
					return
				}
				r, err := play.Run(context.Background(), m.sys, m.plan, play.Options{
					CheckTimeout: DefaultCheckTimeout, Reseed: &play.Reseeding{After: event, Seed: m.plan.Seed + uint64(seed)},
				})
				switch {
				case err != nil || r.Status != play.Violated:
				case r.Signature() == m.n.Signature:
					same.Add(1)
				default:
					other.Add(1)
				}
			}
		})
	}
	pool.Wait()
	i.Same, i.Other = int(same.Load()), int(other.Load())
	m.n.Instants = slices.Insert(m.n.Instants, place, i)
	return ctx.Err()
}
