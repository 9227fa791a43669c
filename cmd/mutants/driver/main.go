// Command driver is the program that mutants are built into. It has a campaign and
// no more, so that linking is fast. It runs the standard campaign in this process,
// on one worker, until a property is violated or all seeds have run; or it shrinks
// the plan of a seed. It prints the result as JSON.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/lockstep"
	"github.com/lockstep-dst/lockstep/scenarios/play"
)

// Report is the result that the driver prints.
type Report struct {
	Seeds     uint64    `json:"seeds"`               // seeds run, the failing one included
	Seed      uint64    `json:"seed"`                // the failing seed
	Signature string    `json:"signature,omitempty"` // empty: no seed failed
	Sentence  string    `json:"sentence,omitempty"`
	NeverHit  []string  `json:"never_hit,omitempty"` // if no seed failed: the coverage marks that none has hit
	Undecided uint64    `json:"undecided,omitempty"` // seeds whose history the checker could not decide in its time
	Shrunk    *PlanSize `json:"shrunk,omitempty"`
}

// PlanSize is the size of a shrunk plan.
type PlanSize struct {
	Operations int  `json:"operations"`
	Faults     int  `json:"faults"`
	Overrides  int  `json:"overrides"`
	Minimal    bool `json:"minimal"`
}

func main() {
	start := flag.Uint64("start", 0, "the first seed")
	seeds := flag.Uint64("seeds", 1000, "how many at most")
	shrink := flag.Int("shrink", 0, "make the plan of the seed --start small, with so many runs")
	without := flag.String("without", "", "leave a part of the harness out: "+strings.Join(parts(), ", "))
	flag.Parse()
	debug.SetGCPercent(1600)
	c := &campaign.Campaign{
		System: lockstep.System(), Shape: scenarios.Shape{Profile: scenarios.All},
		Start: *start, Seeds: *seeds, Workers: 1,
	}
	var r Report
	err := ablate(c, *without)
	switch {
	case err != nil:
	case *seeds == 0:
		err = errors.New("-seeds 0: want at least 1")
	case *shrink > 0:
		err = r.shrink(c, *shrink)
	default:
		err = r.hunt(c)
	}
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(r)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "driver:", err)
		os.Exit(1)
	}
}

// hunt runs seeds until one fails. A seed with an undecided history has not failed.
func (r *Report) hunt(c *campaign.Campaign) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	sum, err := c.Run(ctx, func(s *campaign.Summary, seed uint64, first *campaign.Group) {
		if first == nil || s.Failed == 0 || r.Signature != "" {
			return
		}
		r.Seeds, r.Seed, r.Signature, r.Undecided = s.Seeds, seed, first.Signature, s.Undecided
		cancel()
	})
	if err != nil {
		return err
	}
	if r.Signature == "" {
		r.Seeds, r.Undecided, r.NeverHit = sum.Seeds, sum.Undecided, sum.NeverHit(c.System)
		return nil
	}
	options := c.Options
	options.SampleChecks = true // as in the run that failed: a codec that loses a field is misuse to the others
	again, err := play.Run(context.Background(), c.System, c.Plan(r.Seed), options)
	if err == nil && again.Signature() != r.Signature {
		err = fmt.Errorf("seed %d was %s, and when it ran again: %q", r.Seed, r.Signature, again.Signature())
	}
	r.Sentence = again.Sentence()
	return err
}

func (r *Report) shrink(c *campaign.Campaign, runs int) error {
	small, err := campaign.Shrink(context.Background(), c.System, c.Plan(c.Start), campaign.ShrinkOptions{Runs: runs, Workers: 1})
	if err != nil {
		return err
	}
	p := small.Plan
	r.Seed, r.Signature = c.Start, small.Signature
	r.Shrunk = &PlanSize{len(p.Operations), len(p.Faults), len(p.Overrides), small.Minimal}
	return nil
}

// disk and clocks are the fault families of the parts with these names.
var (
	disk   = []scenarios.Family{scenarios.DiskErrors, scenarios.DiskDamage}
	clocks = []scenarios.Family{scenarios.Freezes, scenarios.Drifts}
)

// part is a part of the harness that can be left out.
type part struct {
	name   string
	remove func(c *campaign.Campaign)
}

var ablations = []part{
	{"invariants", func(c *campaign.Campaign) { c.System = lockstep.WithoutOracle() }},
	{"swarm", func(c *campaign.Campaign) { c.Shape.Everything = true }},
	{"disk", func(c *campaign.Campaign) { c.Shape.Without = disk }},
	{"clocks", func(c *campaign.Campaign) { c.Shape.Without = clocks }},
	{"aim", func(c *campaign.Campaign) { c.Shape.Aimed = scenarios.Unaimed }},
	{"liveness", func(c *campaign.Campaign) { c.Options.SafetyOnly = true }},
}

func parts() (names []string) {
	for _, p := range ablations {
		names = append(names, p.name)
	}
	return names
}

func ablate(c *campaign.Campaign, name string) error {
	if name == "" {
		return nil
	}
	i := slices.IndexFunc(ablations, func(p part) bool { return p.name == name })
	if i < 0 {
		return errors.New("-without " + name + ": want one of " + strings.Join(parts(), ", "))
	}
	ablations[i].remove(c)
	return nil
}
