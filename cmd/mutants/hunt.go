package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// settings are the same for every mutant.
type settings struct {
	starts  int           // number of campaigns, each from a seed of its own
	seeds   uint64        // of each campaign: at most seedStride
	shrink  int           // runs for shrinking the first failing plan; 0: do not shrink
	without string        // part of the harness to leave out; empty: none
	cpu     time.Duration // processor time that one process may use: see guarded

	// neverHit has, for each campaign, the coverage marks that the first controlSeeds
	// seeds do not hit in the node as it is; nil: marks are not compared.
	neverHit [][]string
}

// markProperty is the property that a mutant violates if a coverage mark is never hit
// that the node as it is hits soon.
const markProperty = "marks/never-hit"

// seedStride is the distance between the first seeds of two campaigns.
const seedStride = 1_000_000_000

// The verdicts on a mutant.
const (
	killed     = "killed"
	survived   = "survived"
	equivalent = "equivalent" // it survived, and its file gives the reason
	undecided  = "undecided"  // too few campaigns ran all their seeds, or judged them: nothing is proved
	broken     = "broken"     // it does not compile, or the driver failed: nothing is proved
)

// finding is the result of the campaigns with a mutant.
type finding struct {
	Name     string           `json:"mutant"`
	Class    string           `json:"class"`
	Status   string           `json:"verdict"`
	Problem  string           `json:"why,omitempty"` // why it is broken, undecided, or was not shrunk
	Property string           `json:"property,omitempty"`
	Sentence string           `json:"sentence,omitempty"` // on the first violation
	Kills    int              `json:"kills"`
	Starts   int              `json:"starts"`            // campaigns run
	Seeds    uint64           `json:"seeds"`             // median over campaigns
	Seconds  float64          `json:"core_seconds"`      // processor time, median over campaigns
	Worst    float64          `json:"worst"`             // core-seconds of the longest campaign
	Shrunk   bool             `json:"shrunk,omitempty"`  // the plan of the first violation was shrunk
	Steps    int              `json:"steps"`             // in the shrunk plan: operations, faults and overrides
	Minimal  bool             `json:"minimal,omitempty"` // no single step can be removed
	Ablated  []ablatedFinding `json:"reduced,omitempty"`
	Tests    *unitResult      `json:"tests,omitempty"` // if its unit tests were run
}

// ablatedFinding is the result of the same campaigns without a part of the harness.
type ablatedFinding struct {
	Without   string  `json:"without"`
	Killed    bool    `json:"killed"`
	Undecided bool    `json:"undecided,omitempty"` // neither killed nor missed: a process had not enough processor time, or a history was not decided
	Seeds     uint64  `json:"seeds"`
	Seconds   float64 `json:"core_seconds"`
}

// missedWithout lists the parts without which the mutant is not found; with a question
// mark if that is undecided.
func (f *finding) missedWithout() (parts []string) {
	for _, r := range f.Ablated {
		switch {
		case r.Undecided:
			parts = append(parts, r.Without+"?")
		case !r.Killed:
			parts = append(parts, r.Without)
		}
	}
	return parts
}

// report is the output of the driver.
type report struct {
	Seeds     uint64
	Seed      uint64
	Signature string
	Sentence  string
	NeverHit  []string `json:"never_hit"` // coverage marks
	Undecided uint64   // seeds whose history the checker could not decide
	Shrunk    *struct {
		Operations int  `json:"operations"`
		Faults     int  `json:"faults"`
		Overrides  int  `json:"overrides"`
		Minimal    bool `json:"minimal"`
	}
	seconds float64
}

// hunt runs a mutant's campaigns, one after the other. The mutant is killed if more
// than half of them find a violation. hunt stops early when that has become
// impossible.
func hunt(ctx context.Context, p program, m *mutant, s settings) finding {
	f := finding{Name: m.name, Class: m.class}
	var all []report
	missed, most := 0, (s.starts-1)/2
	for i := 0; i < s.starts && missed <= most; i++ {
		r, err := runDriver(ctx, p, s, "-start", strconv.Itoa(i*seedStride), "-seeds", strconv.FormatUint(s.seeds, 10))
		if err != nil && !errors.Is(err, errCPU) {
			f.Status, f.Problem = broken, err.Error()
			return f
		}
		r.compareMarks(s, i)
		all = append(all, r)
		f.Starts++
		if r.Signature == "" {
			missed++
			f.explainUndecided(r, err)
			continue
		}
		if f.Kills++; f.Kills == 1 {
			f.Property, f.Sentence = r.Signature, r.Sentence
		}
	}
	f.setMedians(all)
	switch {
	case missed <= most:
		f.Status, f.Problem = killed, ""
	case f.Problem != "":
		f.Status = undecided
	default:
		f.Status = survived
	}
	if first := slices.IndexFunc(all, func(r report) bool { return r.Signature != "" && r.Signature != markProperty }); first >= 0 && s.shrink > 0 {
		f.shrink(ctx, p, s, all[first].Seed)
	}
	f.checkEquivalence(m)
	return f
}

// compareMarks makes a violation of a coverage mark that the i-th campaign has never
// hit, though the node as it is hits it within far fewer seeds.
func (r *report) compareMarks(s settings, i int) {
	if r.Signature != "" || s.neverHit == nil || r.Seeds < controlSeeds {
		return
	}
	for _, mark := range r.NeverHit {
		if !slices.Contains(s.neverHit[i], mark) {
			r.Signature = markProperty
			r.Sentence = fmt.Sprintf("coverage mark %s was never hit by %d seeds; the first %d hit it in the node as it is", mark, r.Seeds, controlSeeds)
			return
		}
	}
}

// explainUndecided keeps the reason why a campaign without a violation proves
// nothing, if there is one: the end of its processor time, or an undecided history.
func (f *finding) explainUndecided(r report, err error) {
	switch {
	case err != nil:
		f.Problem = err.Error()
	case r.Undecided > 0:
		f.Problem = fmt.Sprintf("the checker could not decide %d of %d histories", r.Undecided, r.Seeds)
	}
}

// checkEquivalence compares the status with the mutant's file, which may argue that
// the mutant is equivalent.
func (f *finding) checkEquivalence(m *mutant) {
	switch {
	case m.equivalent != "" && f.Status == survived && f.Kills == 0:
		f.Status = equivalent
	case m.equivalent != "" && f.Kills > 0:
		f.Status, f.Problem = broken, "its file argues that it is equivalent, and it was killed: "+f.Sentence
	}
}

// addTests adds the result of the unit tests. A mutant is killed if a campaign or a
// test finds it.
func (f *finding) addTests(m *mutant, r unitResult) {
	f.Tests = &r
	switch {
	case f.Status == broken || f.Status == killed && r.Status != broken:
	case m.equivalent != "" && r.Status == survived:
		f.Status = equivalent
	case m.equivalent != "" && r.Status == killed:
		f.Status, f.Problem = broken, "its file argues that it is equivalent, and it was killed by "+r.Test
	case f.Status == undecided && r.Status == survived:
	default:
		f.Status, f.Problem = r.Status, r.Problem
	}
}

// killer is the property or the test that found the mutant.
func (f *finding) killer() string {
	if f.Property == "" && f.Tests != nil {
		return f.Tests.Test
	}
	return f.Property
}

// setMedians computes the medians. A campaign that found nothing counts with its
// whole run.
func (f *finding) setMedians(all []report) {
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b report) int { return cmp.Compare(a.Seeds, b.Seeds) })
	f.Seeds = all[len(all)/2].Seeds
	slices.SortFunc(all, func(a, b report) int { return cmp.Compare(a.seconds, b.seconds) })
	f.Seconds, f.Worst = all[len(all)/2].seconds, all[len(all)-1].seconds
}

// shrink lets the driver shrink a failing plan. If that fails or takes too long, the
// mutant is killed all the same.
func (f *finding) shrink(ctx context.Context, p program, s settings, seed uint64) {
	r, err := runDriver(ctx, p, s, "-start", strconv.FormatUint(seed, 10), "-shrink", strconv.Itoa(s.shrink))
	if err != nil {
		f.Problem = "not shrunk: " + err.Error()
		return
	}
	f.Shrunk = true
	f.Steps, f.Minimal = r.Shrunk.Operations+r.Shrunk.Faults+r.Shrunk.Overrides, r.Shrunk.Minimal
}

// runDriver runs the driver on one core. Any result but a report, with or without a
// violation, is an error: a process that hangs or dies proves nothing. After errCPU
// the report has the processor time only.
func runDriver(ctx context.Context, p program, s settings, args ...string) (report, error) {
	args = append(args, "-without", s.without)
	cmd := guarded(ctx, s.cpu, p.path, args...)
	cmd.Env = p.environment()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	used := processorTime(cmd)
	if outOfCPU(cmd, s.cpu) {
		return report{seconds: used.Seconds()}, fmt.Errorf("the driver: %w of %v", errCPU, s.cpu)
	}
	if err != nil {
		first, _, _ := strings.Cut(strings.TrimSpace(stderr.String()), "\n")
		return report{}, fmt.Errorf("the driver: %w: %s", err, first)
	}
	var r report
	if err := json.Unmarshal(out, &r); err != nil {
		return report{}, fmt.Errorf("the output of the driver is %.100q: %w", out, err)
	}
	r.seconds = used.Seconds()
	return r, nil
}
