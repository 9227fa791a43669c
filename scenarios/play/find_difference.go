package play

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// Difference is the first difference of two runs of one plan, which should be the
// same.
type Difference struct {
	Line   int      `json:"line"`   // of the traces, from 1
	Before []string `json:"before"` // the last lines that are the same
	One    string   `json:"one"`    // empty: this run ended here
	Other  string   `json:"other"`
}

func (d *Difference) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the runs part at line %d of their traces:\n", d.Line)
	for _, line := range d.Before {
		fmt.Fprintf(&b, "    %s\n", line)
	}
	for _, side := range []struct{ sign, line string }{{"-", d.One}, {"+", d.Other}} {
		if side.line == "" {
			side.line = "(this run ended)"
		}
		fmt.Fprintf(&b, "  %s %s\n", side.sign, side.line)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// Limits of FindDifference.
const (
	maxPairs     = 20
	contextLines = 3
)

// FindDifference looks for the first difference between runs of a plan that has
// proved nondeterministic. It runs the plan in pairs, side by side, with traces. It
// returns nil if the runs of all of twenty pairs were the same, which can happen if
// a difference is rare.
func FindDifference(ctx context.Context, sys scenarios.System, p *scenarios.Plan) (*Difference, error) {
	for range maxPairs {
		var lines [2][]string
		var errs [2]error
		var both sync.WaitGroup
		for i := range lines {
			both.Go(func() {
				trace := func(l sim.TraceLine) { lines[i] = append(lines[i], l.String()) }
				_, errs[i] = Run(ctx, sys, p, Options{Trace: trace})
			})
		}
		both.Wait()
		for _, err := range errs {
			if err != nil {
				return nil, err
			}
		}
		if d := firstDifference(lines[0], lines[1]); d != nil {
			return d, nil
		}
	}
	return nil, nil
}

// firstDifference is the first difference of two traces, or nil.
func firstDifference(one, other []string) *Difference {
	for i := range max(len(one), len(other)) {
		d := Difference{Line: i + 1}
		if i < len(one) {
			d.One = one[i]
		}
		if i < len(other) {
			d.Other = other[i]
		}
		if d.One != d.Other {
			d.Before = one[max(0, i-contextLines):min(i, len(one))]
			return &d
		}
	}
	return nil
}
